package catalog

import (
	"fmt"
	"slices"

	perch "github.com/perchhq/perch"
)

// Group is a group of products that a provider offers, or not, as a whole.
type Group string

// Product groups, as the columns of the published tables.
const (
	GroupOrganization Group = "organization"
	GroupPayroll      Group = "payroll"
	GroupDeductions   Group = "deductions"
	GroupDocuments    Group = "documents"
)

// Values lists every group in the order of the tables' columns.
func (Group) Values() []Group {
	return []Group{GroupOrganization, GroupPayroll, GroupDeductions, GroupDocuments}
}

// Products are the products of the group. The ssn product belongs to no group: see
// [Entry.AllowsProduct].
func (g Group) Products() []perch.Product {
	switch g {
	case GroupOrganization:
		return []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductEmployment}
	case GroupPayroll:
		return []perch.Product{perch.ProductPayment, perch.ProductPayStatement}
	case GroupDeductions:
		return []perch.Product{perch.ProductBenefits}
	case GroupDocuments:
		return []perch.Product{perch.ProductDocuments}
	default:
		return nil
	}
}

// IntegrationType says how a product group of a provider is served.
type IntegrationType string

// Integration types.
const (
	// Automated: the installation reads and writes by itself, every 24 hours.
	Automated IntegrationType = "automated"
	// Assisted: a person helps; data is refreshed every 7 days and deductions can only be written.
	Assisted IntegrationType = "assisted"
	// OnRequest: not served until somebody asks for it.
	OnRequest IntegrationType = "on_request"
	// None: not served.
	None IntegrationType = "none"
)

// Values lists every integration type.
func (IntegrationType) Values() []IntegrationType {
	return []IntegrationType{Automated, Assisted, OnRequest, None}
}

// Served says whether the group can be connected as it is.
func (t IntegrationType) Served() bool { return t == Automated || t == Assisted }

// Table is the published table that lists a provider.
type Table string

// Tables of the published provider network.
const (
	TableGeneral Table = "general"
	TableBeta    Table = "beta"
)

// Values lists every table.
func (Table) Values() []Table { return []Table{TableGeneral, TableBeta} }

// enum is a closed set of texts, as the root package defines them.
type enum[T any] interface {
	~string
	Values() []T
}

// parse returns text as a value of an enumeration. The error names the field and what it accepts.
func parse[T enum[T]](field, text string) (T, error) {
	v := T(text)
	if !slices.Contains(v.Values(), v) {
		return "", fmt.Errorf("%s: %q is not one of %v", field, text, v.Values())
	}
	return v, nil
}

// parseList parses every element of a list.
func parseList[T enum[T]](field string, list []string) ([]T, error) {
	var out []T
	for _, text := range list {
		v, err := parse[T](field, text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, v) {
			return nil, fmt.Errorf("%s: %q is listed twice", field, text)
		}
		out = append(out, v)
	}
	return out, nil
}
