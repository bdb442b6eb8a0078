package sync

import (
	"context"
	"database/sql"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// identities gives people their ids. Most sources have one stable key per person, from which the id
// is derived without a look-up. A person with several keys keeps the id under which any of them was
// known before, unless a stronger key of the same kind says that it is somebody else.
type identities struct {
	run     *run
	byKey   map[string]perch.ID          // kind and keyed hash
	kinds   map[perch.ID]map[string]bool // which kinds of keys an id is known by
	fresh   []store.Alias
	aliased bool // some person has several keys
}

const kindIndividual = "individual"

func (r *run) loadIdentities(ctx context.Context) (*identities, error) {
	ids := &identities{run: r, byKey: map[string]perch.ID{}, kinds: map[perch.ID]map[string]bool{}}
	aliases, err := r.Store.Aliases(ctx, r.account.EntityID)
	if err != nil {
		return nil, err
	}
	for _, a := range aliases {
		ids.remember(a)
	}
	return ids, nil
}

func (i *identities) remember(a store.Alias) {
	i.aliased = true
	i.byKey[a.Kind+string(a.KeyHash)] = a.RecordID
	if i.kinds[a.RecordID] == nil {
		i.kinds[a.RecordID] = map[string]bool{}
	}
	i.kinds[a.RecordID][a.Kind] = true
}

func (i *identities) derive(key string) perch.ID {
	return IndividualID(i.run.Identity, i.run.account.EntityID, key)
}

func (i *identities) hash(key string) []byte {
	sum := i.run.cipher.Hash([]byte("key:"), []byte(key))
	return sum[:16]
}

func keyKind(key string) string { kind, _, _ := strings.Cut(key, ":"); return kind }

// assign reads the people of a source whose people have several keys once before they are synced, so
// that every reference to a person leads to the id that the person gets. Sources with one stable key
// per person, which is most, are not read twice.
func (i *identities) assign(ctx context.Context, people provider.PeopleReader, published func(perch.ID) bool) error {
	taken := map[perch.ID]bool{}
	for person, err := range people.People(ctx) {
		if err != nil {
			return err
		}
		if len(person.Keys) == 1 && !i.aliased {
			return nil
		}
		id := i.known(person.Keys, published, func(id perch.ID) bool { return taken[id] })
		taken[id] = true
		i.record(person.Keys, id)
	}
	return nil
}

// known looks the keys up, strongest first. published reports whether an id is among the records
// already, taken whether it was given out in this run.
func (i *identities) known(keys []string, published, taken func(perch.ID) bool) perch.ID {
	for n, key := range keys {
		id, ok := i.byKey[keyKind(key)+string(i.hash(key))]
		if !ok {
			if id = i.derive(key); !published(id) {
				continue
			}
		}
		if !taken(id) && !i.contradicts(id, keys[:n]) {
			return id
		}
	}
	return i.derive(keys[0])
}

// contradicts reports whether the id is known by another key of a kind that is among the stronger
// ones, none of which led to it.
func (i *identities) contradicts(id perch.ID, stronger []string) bool {
	for _, key := range stronger {
		if i.kinds[id][keyKind(key)] {
			return true
		}
	}
	return false
}

func (i *identities) record(keys []string, id perch.ID) {
	for _, key := range keys {
		a := store.Alias{Kind: keyKind(key), KeyHash: i.hash(key), RecordID: id}
		if _, ok := i.byKey[a.Kind+string(a.KeyHash)]; !ok {
			i.remember(a)
			i.fresh = append(i.fresh, a)
		}
	}
}

// of returns the id of the person with the given key.
func (i *identities) of(key string) perch.ID {
	if i.aliased {
		if id, ok := i.byKey[keyKind(key)+string(i.hash(key))]; ok {
			return id
		}
	}
	return i.derive(key)
}

// save stores new aliases with the generation that uses them.
func (i *identities) save(ctx context.Context, tx *sql.Tx) error {
	return i.run.Store.InsertAliases(ctx, tx, i.run.account.EntityID, i.fresh)
}
