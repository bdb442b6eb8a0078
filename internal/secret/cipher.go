package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// ErrUnreadable means that sealed bytes cannot be opened: they were changed, moved to another
// place, or their key is not the one at hand.
var ErrUnreadable = errors.New("sealed data cannot be opened with this key")

// Cipher seals and hashes under one data key. It is safe for concurrent use.
type Cipher struct {
	records     cipher.AEAD
	identifiers cipher.AEAD
	hashKey     []byte
	macs        sync.Pool
}

const nonceSize = 12

// Overhead is how many bytes Seal adds.
const Overhead = nonceSize + 16

func newCipher(dataKey []byte) (*Cipher, error) {
	records, err := derivedAEAD(dataKey, "records")
	if err != nil {
		return nil, err
	}
	identifiers, err := derivedAEAD(dataKey, "identifiers")
	if err != nil {
		return nil, err
	}
	hashKey, err := hkdf.Key(sha256.New, dataKey, nil, "hash", KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	c := &Cipher{records: records, identifiers: identifiers, hashKey: hashKey}
	c.macs.New = func() any { return hmac.New(sha256.New, c.hashKey) }
	return c, nil
}

func derivedAEAD(dataKey []byte, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, dataKey, nil, purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	return newAEAD(key)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("making a cipher: %w", err)
	}
	return aead, nil
}

// Seal appends to dst the sealed form of plain, bound to the place that bound describes.
func (c *Cipher) Seal(dst, plain, bound []byte) []byte { return seal(c.records, dst, plain, bound) }

// Open appends to dst what Seal sealed at the same place.
func (c *Cipher) Open(dst, sealed, bound []byte) ([]byte, error) {
	return open(c.records, dst, sealed, bound)
}

// SealIdentifiers seals twice, under two keys: for social security and bank account numbers, which
// no other kind of read opens.
func (c *Cipher) SealIdentifiers(dst, plain, bound []byte) []byte {
	return c.Seal(dst, seal(c.identifiers, nil, plain, bound), bound)
}

// OpenIdentifiers opens what SealIdentifiers sealed.
func (c *Cipher) OpenIdentifiers(dst, sealed, bound []byte) ([]byte, error) {
	inner, err := c.Open(nil, sealed, bound)
	if err != nil {
		return nil, err
	}
	return open(c.identifiers, dst, inner, bound)
}

// Hash is a keyed content hash: equal inputs are recognised, nothing else is learned from it. Several
// parts are told apart by their lengths.
func (c *Cipher) Hash(parts ...[]byte) (sum [sha256.Size]byte) {
	mac := c.macs.Get().(hash.Hash)
	mac.Reset()
	for _, part := range parts {
		if len(parts) > 1 {
			var length [8]byte
			binary.LittleEndian.PutUint64(length[:], uint64(len(part)))
			_, _ = mac.Write(length[:])
		}
		_, _ = mac.Write(part)
	}
	mac.Sum(sum[:0])
	c.macs.Put(mac)
	return sum
}

func seal(aead cipher.AEAD, dst, plain, bound []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, nonceSize)...)
	nonce := dst[start:]
	_, _ = rand.Read(nonce)
	return aead.Seal(dst, nonce, plain, bound)
}

func open(aead cipher.AEAD, dst, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrUnreadable
	}
	plain, err := aead.Open(dst, sealed[:nonceSize], sealed[nonceSize:], bound)
	if err != nil {
		return nil, ErrUnreadable
	}
	return plain, nil
}
