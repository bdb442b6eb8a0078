package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// profiles turns rows into entries. It holds the default profiles.
type profiles struct {
	index     fieldIndex
	automated fieldSet
	assisted  fieldSet
}

func compileProfiles(p source.Profiles) (profiles, error) {
	x := newFieldIndex()
	automated, err := x.set(p.Automated)
	if err != nil {
		return profiles{}, fmt.Errorf("catalogue profile \"automated\": %w", err)
	}
	assisted, err := x.set(p.Assisted)
	if err != nil {
		return profiles{}, fmt.Errorf("catalogue profile \"assisted\": %w", err)
	}
	return profiles{index: x, automated: automated, assisted: assisted}, nil
}

// entry checks one row and what is known of it, and gives both meaning. Errors do not name the
// entry.
func (p profiles) entry(row source.Row, table Table, support source.Support) (Entry, error) {
	if !validID.MatchString(row.ID) {
		return Entry{}, errors.New("id: want lower-case letters, digits and underscores")
	}
	if strings.TrimSpace(row.Name) == "" {
		return Entry{}, errors.New("name: missing")
	}
	groups, err := parseGroups(row)
	if err != nil {
		return Entry{}, err
	}
	if support.StatementMonths < 0 || support.DescriptionMax < 0 {
		return Entry{}, errors.New("statement_months, description_max: negative")
	}
	e := Entry{
		ID: row.ID, DisplayName: row.Name, Table: table, Source: sourceNetwork, PrimaryColor: colour(row.ID),
		StatementMonths: support.StatementMonths, DescriptionMax: support.DescriptionMax, groups: groups,
	}
	for _, other := range row.AlsoListed {
		if _, err := parse[Table]("also_listed: table", other.Table); err != nil {
			return Entry{}, err
		}
		e.OtherNames = append(e.OtherNames, other.Name)
	}
	if e.methods, err = p.methods(e, support); err != nil {
		return Entry{}, err
	}
	if err := addBenefits(&e, support.Benefits); err != nil {
		return Entry{}, err
	}
	return e, checkServed(e)
}

// parseGroups reads the columns of a row. Documents may be left out.
func parseGroups(row source.Row) (map[Group]IntegrationType, error) {
	documents := row.Documents
	if documents == "" {
		documents = string(None)
	}
	columns := map[Group]string{
		GroupOrganization: row.Organization, GroupPayroll: row.Payroll, GroupDeductions: row.Deductions, GroupDocuments: documents,
	}
	groups := make(map[Group]IntegrationType, len(columns))
	for _, g := range Group("").Values() {
		t, err := parse[IntegrationType](string(g), columns[g])
		if err != nil {
			return nil, err
		}
		groups[g] = t
	}
	return groups, nil
}

// methods returns the ways to connect: those that are described, or else credentials for whatever
// is automated, and the assisted way for whatever is assisted.
func (p profiles) methods(e Entry, support source.Support) ([]method, error) {
	automated := e.groupsOf(Automated)
	described := support.Methods
	if len(described) == 0 && len(automated) > 0 {
		described = []source.Method{{Type: string(perch.AuthCredential), Source: sourceAutomated}}
	}
	var methods []method
	for _, d := range described {
		m, err := p.method(d, automated, support.Fields)
		if err != nil {
			return nil, fmt.Errorf("method %q: %w", d.Type, err)
		}
		if slices.ContainsFunc(methods, func(o method) bool { return o.kind == m.kind }) {
			return nil, fmt.Errorf("method %q: described twice", d.Type)
		}
		methods = append(methods, m)
	}
	if assisted := e.groupsOf(Assisted); len(assisted) > 0 {
		m, err := p.assistedMethod(assisted, support.Fields)
		if err != nil {
			return nil, err
		}
		methods = append(methods, m)
	}
	return methods, nil
}

