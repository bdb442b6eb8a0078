package app

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/provider/catalog"
)

// catalogue serves /providers: the whole network to sandbox tokens and without a token, and to real
// applications only what this installation can connect.
type catalogue struct {
	load func() (*catalog.Catalog, error)

	once      sync.Once
	err       error
	network   []byte
	available []byte
}

// Providers implements httpapi.Catalogue.
func (c *catalogue) Providers(_ context.Context, grant *access.Grant, dst []byte) ([]byte, error) {
	c.once.Do(c.encode)
	if c.err != nil {
		return dst, perch.Internal(c.err)
	}
	if grant != nil && grant.Application.Type != perch.ClientSandbox {
		return append(dst, c.available...), nil
	}
	return append(dst, c.network...), nil
}

func (c *catalogue) encode() {
	providers, err := c.load()
	if err != nil {
		c.err = fmt.Errorf("loading the catalogue: %w", err)
		return
	}
	var network, available []perch.Provider
	for _, entry := range providers.All() {
		network = append(network, entry.Wire())
		available = append(available, byFile(entry))
	}
	if c.network, c.err = json.Marshal(network); c.err == nil {
		c.available, c.err = json.Marshal(available)
	}
}

// byFile is a provider as an installation without a connector for it can serve it: people and pay
// come in as files, and people enter deductions where the provider is known to take them so.
func byFile(entry catalog.Entry) perch.Provider {
	p := entry.Wire()
	p.Manual = true
	p.Products = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual,
		perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement, perch.ProductSSN}
	method := perch.AuthenticationMethod{Type: perch.AuthAssisted}
	if entry.Integration(catalog.GroupDeductions, perch.AuthAssisted) == catalog.Assisted {
		p.Products = append(p.Products, perch.ProductBenefits)
		method.BenefitsSupport = entry.Benefits(perch.AuthAssisted)
	}
	p.AuthenticationMethods = []perch.AuthenticationMethod{method}
	return p
}

// serves reports whether a simulated connection has a product group: what the provider that it imitates
// does not offer, or only on request, it does not have either. Real connections have what they read,
// which is no documents so far.
func (c *catalogue) serves(connection *access.Connection, group access.Group) bool {
	if connection.Type != perch.ConnectionSimulated {
		return group != access.Documents
	}
	providers, err := c.load()
	if err != nil {
		return true // the catalogue's own endpoints say what is wrong
	}
	entry, ok := providers.Provider(connection.ProviderID)
	if !ok {
		return true
	}
	asked := [access.GroupCount]catalog.Group{access.Organization: catalog.GroupOrganization, access.Payroll: catalog.GroupPayroll,
		access.Documents: catalog.GroupDocuments}[group]
	integration := entry.Integration(asked, connection.Authentication)
	if connection.Authentication == perch.AuthAssisted && entry.Fallback() && !integration.Served() {
		integration = entry.Integration(asked, perch.AuthCredential)
	}
	switch integration {
	case catalog.Automated, catalog.Assisted:
		return true
	}
	return false
}
