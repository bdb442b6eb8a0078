package secret

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
)

// Master wraps data keys. Local wraps with a key file; a KMS takes its place in production.
type Master interface {
	Wrap(ctx context.Context, dataKey, bound []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, bound []byte) ([]byte, error)
	// Check tells this master key from another without revealing it.
	Check() []byte
}

// Local is a master key from a file.
type Local struct {
	aead  cipher.AEAD
	check []byte
}

// NewLocal makes a master from a key.
func NewLocal(key [KeySize]byte) (*Local, error) {
	aead, err := newAEAD(key[:])
	if err != nil {
		return nil, err
	}
	return &Local{aead: aead, check: keyCheck(key[:], "master")}, nil
}

// Wrap implements Master.
func (l *Local) Wrap(_ context.Context, dataKey, bound []byte) ([]byte, error) {
	return seal(l.aead, nil, dataKey, bound), nil
}

// Unwrap implements Master.
func (l *Local) Unwrap(_ context.Context, wrapped, bound []byte) ([]byte, error) {
	return open(l.aead, nil, wrapped, bound)
}

// Check implements Master.
func (l *Local) Check() []byte { return l.check }

// ErrDestroyed means that the owner's data key no longer exists.
var ErrDestroyed = errors.New("the data key was destroyed")

// KeyStore keeps wrapped data keys, apart from what they seal.
type KeyStore interface {
	// InsertKey stores the wrapped key unless the owner has one, and returns the one that is kept.
	InsertKey(ctx context.Context, owner perch.ID, wrapped []byte) ([]byte, error)
	// Key returns the wrapped key, or ErrDestroyed if there is none.
	Key(ctx context.Context, owner perch.ID) ([]byte, error)
	// DeleteKeys removes the keys. Their bytes may stay in a log until EmptyLog has succeeded.
	DeleteKeys(ctx context.Context, owners ...perch.ID) error
	// EmptyLog removes deleted keys beyond recovery. It fails while others read the log.
	EmptyLog(ctx context.Context) error
}

// Keyring makes, opens and destroys data keys. An owner is an entity or a connection. It is safe
// for concurrent use.
type Keyring struct {
	master Master
	store  KeyStore
	mu     sync.Mutex
	open   map[perch.ID]opened
}

// opened is a cipher that is kept for a while.
type opened struct {
	cipher *Cipher
	until  time.Time
}

const (
	// cachedCiphers bounds the memory for opened keys: about 2 KiB each.
	cachedCiphers = 4096
	// cachedFor is how long an opened key is used without looking whether it still exists: another
	// process may have destroyed it.
	cachedFor = time.Minute
)

// NewKeyring returns a keyring over the store.
func NewKeyring(master Master, store KeyStore) *Keyring {
	return &Keyring{master: master, store: store, open: map[perch.ID]opened{}}
}

// Create makes a data key for the owner, or returns the one it has.
func (k *Keyring) Create(ctx context.Context, owner perch.ID) (*Cipher, error) {
	var dataKey [KeySize]byte
	_, _ = rand.Read(dataKey[:])
	wrapped, err := k.master.Wrap(ctx, dataKey[:], owner[:])
	if err != nil {
		return nil, fmt.Errorf("wrapping a data key: %w", err)
	}
	if wrapped, err = k.store.InsertKey(ctx, owner, wrapped); err != nil {
		return nil, fmt.Errorf("storing a data key: %w", err)
	}
	return k.unwrap(ctx, owner, wrapped)
}

// Cipher returns the owner's cipher. It fails with ErrDestroyed after Destroy.
func (k *Keyring) Cipher(ctx context.Context, owner perch.ID) (*Cipher, error) {
	k.mu.Lock()
	held, ok := k.open[owner]
	k.mu.Unlock()
	if ok && time.Now().Before(held.until) {
		return held.cipher, nil
	}
	wrapped, err := k.store.Key(ctx, owner)
	if err != nil {
		k.Forget(owner)
		return nil, fmt.Errorf("reading a data key: %w", err)
	}
	return k.unwrap(ctx, owner, wrapped)
}

func (k *Keyring) unwrap(ctx context.Context, owner perch.ID, wrapped []byte) (*Cipher, error) {
	dataKey, err := k.master.Unwrap(ctx, wrapped, owner[:])
	if err != nil {
		return nil, fmt.Errorf("unwrapping a data key: %w", err)
	}
	c, err := newCipher(dataKey)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.open) >= cachedCiphers {
		clear(k.open)
	}
	k.open[owner] = opened{c, time.Now().Add(cachedFor)}
	return c, nil
}

// Destroy removes the owners' keys for good: what they sealed cannot be read again.
func (k *Keyring) Destroy(ctx context.Context, owners ...perch.ID) error {
	err := k.store.DeleteKeys(ctx, owners...)
	k.Forget(owners...)
	if err != nil {
		return fmt.Errorf("destroying data keys: %w", err)
	}
	return nil
}

// Scrub removes destroyed keys beyond recovery. It fails while others read the store's log, and is to
// be tried again then.
func (k *Keyring) Scrub(ctx context.Context) error { return k.store.EmptyLog(ctx) }

// Forget drops keys from memory.
func (k *Keyring) Forget(owners ...perch.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, owner := range owners {
		delete(k.open, owner)
	}
}
