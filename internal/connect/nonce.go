package connect

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A visit has a secret that is made when the link is opened and stored as a hash. The nonce of a form
// is that secret and a code over it and the turn, so that a form works once, a form that is out of
// date can still be told from a stranger's, and who has nothing but the link has no part in the visit.

const secretBytes = 16

type visitSecret [secretBytes]byte

func newVisitSecret() (v visitSecret) {
	_, _ = rand.Read(v[:])
	return v
}

func (v visitSecret) hash() []byte {
	sum := sha256.Sum256(v[:])
	return sum[:]
}

// nonce returns the nonce of the form that is sent at the given turn.
func (v visitSecret) nonce(turn int64) string {
	mac := hmac.New(sha256.New, v[:])
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(turn)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(v[:])[:2*secretBytes])
}

// secretOf returns the visit's secret from a nonce.
func secretOf(nonce string) (v visitSecret, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != 2*secretBytes {
		return v, false
	}
	copy(v[:], raw)
	return v, true
}
