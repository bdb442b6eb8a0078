package assist

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/file"
)

// ManyLeavers stops an import that would mark more of the active people as leavers than leave an
// employer at once: more often it is the wrong file. Import.AllowLeavers lets it pass.
type ManyLeavers struct {
	// Leavers of the Active people are not in the files.
	Leavers, Active int
}

// Error implements error.
func (m *ManyLeavers) Error() string {
	return fmt.Sprintf("%d of the %d active people are not in the files and would be marked as leavers; nothing was imported", m.Leavers, m.Active)
}

// An import may take fewLeavers people, or leaversPercent of the active ones, without being asked.
const (
	fewLeavers     = 5
	leaversPercent = 30
)

// previewCache is enough memory for the blocks that one pass over the people reads.
const previewCache = 8 << 20

// checkLeavers fails with ManyLeavers where too many people of an existing connection are missing from
// files that list everyone. It reads what is published and writes nothing.
func (im *Importer) checkLeavers(ctx context.Context, i Import, source *file.Source) error {
	if i.ConnectionID.IsZero() || i.AllowLeavers || source.PeopleCoverage() != provider.AbsentLeft {
		return nil
	}
	to, err := im.existing(ctx, i)
	if err != nil {
		return err
	}
	published, err := im.published(ctx, to)
	if err != nil || len(published) == 0 {
		return err
	}
	listed, err := im.listed(ctx, to, source, published)
	if err != nil {
		return err
	}
	found := &ManyLeavers{}
	for id, active := range published {
		if active {
			found.Active++
			if !listed[id] {
				found.Leavers++
			}
		}
	}
	if found.Leavers > fewLeavers && found.Leavers*100 > found.Active*leaversPercent {
		return found
	}
	return nil
}

// published returns who is published and whether they are active. Someone of whom that is not known
// counts as active, since an absence would mark them too.
func (im *Importer) published(ctx context.Context, to target) (map[perch.ID]bool, error) {
	account, err := im.Store.Account(ctx, to.connection, to.entity)
	if err != nil {
		return nil, err
	}
	generation := account.Groups[access.Organization].Generation
	if generation == 0 {
		return nil, nil
	}
	view, err := records.NewReader(im.Store, im.Keyring, previewCache).View(ctx, to.entity, generation, records.People)
	if err != nil {
		return nil, fmt.Errorf("reading the published people: %w", err)
	}
	people := make(map[perch.ID]bool, view.Count())
	var text []byte
	for position := range view.Count() {
		if text, err = view.Append(text[:0], records.FacetDirectory, position); err != nil {
			return nil, fmt.Errorf("reading the published people: %w", err)
		}
		var entry perch.DirectoryEntry
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil, fmt.Errorf("reading back a directory entry: %w", err)
		}
		people[entry.ID] = entry.IsActive == nil || *entry.IsActive
	}
	return people, nil
}

// listed returns which of the published people the files list, by the rules by which the engine
// recognises people: by the strongest of their keys that is known, unless a stronger key of a kind
// that the known person has as well says that it is somebody else.
func (im *Importer) listed(ctx context.Context, to target, source *file.Source, published map[perch.ID]bool) (map[perch.ID]bool, error) {
	known, err := im.knownKeys(ctx, to)
	if err != nil {
		return nil, err
	}
	listed := make(map[perch.ID]bool, len(published))
	for person, err := range source.People(ctx) {
		if err != nil {
			return nil, err
		}
		for n, key := range person.Keys {
			id, ok := known.id(key)
			if !ok {
				id = im.Engine.Identity.RecordID(to.entity, "individual", key)
			}
			if _, ok := published[id]; ok && !listed[id] && !known.contradicts(id, person.Keys[:n]) {
				listed[id] = true
				break
			}
		}
	}
	return listed, nil
}

// keys are the keys by which people are known who have several.
type keys struct {
	cipher *secret.Cipher
	ids    map[string]perch.ID
	kinds  map[perch.ID]map[string]bool
}

func (im *Importer) knownKeys(ctx context.Context, to target) (*keys, error) {
	cipher, err := im.Keyring.Cipher(ctx, to.entity)
	if err != nil {
		return nil, err
	}
	aliases, err := im.Store.Aliases(ctx, to.entity)
	if err != nil {
		return nil, err
	}
	k := &keys{cipher: cipher, ids: make(map[string]perch.ID, len(aliases)), kinds: make(map[perch.ID]map[string]bool)}
	for _, a := range aliases {
		k.ids[a.Kind+string(a.KeyHash)] = a.RecordID
		if k.kinds[a.RecordID] == nil {
			k.kinds[a.RecordID] = make(map[string]bool)
		}
		k.kinds[a.RecordID][a.Kind] = true
	}
	return k, nil
}

func kindOf(key string) string { kind, _, _ := strings.Cut(key, ":"); return kind }

func (k *keys) id(key string) (perch.ID, bool) {
	sum := k.cipher.Hash([]byte("key:"), []byte(key))
	id, ok := k.ids[kindOf(key)+string(sum[:16])]
	return id, ok
}

func (k *keys) contradicts(id perch.ID, stronger []string) bool {
	for _, key := range stronger {
		if k.kinds[id][kindOf(key)] {
			return true
		}
	}
	return false
}
