package secret

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cipherOf returns the cipher of a data key whose bytes are all the same.
func cipherOf(t testing.TB, fill byte) *Cipher {
	t.Helper()
	c, err := newCipher(bytes.Repeat([]byte{fill}, KeySize))
	must(t, err)
	return c
}

// sealing is one of the two pairs of Seal and Open.
type sealing struct {
	seal func(c *Cipher, dst, plain, bound []byte) []byte
	open func(c *Cipher, dst, sealed, bound []byte) ([]byte, error)
}

var sealings = map[string]sealing{
	"records":     {(*Cipher).Seal, (*Cipher).Open},
	"identifiers": {(*Cipher).SealIdentifiers, (*Cipher).OpenIdentifiers},
}

func eachSealing(t *testing.T, test func(t *testing.T, s sealing)) {
	t.Helper()
	for name, s := range sealings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func TestWhatWasSealedOpensAtItsPlace(t *testing.T) {
	t.Parallel()
	eachSealing(t, func(t *testing.T, s sealing) {
		c, place := cipherOf(t, 1), []byte("entity/individual/7")
		for _, plain := range [][]byte{nil, []byte("x"), []byte("123-45-6789"), bytes.Repeat([]byte("a"), 1<<20)} {
			sealed := s.seal(c, nil, plain, place)
			opened, err := s.open(c, nil, sealed, place)
			if err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("%d bytes came back as %d, %v", len(plain), len(opened), err)
			}
			if len(plain) > 8 && bytes.Contains(sealed, plain) {
				t.Error("the sealed form shows what it seals")
			}
		}
	})
}

func TestSealAndOpenAppend(t *testing.T) {
	t.Parallel()
	eachSealing(t, func(t *testing.T, s sealing) {
		c := cipherOf(t, 1)
		sealed := s.seal(c, []byte("before"), []byte("plain"), []byte("place"))
		if !bytes.HasPrefix(sealed, []byte("before")) {
			t.Fatalf("sealed over what was there: %q", sealed)
		}
		opened, err := s.open(c, []byte("then "), sealed[len("before"):], []byte("place"))
		if err != nil || string(opened) != "then plain" {
			t.Errorf("got %q, %v", opened, err)
		}
	})
}

func TestSealingAddsOverheadBytes(t *testing.T) {
	t.Parallel()
	c := cipherOf(t, 1)
	if got := len(c.Seal(nil, make([]byte, 100), nil)); got != 100+Overhead {
		t.Errorf("records: %d", got)
	}
	if got := len(c.SealIdentifiers(nil, make([]byte, 9), nil)); got != 9+2*Overhead {
		t.Errorf("identifiers: %d", got)
	}
}

func TestSealingTwiceGivesDifferentBytes(t *testing.T) {
	t.Parallel()
	eachSealing(t, func(t *testing.T, s sealing) {
		c, seen := cipherOf(t, 1), map[string]bool{}
		for range 1000 {
			sealed := string(s.seal(c, nil, []byte("plain"), []byte("place")))
			if seen[sealed[:nonceSize]] {
				t.Fatal("a nonce was used twice")
			}
			seen[sealed[:nonceSize]] = true
		}
	})
}

func TestAnyChangedBitIsNoticed(t *testing.T) {
	t.Parallel()
	eachSealing(t, func(t *testing.T, s sealing) {
		c, place := cipherOf(t, 1), []byte("entity/ssn/0042")
		sealed := s.seal(c, nil, []byte("123456789"), place)
		unreadable := func(what string, bit int, sealed, place []byte) {
			t.Helper()
			if opened, err := s.open(c, nil, sealed, place); !errors.Is(err, ErrUnreadable) || opened != nil {
				t.Errorf("%s bit %d: opened to %q, %v", what, bit, opened, err)
			}
		}
		for bit := range len(sealed) * 8 {
			changed := bytes.Clone(sealed)
			changed[bit/8] ^= 1 << (bit % 8)
			unreadable("sealed", bit, changed, place)
		}
		for bit := range len(place) * 8 {
			changed := bytes.Clone(place)
			changed[bit/8] ^= 1 << (bit % 8)
			unreadable("place", bit, sealed, changed)
		}
	})
}

