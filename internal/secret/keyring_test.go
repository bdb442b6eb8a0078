package secret

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	perch "github.com/perchhq/perch"
)

// keys is a KeyStore in memory that counts how often it is read.
type keys struct {
	mu    sync.Mutex
	kept  map[perch.ID][]byte
	reads int
	fail  error
}

func newKeys() *keys { return &keys{kept: map[perch.ID][]byte{}} }

func (k *keys) InsertKey(_ context.Context, owner perch.ID, wrapped []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return nil, k.fail
	}
	if kept, ok := k.kept[owner]; ok {
		return kept, nil
	}
	k.kept[owner] = bytes.Clone(wrapped)
	return wrapped, nil
}

func (k *keys) Key(_ context.Context, owner perch.ID) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	if k.fail != nil {
		return nil, k.fail
	}
	if kept, ok := k.kept[owner]; ok {
		return kept, nil
	}
	return nil, ErrDestroyed
}

func (k *keys) DeleteKeys(_ context.Context, owners ...perch.ID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	maps.DeleteFunc(k.kept, func(owner perch.ID, _ []byte) bool { return slices.Contains(owners, owner) })
	return nil
}

func masterOf(t *testing.T, fill byte) *Local {
	t.Helper()
	master, err := NewLocal([KeySize]byte(bytes.Repeat([]byte{fill}, KeySize)))
	must(t, err)
	return master
}

var errStore = errors.New("the key database does not answer")

func TestCreatingAKeyTwiceKeepsTheFirst(t *testing.T) {
	t.Parallel()
	store, owner := newKeys(), perch.NewID()
	// Two keyrings over one store are two processes.
	first, second := NewKeyring(masterOf(t, 1), store), NewKeyring(masterOf(t, 1), store)
	one, err := first.Create(t.Context(), owner)
	must(t, err)
	sealed := one.Seal(nil, []byte("plain"), nil)
	for name, again := range map[string]func() (*Cipher, error){
		"created again":                    func() (*Cipher, error) { return first.Create(t.Context(), owner) },
		"created again in another process": func() (*Cipher, error) { return second.Create(t.Context(), owner) },
		"read":                             func() (*Cipher, error) { return first.Cipher(t.Context(), owner) },
		"read by a fresh process":          func() (*Cipher, error) { return NewKeyring(masterOf(t, 1), store).Cipher(t.Context(), owner) },
	} {
		c, err := again()
		must(t, err)
		if opened, err := c.Open(nil, sealed, nil); err != nil || string(opened) != "plain" {
			t.Errorf("%s: the key is another one: %v", name, err)
		}
	}
}

func TestOwnersHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	ring := NewKeyring(masterOf(t, 1), newKeys())
	one, err := ring.Create(t.Context(), perch.NewID())
	must(t, err)
	other, err := ring.Create(t.Context(), perch.NewID())
	must(t, err)
	if _, err := other.Open(nil, one.Seal(nil, []byte("plain"), nil), nil); !errors.Is(err, ErrUnreadable) {
		t.Errorf("one owner's key opens what another's sealed: %v", err)
	}
	if one.Hash([]byte("x")) == other.Hash([]byte("x")) {
		t.Error("two owners' hashes can be compared")
	}
}

