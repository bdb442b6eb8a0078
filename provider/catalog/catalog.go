package catalog

//go:generate go run ./internal/gen

import (
	"fmt"
	"regexp"

	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// Catalog is the list of known providers. It is immutable and safe for concurrent use.
type Catalog struct {
	entries []Entry
	byID    map[string]int
}

// Load builds the catalogue from the data that is compiled in. It checks all of it; an error names
// the entry and what is wrong with it. Call it once at the start and keep the result.
func Load() (*Catalog, error) { return build(data()) }

// Provider returns the entry with the given id, such as "gusto". The second result is false when
// there is none.
func (c *Catalog) Provider(id string) (Entry, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Entry{}, false
	}
	return c.entries[i], true
}

// All returns every entry in the order of the published tables: the generally available ones first,
// then those in beta, each table in its own order. The slice is the caller's.
func (c *Catalog) All() []Entry { return append([]Entry(nil), c.entries...) }

var validID = regexp.MustCompile(`^[a-z0-9_]+$`)

// build checks d and gives it meaning.
func build(d source.Data) (*Catalog, error) {
	profiles, err := compileProfiles(d.Profiles)
	if err != nil {
		return nil, err
	}
	supports, err := supportsByID(d.Supports)
	if err != nil {
		return nil, err
	}
	c := &Catalog{byID: make(map[string]int, len(d.Network.General)+len(d.Network.Beta))}
	add := func(row source.Row, table Table) error {
		support := supports[row.ID]
		delete(supports, row.ID)
		entry, err := profiles.entry(row, table, support)
		if err != nil {
			return fmt.Errorf("catalogue entry %q: %w", row.ID, err)
		}
		if _, taken := c.byID[row.ID]; taken {
			return fmt.Errorf("catalogue entry %q: the id is listed twice", row.ID)
		}
		c.byID[row.ID] = len(c.entries)
		c.entries = append(c.entries, entry)
		return nil
	}
	for _, row := range d.Network.General {
		if err := add(row, TableGeneral); err != nil {
			return nil, err
		}
	}
	for _, row := range d.Network.Beta {
		if err := add(row, TableBeta); err != nil {
			return nil, err
		}
	}
	for id := range supports {
		return nil, fmt.Errorf("catalogue support %q: no provider of the network has this id", id)
	}
	return c, nil
}

// supportsByID indexes what is known of single providers.
func supportsByID(list []source.Support) (map[string]source.Support, error) {
	m := make(map[string]source.Support, len(list))
	for _, s := range list {
		if _, taken := m[s.ID]; taken {
			return nil, fmt.Errorf("catalogue support %q: described twice", s.ID)
		}
		m[s.ID] = s
	}
	return m, nil
}
