package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	perch "github.com/perchhq/perch"
)

// Identity derives record ids, the same ones for good. It is safe for concurrent use.
type Identity struct {
	key  []byte
	macs sync.Pool
}

// NewIdentity derives ids under the installation's id key.
func NewIdentity(key [KeySize]byte) *Identity {
	i := &Identity{key: key[:]}
	i.macs.New = func() any { return hmac.New(sha256.New, i.key) }
	return i
}

// RecordID returns the id of the record of the given kind to which the provider gives the natural
// key: a version 4 UUID from an HMAC over entity, kind and key, with their lengths between them.
func (i *Identity) RecordID(entity perch.ID, kind, key string) perch.ID {
	mac := i.macs.Get().(hash.Hash)
	mac.Reset()
	var buffer [64]byte
	b := append(buffer[:0], entity[:]...)
	b = append(b, byte(len(kind)))
	b = append(b, kind...)
	_, _ = mac.Write(b)
	b = append(b[:0], key...)
	_, _ = mac.Write(b)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	i.macs.Put(mac)
	return perch.V4([16]byte(sum[:16]))
}

// Check returns a value that tells this key from another without revealing it.
func (i *Identity) Check() []byte { return keyCheck(i.key, "id") }

func keyCheck(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("perch key check: " + purpose))
	return mac.Sum(nil)
}
