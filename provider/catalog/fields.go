package catalog

import (
	"fmt"
	"reflect"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// section is a part of perch.SupportedFields: the fields of one endpoint. Paths in the data are
// relative to root; always are the paths that every answer of the endpoint has.
type section struct {
	name   string
	group  Group
	root   string
	always []string
	paths  func(source.Sections) []string
}

// sections lists every part of perch.SupportedFields.
func sections() []section {
	return []section{
		{"company", GroupOrganization, "company", []string{"company.id"},
			func(s source.Sections) []string { return s.Company }},
		{"directory", GroupOrganization, "directory.individuals", []string{"directory.paging", "directory.individuals.id"},
			func(s source.Sections) []string { return s.Directory }},
		{"individual", GroupOrganization, "individual", []string{"individual.id"},
			func(s source.Sections) []string { return s.Individual }},
		{"employment", GroupOrganization, "employment", []string{"employment.id"},
			func(s source.Sections) []string { return s.Employment }},
		{"payment", GroupPayroll, "payment", []string{"payment.id"},
			func(s source.Sections) []string { return s.Payment }},
		{"pay_statement", GroupPayroll, "pay_statement.pay_statements",
			[]string{"pay_statement.paging", "pay_statement.pay_statements.individual_id"},
			func(s source.Sections) []string { return s.PayStatement }},
		{"pay_group", GroupPayroll, "pay_group", []string{"pay_group.id"},
			func(s source.Sections) []string { return s.PayGroup }},
	}
}

// fieldSet says of each leaf of perch.SupportedFields whether it is in the set.
type fieldSet []bool

// fieldIndex knows the leaves of perch.SupportedFields and which of them a path stands for.
type fieldIndex struct {
	leaves [][]int
	paths  map[string][]int
}

// newFieldIndex walks the type by its JSON names, so a field that is added to the root package can
// be named in the data at once.
func newFieldIndex() fieldIndex {
	x := fieldIndex{paths: map[string][]int{}}
	x.walk(reflect.TypeFor[perch.SupportedFields](), nil, nil)
	return x
}

// walk adds the leaves below t, which is reached by index and named by the prefixes, outermost
// first.
func (x *fieldIndex) walk(t reflect.Type, index []int, prefixes []string) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if n := len(prefixes); n > 0 {
			name = prefixes[n-1] + "." + name
		}
		at := append(append([]int(nil), index...), i)
		names := append(append([]string(nil), prefixes...), name)
		if field.Type.Kind() == reflect.Struct {
			x.walk(field.Type, at, names)
			continue
		}
		for _, n := range names {
			x.paths[n] = append(x.paths[n], len(x.leaves))
		}
		x.leaves = append(x.leaves, at)
	}
}

// set returns the leaves that the lists of s name.
func (x fieldIndex) set(s source.Sections) (fieldSet, error) {
	set := make(fieldSet, len(x.leaves))
	for _, sec := range sections() {
		for _, path := range sec.paths(s) {
			leaves, ok := x.paths[sec.root+"."+path]
			if path == "all" {
				leaves, ok = x.paths[sec.root], true
			}
			if !ok {
				return nil, fmt.Errorf("%s: there is no field %q", sec.name, path)
			}
			for _, leaf := range leaves {
				set[leaf] = true
			}
		}
	}
	return set, nil
}

// override returns what the profile and the statements of f give together: the profile's fields,
// and those that f supplies, without those that f lacks.
func (x fieldIndex) override(profile fieldSet, f source.Fields) (fieldSet, error) {
	supplies, err := x.set(f.Supplies)
	if err != nil {
		return nil, fmt.Errorf("supplies: %w", err)
	}
	lacks, err := x.set(f.Lacks)
	if err != nil {
		return nil, fmt.Errorf("lacks: %w", err)
	}
	if err := contradiction(f); err != nil {
		return nil, err
	}
	set := make(fieldSet, len(x.leaves))
	for leaf := range set {
		set[leaf] = (profile[leaf] || supplies[leaf]) && !lacks[leaf]
	}
	return set, nil
}

// contradiction finds a path that is both supplied and lacking. Naming an object as supplied and a
// field inside it as lacking is none.
func contradiction(f source.Fields) error {
	for _, sec := range sections() {
		lacks := map[string]bool{}
		for _, path := range sec.paths(f.Lacks) {
			lacks[path] = true
		}
		for _, path := range sec.paths(f.Supplies) {
			if lacks[path] {
				return fmt.Errorf("%s: %q is both supplied and lacking", sec.name, path)
			}
		}
	}
	return nil
}

// supported returns the fields of set that belong to the groups served. Ids and paging come with
// every section of which anything is supplied. encrypted_ssn is Perch's own form of ssn and follows
// it.
func (x fieldIndex) supported(set fieldSet, serves func(Group) bool) perch.SupportedFields {
	var fields perch.SupportedFields
	v := reflect.ValueOf(&fields).Elem()
	for _, sec := range sections() {
		if !serves(sec.group) {
			continue
		}
		supplied := false
		for _, leaf := range x.paths[sec.root] {
			if set[leaf] {
				v.FieldByIndex(x.leaves[leaf]).SetBool(true)
				supplied = true
			}
		}
		if !supplied {
			continue
		}
		for _, path := range sec.always {
			for _, leaf := range x.paths[path] {
				v.FieldByIndex(x.leaves[leaf]).SetBool(true)
			}
		}
	}
	fields.Individual.EncryptedSSN = fields.Individual.SSN
	return fields
}