func TestCreatingAtOnceGivesOneKey(t *testing.T) {
	t.Parallel()
	store, owner := newKeys(), perch.NewID()
	var all sync.WaitGroup
	made := make([]*Cipher, 8)
	for i := range made {
		ring := NewKeyring(masterOf(t, 1), store)
		all.Go(func() {
			var err error
			if made[i], err = ring.Create(t.Context(), owner); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	sealed := made[0].Seal(nil, []byte("plain"), nil)
	for i, c := range made {
		if _, err := c.Open(nil, sealed, nil); err != nil {
			t.Errorf("keyring %d: %v", i, err)
		}
	}
}

func TestADestroyedKeyIsGone(t *testing.T) {
	t.Parallel()
	store, owner, other := newKeys(), perch.NewID(), perch.NewID()
	ring := NewKeyring(masterOf(t, 1), store)
	for _, one := range []perch.ID{owner, other} {
		_, err := ring.Create(t.Context(), one)
		must(t, err)
	}
	before, err := ring.Cipher(t.Context(), owner)
	must(t, err)
	sealed := before.Seal(nil, []byte("plain"), nil)
	must(t, ring.Destroy(t.Context(), owner))
	if _, err := ring.Cipher(t.Context(), owner); !errors.Is(err, ErrDestroyed) {
		t.Errorf("in this process: %v", err)
	}
	if _, err := NewKeyring(masterOf(t, 1), store).Cipher(t.Context(), owner); !errors.Is(err, ErrDestroyed) {
		t.Errorf("in another process: %v", err)
	}
	if _, err := ring.Cipher(t.Context(), other); err != nil {
		t.Errorf("another owner's key went with it: %v", err)
	}
	must(t, ring.Destroy(t.Context(), owner))
	anew, err := ring.Create(t.Context(), owner)
	must(t, err)
	if _, err := anew.Open(nil, sealed, nil); !errors.Is(err, ErrUnreadable) {
		t.Errorf("the key came back: %v", err)
	}
}

func TestADestroyThatFailsIsAnErrorAndForgetsTheKey(t *testing.T) {
	t.Parallel()
	store, owner := newKeys(), perch.NewID()
	ring := NewKeyring(masterOf(t, 1), store)
	_, err := ring.Create(t.Context(), owner)
	must(t, err)
	store.fail = errStore
	if err := ring.Destroy(t.Context(), owner); !errors.Is(err, errStore) {
		t.Errorf("Destroy: %v", err)
	}
	if _, err := ring.Cipher(t.Context(), owner); !errors.Is(err, errStore) {
		t.Errorf("the key is still in memory: %v", err)
	}
}

func TestAKeyringReadsEachKeyOnceUntilItForgetsIt(t *testing.T) {
	t.Parallel()
	store, owner := newKeys(), perch.NewID()
	ring := NewKeyring(masterOf(t, 1), store)
	_, err := ring.Create(t.Context(), owner)
	must(t, err)
	for range 3 {
		_, err := ring.Cipher(t.Context(), owner)
		must(t, err)
	}
	if store.reads != 0 {
		t.Errorf("%d readings of a key that was just made", store.reads)
	}
	ring.Forget(owner)
	for range 3 {
		_, err := ring.Cipher(t.Context(), owner)
		must(t, err)
	}
	if store.reads != 1 {
		t.Errorf("%d readings after Forget", store.reads)
	}
}

func TestTheMemoryForOpenedKeysIsBounded(t *testing.T) {
	t.Parallel()
	ring := NewKeyring(masterOf(t, 1), newKeys())
	for range cachedCiphers + 10 {
		_, err := ring.Create(t.Context(), perch.NewID())
		must(t, err)
	}
	if len(ring.open) > cachedCiphers {
		t.Errorf("%d opened keys are kept", len(ring.open))
	}
}

func TestAnotherMasterCannotUnwrap(t *testing.T) {
	t.Parallel()
	store, owner := newKeys(), perch.NewID()
	_, err := NewKeyring(masterOf(t, 1), store).Create(t.Context(), owner)
	must(t, err)
	wrong := NewKeyring(masterOf(t, 2), store)
	if _, err := wrong.Cipher(t.Context(), owner); !errors.Is(err, ErrUnreadable) {
		t.Errorf("Cipher: %v", err)
	}
	if _, err := wrong.Create(t.Context(), owner); !errors.Is(err, ErrUnreadable) {
		t.Errorf("Create: %v", err)
	}
}

func TestAWrappedKeyBelongsToItsOwner(t *testing.T) {
	t.Parallel()
	store, victim, thief := newKeys(), perch.NewID(), perch.NewID()
	ring := NewKeyring(masterOf(t, 1), store)
	_, err := ring.Create(t.Context(), victim)
	must(t, err)
	store.kept[thief] = store.kept[victim]
	if _, err := ring.Cipher(t.Context(), thief); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a key that was moved to another owner opens: %v", err)
	}
}

func TestTheStoreHoldsNoPlainKey(t *testing.T) {
	t.Parallel()
	store, owner, master := newKeys(), perch.NewID(), masterOf(t, 1)
	_, err := NewKeyring(master, store).Create(t.Context(), owner)
	must(t, err)
	plain, err := master.Unwrap(t.Context(), store.kept[owner], owner[:])
	must(t, err)
	if len(plain) != KeySize || bytes.Contains(store.kept[owner], plain) {
		t.Errorf("the stored form of a %d byte key shows it", len(plain))
	}
}

func TestChecksTellKeysApart(t *testing.T) {
	t.Parallel()
	key, other := [KeySize]byte{1}, [KeySize]byte{2}
	masterA, err := NewLocal(key)
	must(t, err)
	masterB, err := NewLocal(other)
	must(t, err)
	if !bytes.Equal(NewIdentity(key).Check(), NewIdentity(key).Check()) || bytes.Equal(NewIdentity(key).Check(), NewIdentity(other).Check()) {
		t.Error("the check of an id key does not tell it from another")
	}
	if bytes.Equal(masterA.Check(), masterB.Check()) {
		t.Error("the check of a master key does not tell it from another")
	}
	if bytes.Equal(masterA.Check(), NewIdentity(key).Check()) {
		t.Error("one key used twice shows as one key")
	}
	if bytes.Contains(masterA.Check(), key[:8]) {
		t.Error("the check shows the key")
	}
}

func (*keys) EmptyLog(context.Context) error { return nil }
