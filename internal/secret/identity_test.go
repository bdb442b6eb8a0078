package secret

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	perch "github.com/perchhq/perch"
)

var golden = perch.ID{0: 1, 6: 0x40, 8: 0x80, 15: 16}

// Clients keep ids for good, so the derivation must never change. The values were computed by a
// second implementation: HMAC-SHA256 over the entity, the length of the kind, the kind and the key.
func TestRecordIDsNeverChange(t *testing.T) {
	t.Parallel()
	identity := NewIdentity([KeySize]byte{1, 2, 3})
	for key, want := range map[string]string{
		"employee:1042": "ea98ba61-56ba-4bd0-80c6-68ad12efe9c1",
		"":              "fed11a65-4100-48fe-8b4a-8452e1ba9494",
		"Ünïcødé|☃":     "35e88951-41bd-4f1d-a848-3484779cf1f0",
	} {
		if got := identity.RecordID(golden, "person", key).String(); got != want {
			t.Errorf("the id of %q is %s, was %s", key, got, want)
		}
	}
}

func TestRecordIDsDependOnEverything(t *testing.T) {
	t.Parallel()
	key, other := [KeySize]byte{1}, [KeySize]byte{2}
	entity := perch.NewID()
	ids := map[string]perch.ID{
		"the first":           NewIdentity(key).RecordID(entity, "person", "7"),
		"another entity":      NewIdentity(key).RecordID(perch.NewID(), "person", "7"),
		"another kind":        NewIdentity(key).RecordID(entity, "payment", "7"),
		"another key":         NewIdentity(key).RecordID(entity, "person", "8"),
		"another id key":      NewIdentity(other).RecordID(entity, "person", "7"),
		"kind and key shift":  NewIdentity(key).RecordID(entity, "perso", "n7"),
		"all of it in kind":   NewIdentity(key).RecordID(entity, "person7", ""),
		"no kind, all in key": NewIdentity(key).RecordID(entity, "", "person7"),
	}
	seen := map[perch.ID]string{}
	for name, id := range ids {
		if before, twice := seen[id]; twice {
			t.Errorf("%s and %s have one id", name, before)
		}
		seen[id] = name
	}
	if NewIdentity(key).RecordID(entity, "person", "7") != ids["the first"] {
		t.Error("the same record has another id the second time")
	}
}

func TestRecordIDsAreVersion4(t *testing.T) {
	t.Parallel()
	identity, entity := NewIdentity([KeySize]byte{9}), perch.NewID()
	for i := range 1000 {
		id := identity.RecordID(entity, "person", fmt.Sprint(i))
		if perch.V4(id) != id || id.IsZero() {
			t.Fatalf("%s is no version 4 UUID", id)
		}
	}
	if id := identity.RecordID(entity, "person", strings.Repeat("long", 10_000)); perch.V4(id) != id {
		t.Errorf("%s is no version 4 UUID", id)
	}
}

func TestAnIdentityServesManyAtOnce(t *testing.T) {
	t.Parallel()
	identity, entity := NewIdentity([KeySize]byte{9}), perch.NewID()
	want := identity.RecordID(entity, "person", "7")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 500 {
				identity.RecordID(entity, "person", fmt.Sprint(i))
				if got := identity.RecordID(entity, "person", "7"); got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
			}
		})
	}
	all.Wait()
}
