package catalog

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// counts holds, for a table, the number of rows per product group and integration type.
type counts map[Table]map[Group]map[IntegrationType]int

func (c counts) add(table Table, g Group, t IntegrationType) {
	if c[table] == nil {
		c[table] = map[Group]map[IntegrationType]int{}
	}
	if c[table][g] == nil {
		c[table][g] = map[IntegrationType]int{}
	}
	c[table][g][t]++
}

// wantCounts were counted in the published tables: 99 and 134 rows.
func wantCounts() counts {
	return counts{
		TableGeneral: {
			GroupOrganization: {Automated: 52, Assisted: 47},
			GroupPayroll:      {Automated: 41, Assisted: 31, OnRequest: 19, None: 8},
			GroupDeductions:   {Automated: 6, Assisted: 19, OnRequest: 50, None: 24},
			GroupDocuments:    {Automated: 4, None: 95},
		},
		TableBeta: {
			GroupOrganization: {Assisted: 134},
			GroupPayroll:      {Assisted: 3, OnRequest: 131},
			GroupDeductions:   {OnRequest: 133, None: 1},
			GroupDocuments:    {None: 134},
		},
	}
}

func compareCounts(t *testing.T, got, want counts) {
	t.Helper()
	for _, table := range Table("").Values() {
		for _, g := range Group("").Values() {
			if !maps.Equal(got[table][g], want[table][g]) {
				t.Errorf("%s, %s: got %v, want %v", table, g, got[table][g], want[table][g])
			}
		}
	}
}

func TestTheCatalogueHasEveryRowOfTheTables(t *testing.T) {
	t.Parallel()
	got := counts{}
	entries := load(t).All()
	for _, e := range entries {
		for _, g := range Group("").Values() {
			got.add(e.Table, g, e.Group(g))
			for range e.OtherNames {
				// The only further listing is in the beta table and has the same integration types.
				got.add(TableBeta, g, e.Group(g))
			}
		}
	}
	compareCounts(t, got, wantCounts())
	if len(entries) != 232 {
		t.Errorf("got %d entries, want 232: 233 rows of which two share an id", len(entries))
	}
}

// published is a row of the documentation.
type published struct {
	table  Table
	name   string
	id     string
	groups map[Group]IntegrationType
}

// publishedRows parses the two tables of the page "Provider Network".
func publishedRows(t *testing.T) []published {
	t.Helper()
	file, err := os.Open(shared(t, "reference", "finch-docs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	id := regexp.MustCompile("^`([^`]+)`$")
	var rows []published
	var table Table
	inPage := false
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(line, "Source: "):
			inPage = strings.HasSuffix(line, "/integrations/providers")
		case strings.HasPrefix(line, "### Generally Available"):
			table = TableGeneral
		case strings.HasPrefix(line, "### Beta"):
			table = TableBeta
		case inPage && strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			m := id.FindStringSubmatch(cells[len(cells)-1])
			if m == nil {
				continue // The heading and the rule below it.
			}
			row := published{table: table, name: strings.ReplaceAll(cells[0], `\`, ""), id: m[1], groups: map[Group]IntegrationType{}}
			for i, g := range Group("").Values() {
				row.groups[g] = publishedType(t, cells[i+1])
			}
			rows = append(rows, row)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func publishedType(t *testing.T, cell string) IntegrationType {
	t.Helper()
	switch {
	case cell == "<Automated />":
		return Automated
	case cell == "<Assisted />":
		return Assisted
	case strings.HasPrefix(cell, "[Request]("):
		return OnRequest
	case cell == "--":
		return None
	default:
		t.Fatalf("unknown cell %q", cell)
		return ""
	}
}

func TestTheCatalogueAgreesWithThePublishedTables(t *testing.T) {
	t.Parallel()
	rows := publishedRows(t)
	if len(rows) != 233 {
		t.Fatalf("parsed %d rows, want 233", len(rows))
	}
	c := load(t)
	got := counts{}
	var order []string
	for _, row := range rows {
		e, ok := c.Provider(row.id)
		if !ok {
			t.Errorf("%s is missing", row.id)
			continue
		}
		if row.name != e.DisplayName && !slices.Contains(e.OtherNames, row.name) {
			t.Errorf("%s: name %q is not %q", row.id, e.DisplayName, row.name)
		}
		if row.name == e.DisplayName {
			order = append(order, row.id)
			if row.table != e.Table {
				t.Errorf("%s: table %s, want %s", row.id, e.Table, row.table)
			}
		}
		for _, g := range Group("").Values() {
			got.add(row.table, g, row.groups[g])
			if e.Group(g) != row.groups[g] {
				t.Errorf("%s, %s: got %s, want %s", row.id, g, e.Group(g), row.groups[g])
			}
		}
	}
	compareCounts(t, got, wantCounts())
	var ids []string
	for _, e := range c.All() {
		ids = append(ids, e.ID)
	}
	if !slices.Equal(ids, order) {
		t.Error("the entries are not in the order of the tables")
	}
}

func TestEveryDescribedProviderIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	c := load(t)
	files, err := filepath.Glob(filepath.Join(shared(t, "providers"), "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no provider notes: %v", err)
	}
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".md")
		if strings.HasPrefix(id, "_") || id == "check" {
			continue // Notes on many providers, and on payroll infrastructure that is no provider.
		}
		e, ok := c.Provider(id)
		if !ok {
			t.Errorf("%s has notes and no entry", id)
			continue
		}
		stated := slices.ContainsFunc(e.methods, func(m method) bool { return m.provenance.Fields == sourceNotes })
		if !stated {
			t.Errorf("%s has notes and no entry that uses them", id)
		}
	}
}

func TestIdsAreUniqueAndWellFormed(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z0-9_]+$`)
	seen := map[string]bool{}
	for _, e := range load(t).All() {
		if seen[e.ID] {
			t.Errorf("%s is listed twice", e.ID)
		}
		seen[e.ID] = true
		if !form.MatchString(e.ID) {
			t.Errorf("%q is not an id", e.ID)
		}
	}
}
