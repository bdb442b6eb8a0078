package catalog

import (
	"slices"

	perch "github.com/perchhq/perch"
)

// Entry is one provider. It is a value to read; its methods return copies.
type Entry struct {
	// ID is what connections store, such as "bamboo_hr".
	ID string
	// DisplayName is what people see.
	DisplayName string
	// OtherNames are further names under which the published tables list the same id.
	OtherNames []string
	// Table lists the provider: the generally available ones or those in beta.
	Table Table
	// Source says where the integration types come from.
	Source string
	// PrimaryColor is "#rrggbb": the ground of the monogram that stands for the provider. It is
	// derived from the id, is no trademark and is dark enough for white text.
	PrimaryColor string
	// StatementMonths is how many months back pay statements reach, or 0 where no limit is known.
	StatementMonths int
	// DescriptionMax is how many characters the description of a deduction may have, or 0 where no limit is
	// known.
	DescriptionMax int

	groups  map[Group]IntegrationType
	methods []method
}

// method is one way to connect and what it gives.
type method struct {
	kind       perch.AuthenticationType
	groups     []Group
	fields     perch.SupportedFields
	benefits   map[perch.BenefitType]*perch.BenefitSupport
	provenance Provenance
}

// Provenance says where the statements about one way to connect come from: "docs: …" for a page of
// the published documentation, "provider notes" for what the provider's own published interface can
// do, "default profile: …" for an expectation. A part that says nothing has no source.
type Provenance struct {
	// Method is the source of the authentication type itself.
	Method string
	// Fields is the source of the supported fields. What it does not mention comes from the
	// default profile.
	Fields string
	// Benefits is the source of the benefit types.
	Benefits string
}

// Sources, as the data spells them.
const (
	sourceNetwork  = "docs: provider network"
	sourceForward  = "docs: request forwarding"
	sourceFallback = "docs: authentication fallback"
	sourceSandbox  = "docs: provider sandboxes"
	sourceSetup    = "docs: deductions setup"
	sourceNotes    = "provider notes"
	// The default profiles.
	sourceAutomated = "default profile: automated"
	sourceAssisted  = "default profile: assisted"
)

// Beta says whether the integration is in beta: employers can connect it, and what it supplies is
// not known in detail.
func (e Entry) Beta() bool { return e.Table == TableBeta }

// Group says how a product group is served, whatever the way to connect.
func (e Entry) Group(g Group) IntegrationType {
	if t, ok := e.groups[g]; ok {
		return t
	}
	return None
}

// Integration says how a product group is served over one way to connect. A provider may be
// automated for one group and assisted for another: a group that is automated is None over the
// assisted method, and the other way round. What is served on request is so over every method. An
// authentication type that the provider does not offer serves nothing.
func (e Entry) Integration(g Group, auth perch.AuthenticationType) IntegrationType {
	m := e.method(auth)
	switch {
	case m == nil:
		return None
	case slices.Contains(m.groups, g):
		return e.Group(g)
	case e.Group(g) == OnRequest:
		return OnRequest
	default:
		return None
	}
}

// Authentications lists the ways to connect, the preferred one first. There is always one.
func (e Entry) Authentications() []perch.AuthenticationType {
	list := make([]perch.AuthenticationType, len(e.methods))
	for i, m := range e.methods {
		list[i] = m.kind
	}
	return list
}

// Supports says which fields one way to connect supplies. Parts that it does not serve are all
// false, and so is everything for a type that the provider does not offer. For a provider in beta
// this is an expectation that [Entry.Wire] does not publish.
func (e Entry) Supports(auth perch.AuthenticationType) perch.SupportedFields {
	if m := e.method(auth); m != nil {
		return m.fields
	}
	return perch.SupportedFields{}
}

// Benefits says what one way to connect can do with each benefit type that a source names. The map
// is the caller's, and is nil where nothing is known.
func (e Entry) Benefits(auth perch.AuthenticationType) map[perch.BenefitType]*perch.BenefitSupport {
	if m := e.method(auth); m != nil {
		return cloneBenefits(m.benefits)
	}
	return nil
}

// Provenance says where the statements about one way to connect come from.
func (e Entry) Provenance(auth perch.AuthenticationType) Provenance {
	if m := e.method(auth); m != nil {
		return m.provenance
	}
	return Provenance{}
}

// Fallback says that the published documentation lets an employer whose password is refused invite
// somebody to set the connection up, which then gives what the password would have given.
func (e Entry) Fallback() bool {
	m := e.method(perch.AuthCredential)
	return m != nil && m.provenance.Method == sourceFallback
}

// Products lists what can be granted: the products of every group that is automated or assisted,
// and ssn where a source states that the provider has it.
func (e Entry) Products() []perch.Product {
	products := []perch.Product{}
	for _, g := range Group("").Values() {
		if !e.Group(g).Served() {
			continue
		}
		products = append(products, g.Products()...)
		if g == GroupOrganization && e.suppliesSSN() {
			products = append(products, perch.ProductSSN)
		}
	}
	return products
}

// AllowsProduct says whether p is among the provider's products. "deduction" is another name of
// "benefits".
func (e Entry) AllowsProduct(p perch.Product) bool {
	return slices.Contains(e.Products(), p.Canonical())
}

func (e Entry) suppliesSSN() bool {
	return slices.ContainsFunc(e.methods, func(m method) bool { return m.fields.Individual.SSN })
}

func (e Entry) method(auth perch.AuthenticationType) *method {
	for i := range e.methods {
		if e.methods[i].kind == auth {
			return &e.methods[i]
		}
	}
	return nil
}
