package operator

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what one hash takes: 19 MiB and two passes, the OWASP recommendation for argon2id.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var present = cost{memory: 19 << 10, passes: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// mostMemory and mostPasses bound what a stored hash may ask for.
	mostMemory = 1 << 20
	mostPasses = 20
)

var errHash = errors.New("the stored password hash cannot be read")

// hashPassword returns the hash in PHC form.
func hashPassword(password string) string {
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:])
	sum := argon2.IDKey([]byte(password), salt[:], present.passes, present.memory, present.threads, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, present.memory, present.passes, present.threads,
		base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(sum))
}

// checkPassword reports whether the password has the hash.
func checkPassword(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false, errHash
	}
	var version int
	var c cost
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || len(sum) != hashSize || c.memory == 0 || c.memory > mostMemory || c.passes == 0 || c.passes > mostPasses || c.threads == 0 {
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, hashSize)
	return subtle.ConstantTimeCompare(got, sum) == 1, nil
}

// newPassword returns a password of 120 random bits in groups that can be read aloud.
func newPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789" // without those that look alike
	var b strings.Builder
	for b.Len() < 29 {
		if b.Len()%6 == 5 {
			b.WriteByte('-')
		}
		var one [1]byte
		_, _ = rand.Read(one[:])
		if int(one[0]) < 256/len(letters)*len(letters) {
			b.WriteByte(letters[int(one[0])%len(letters)])
		}
	}
	return b.String()
}
