package operator

import (
	"strings"
	"testing"
)

func TestPasswordsAreHashed(t *testing.T) {
	t.Parallel()
	hash := hashPassword("correct horse battery")
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == hashPassword("correct horse battery") {
		t.Errorf("hashed as %s", hash)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterY": false, "": false} {
		if got, err := checkPassword(hash, password); err != nil || got != want {
			t.Errorf("%q: %t %v", password, got, err)
		}
	}
	// One that was hashed with another cost is still checked with its own.
	old := "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + strings.Repeat("A", 43)
	if got, err := checkPassword(old, "x"); err != nil || got {
		t.Errorf("another cost: %t %v", got, err)
	}
}

func TestADamagedHashLetsNobodyIn(t *testing.T) {
	t.Parallel()
	hash := hashPassword("correct horse battery")
	for _, damaged := range []string{
		"", "$", "plain", hash[:len(hash)-1], strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=18", 1),
		strings.Replace(hash, "m=19456", "m=4294967295", 1), strings.Replace(hash, "t=2", "t=0", 1), strings.Replace(hash, "p=1", "p=0", 1), hash + "$",
	} {
		if got, err := checkPassword(damaged, "correct horse battery"); err == nil || got {
			t.Errorf("%q: %t %v", damaged, got, err)
		}
	}
}

func TestAMadeUpPasswordIsLongAndNeverTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		p := newPassword()
		if len(p) != 29 || seen[p] {
			t.Fatalf("made %q", p)
		}
		seen[p] = true
	}
}
