package connect

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// A form's nonce is 256 random bits, and the row holds its hash alone: no nonce follows from another.
// One step may stand on several pages, when it was shown again; each has a nonce of its own, and the
// first form that comes uses all of them up. The hashes of the step before are kept for one turn, so
// that a form that is sent again because its answer was lost is told from a stranger's.

const (
	nonceBytes = 32
	// mostNonces bounds how many pages with the same step work.
	mostNonces = 8
)

// newNonce returns a nonce as forms carry it, and its hash.
func newNonce() (text string, hash []byte) {
	var raw [nonceBytes]byte
	_, _ = rand.Read(raw[:])
	text = base64.RawURLEncoding.EncodeToString(raw[:])
	return text, nonceHash(text)
}

func nonceHash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// among reports whether the nonce's hash is one of the hashes. It need not take constant time: a hash
// cannot be approached byte by byte.
func among(hashes []byte, nonce string) bool {
	wanted := nonceHash(nonce)
	for ; len(hashes) >= sha256.Size; hashes = hashes[sha256.Size:] {
		if bytes.Equal(hashes[:sha256.Size], wanted) {
			return true
		}
	}
	return false
}

// withNonce adds a hash and forgets the oldest beyond mostNonces.
func withNonce(hashes, hash []byte) []byte {
	all := append(bytes.Clone(hashes), hash...)
	if over := len(all) - mostNonces*sha256.Size; over > 0 {
		all = all[over:]
	}
	return all
}
