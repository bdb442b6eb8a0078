package records

import (
	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
)

// Facet is one aspect of the records of a collection.
type Facet struct {
	Name string
	// PerBlock is the number of records in a block.
	PerBlock int
	// Compressed facets hold each record compressed against a shared dictionary.
	Compressed bool
	// Identifiers facets are sealed twice: see secret.Cipher.SealIdentifiers.
	Identifiers bool
}

// Collection is a set of records that share positions.
type Collection struct {
	Name   string
	Group  access.Group
	Facets []Facet
	// Stamped collections remember under which generation each facet of each record last changed: see
	// View.ChangedSince.
	Stamped bool
	// Derived says that all facets but the first follow from it and nearly always change together, so that
	// one hash stands for all of them.
	Derived bool
}

// FacetSet is some facets of a collection.
type FacetSet uint8

// FacetsOf returns the set of the facets.
func FacetsOf(facets ...int) (set FacetSet) {
	for _, f := range facets {
		set |= 1 << f
	}
	return set
}

// Has reports whether the facet is in the set.
func (s FacetSet) Has(facet int) bool { return s&(1<<facet) != 0 }

// HasAny reports whether one of the facets is in the set.
func (s FacetSet) HasAny(of FacetSet) bool { return s&of != 0 }

// Facets of people, by their place in People.Facets.
const (
	FacetDirectory = iota
	FacetIndividual
	FacetEmployment
	FacetSSN
)

// Facets of the company.
const (
	FacetCompany = iota
	FacetAccounts
)

// Facets of pay groups.
const (
	FacetPayGroupSummary = iota
	FacetPayGroup
)

// Facets of payments. The pay date stands apart so that a range of dates opens no payment outside it.
const (
	FacetPayment = iota
	FacetPayDate
)

// Facets of pay statements. The marks say where in the statement its lines end; see [AppendMark].
const (
	FacetStatement = iota
	FacetStatementMarks
)

// FacetItem is the only facet of pay statement items and of the items of payments.
const FacetItem = 0

// FacetKey is the only facet of person keys.
const FacetKey = 0

// Facets of documents: what the list filters by, and the document as it is served.
const (
	FacetDocumentEntry = iota
	FacetDocument
)

// peoplePerBlock suits both ways in which clients read people: directory pages, whose default is
// 100, and batches of the ids on such a page.
const peoplePerBlock = 100

// The collections of an entity. Statements has one per payment.
var (
	Company = Collection{Name: "company", Group: access.Organization, Facets: []Facet{
		{Name: "company", PerBlock: 1},
		{Name: "accounts", PerBlock: 1, Identifiers: true},
	}}
	People = Collection{Name: "people", Group: access.Organization, Stamped: true, Facets: []Facet{
		{Name: "directory", PerBlock: peoplePerBlock},
		{Name: "individual", PerBlock: peoplePerBlock, Compressed: true},
		{Name: "employment", PerBlock: peoplePerBlock, Compressed: true},
		{Name: "ssn", PerBlock: peoplePerBlock, Identifiers: true},
	}}
	// PersonKeys are the providers' own keys of people, where the provider can be asked about one person.
	PersonKeys = Collection{Name: "person_keys", Group: access.Organization, Facets: []Facet{
		{Name: "key", PerBlock: 500},
	}}
	PayGroups = Collection{Name: "pay_groups", Group: access.Organization, Facets: []Facet{
		{Name: "summary", PerBlock: 100},
		{Name: "pay_group", PerBlock: 1},
	}}
	Payments = Collection{Name: "payments", Group: access.Payroll, Stamped: true, Facets: []Facet{
		{Name: "payment", PerBlock: 1},
		{Name: "pay_date", PerBlock: 1000},
	}}
	// PayItems is the catalogue of what stands on the lines of pay statements, PaymentItems which of it
	// stands on those of a payment.
	PayItems = Collection{Name: "pay_statement_items", Group: access.Payroll, Facets: []Facet{
		{Name: "item", PerBlock: 1000},
	}}
	PaymentItems = Collection{Name: "payment_items", Group: access.Payroll, Facets: []Facet{
		{Name: "items", PerBlock: 100},
	}}
	// Documents come one by one, so their blocks are small.
	Documents = Collection{Name: "documents", Group: access.Documents, Facets: []Facet{
		{Name: "entry", PerBlock: 100},
		{Name: "document", PerBlock: 20},
	}}
)

// Statements is the collection of one payment's pay statements. Marks are some 30 bytes a statement, and
// only read where an application has rules, so they stand in few, long blocks.
func Statements(payment perch.ID) Collection {
	return Collection{Name: "pay_statements/" + payment.String(), Group: access.Payroll, Facets: []Facet{
		{Name: "statement", PerBlock: peoplePerBlock, Compressed: true},
		{Name: "marks", PerBlock: 5 * peoplePerBlock},
	}, Derived: true}
}

// Every collection also has a head (its size) and an index (from id to position and content hash);
// stamped ones have the generations of changes, by position.
const (
	headFacet  = "head"
	indexFacet = "index"
	stampFacet = "stamp"
)