// method gives one described way to connect its meaning. automated are the groups that it may
// serve; shared are the fields of the provider, which its own replace.
func (p profiles) method(d source.Method, automated []Group, shared source.Fields) (method, error) {
	kind, err := parse[perch.AuthenticationType]("type", d.Type)
	if err != nil {
		return method{}, err
	}
	if kind == perch.AuthAssisted {
		return method{}, errors.New("type: assisted follows from the provider network and is not described")
	}
	if !slices.Contains(methodSources(), d.Source) {
		return method{}, fmt.Errorf("source: %q is not one of %q", d.Source, methodSources())
	}
	groups, err := parseList[Group]("groups", d.Groups)
	if err != nil {
		return method{}, err
	}
	if len(groups) == 0 {
		groups = automated
	}
	for _, g := range groups {
		if !slices.Contains(automated, g) {
			return method{}, fmt.Errorf("groups: %s is not automated in the provider network", g)
		}
	}
	fields := shared
	switch {
	case d.ProfileOnly && d.Fields.Source != "":
		return method{}, errors.New("fields: given together with profile_only")
	case d.ProfileOnly:
		fields = source.Fields{}
	case d.Fields.Source != "":
		fields = d.Fields
	}
	m := method{kind: kind, groups: groups, provenance: Provenance{Method: d.Source}}
	return p.withFields(m, fields, p.automated, sourceAutomated)
}

// assistedMethod is the way to connect for groups that are assisted.
func (p profiles) assistedMethod(groups []Group, fields source.Fields) (method, error) {
	m := method{kind: perch.AuthAssisted, groups: groups, provenance: Provenance{Method: sourceNetwork}}
	return p.withFields(m, fields, p.assisted, sourceAssisted)
}

// withFields adds the fields that m supplies and where they are known from. A method that reads
// nothing, because assisted deductions can only be written, has neither.
func (p profiles) withFields(m method, f source.Fields, profile fieldSet, profileSource string) (method, error) {
	set, stated := profile, !isZero(f)
	if stated {
		if f.Source != sourceNotes {
			return method{}, fmt.Errorf("fields: source: %q is not %q", f.Source, sourceNotes)
		}
		var err error
		if set, err = p.index.override(profile, f); err != nil {
			return method{}, fmt.Errorf("fields: %w", err)
		}
	}
	serves := func(g Group) bool { return slices.Contains(m.groups, g) }
	if !serves(GroupOrganization) && !serves(GroupPayroll) {
		return m, nil
	}
	m.fields = p.index.supported(set, serves)
	m.provenance.Fields = profileSource
	if stated {
		m.provenance.Fields = f.Source
	}
	return m, nil
}

// isZero says whether nothing is stated about fields.
func isZero(f source.Fields) bool {
	for _, sec := range sections() {
		if len(sec.paths(f.Supplies)) > 0 || len(sec.paths(f.Lacks)) > 0 {
			return false
		}
	}
	return f.Source == ""
}

// methodSources lists what may be the source of a way to connect.
func methodSources() []string {
	return []string{sourceForward, sourceFallback, sourceSandbox, sourceNotes, sourceAutomated}
}

// groupsOf lists the groups of one integration type in the order of the tables' columns.
func (e Entry) groupsOf(t IntegrationType) []Group {
	var groups []Group
	for _, g := range Group("").Values() {
		if e.Group(g) == t {
			groups = append(groups, g)
		}
	}
	return groups
}

// checkServed makes sure that every group that is automated or assisted has a way to connect, and
// that there is one at all.
func checkServed(e Entry) error {
	for _, g := range Group("").Values() {
		served := slices.ContainsFunc(e.methods, func(m method) bool { return slices.Contains(m.groups, g) })
		if e.Group(g).Served() && !served {
			return fmt.Errorf("methods: none serves %s, which is %s", g, e.Group(g))
		}
	}
	if len(e.methods) == 0 {
		return errors.New("nothing of it is automated or assisted")
	}
	return nil
}