func TestWhatIsCutOrMovedIsNotOpened(t *testing.T) {
	t.Parallel()
	eachSealing(t, func(t *testing.T, s sealing) {
		c, place := cipherOf(t, 1), []byte("a/b")
		sealed := s.seal(c, nil, []byte("123456789"), place)
		for most := range len(sealed) {
			if _, err := s.open(c, nil, sealed[:most], place); !errors.Is(err, ErrUnreadable) {
				t.Fatalf("the first %d bytes: %v", most, err)
			}
		}
		for name, where := range map[string]string{"nowhere": "", "a longer place": "a/bc", "a shorter place": "a/", "another place": "b/a"} {
			if _, err := s.open(c, nil, sealed, []byte(where)); !errors.Is(err, ErrUnreadable) {
				t.Errorf("at %s: %v", name, err)
			}
		}
		if _, err := s.open(c, nil, append(bytes.Clone(sealed), 0), place); !errors.Is(err, ErrUnreadable) {
			t.Errorf("with a byte more: %v", err)
		}
		if _, err := s.open(cipherOf(t, 2), nil, sealed, place); !errors.Is(err, ErrUnreadable) {
			t.Errorf("under another data key: %v", err)
		}
	})
}

// The second seal of identifiers stands under a key that opening records does not use.
func TestIdentifiersNeedBothKeys(t *testing.T) {
	t.Parallel()
	c, place, number := cipherOf(t, 1), []byte("place"), []byte("123456789")
	sealed := c.SealIdentifiers(nil, number, place)
	inner, err := c.Open(nil, sealed, place)
	must(t, err)
	if bytes.Contains(inner, number) || len(inner) != len(number)+Overhead {
		t.Fatalf("the records key alone shows %d bytes that are not sealed again", len(inner))
	}
	if _, err := c.Open(nil, inner, place); !errors.Is(err, ErrUnreadable) {
		t.Errorf("the records key opens the inner seal: %v", err)
	}
	if _, err := c.OpenIdentifiers(nil, c.Seal(nil, number, place), place); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a record opens as an identifier: %v", err)
	}
	twice := c.Seal(nil, c.Seal(nil, number, place), place)
	if _, err := c.OpenIdentifiers(nil, twice, place); !errors.Is(err, ErrUnreadable) {
		t.Errorf("what was sealed twice under the records key opens as an identifier: %v", err)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	c, same, other := cipherOf(t, 1), cipherOf(t, 1), cipherOf(t, 2)
	first := c.Hash([]byte("record"))
	if c.Hash([]byte("record")) != first || same.Hash([]byte("record")) != first {
		t.Error("equal inputs under one key are not recognised")
	}
	if c.Hash([]byte("rec"), []byte("ord")) == c.Hash([]byte("reco"), []byte("rd")) {
		t.Error("parts are not told apart")
	}
	if other.Hash([]byte("record")) == first {
		t.Error("another key gives the same hash")
	}
	if c.Hash([]byte("recorD")) == first || c.Hash() == c.Hash([]byte{0}) {
		t.Error("different inputs give one hash")
	}
	if first == sha256.Sum256([]byte("record")) {
		t.Error("the hash is not keyed")
	}
}

func TestACipherServesManyAtOnce(t *testing.T) {
	t.Parallel()
	c := cipherOf(t, 1)
	want := c.Hash([]byte("record"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				opened, err := c.Open(nil, c.Seal(nil, []byte("plain"), []byte("place")), []byte("place"))
				if err != nil || string(opened) != "plain" || c.Hash([]byte("record")) != want {
					t.Errorf("got %q, %v", opened, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func FuzzOpen(f *testing.F) {
	c := cipherOf(f, 1)
	f.Add(c.Seal(nil, []byte("plain"), []byte("place")), []byte("place"))
	f.Add(c.SealIdentifiers(nil, []byte("plain"), []byte("place")), []byte("place"))
	f.Add([]byte{}, []byte{})
	known := map[string]bool{"plain": true}
	f.Fuzz(func(t *testing.T, sealed, bound []byte) {
		for _, open := range []func(dst, sealed, bound []byte) ([]byte, error){c.OpenIdentifiers, c.Open} {
			opened, err := open(nil, sealed, bound)
			if err != nil && !errors.Is(err, ErrUnreadable) {
				t.Fatal(err)
			}
			if err == nil && !known[string(opened)] && len(opened) != len("plain")+Overhead {
				t.Fatalf("%x opened to %q", sealed, opened)
			}
		}
	})
}
