package access

import (
	"crypto/sha256"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
)

// Application is an API client: what a client_id names.
type Application struct {
	ID        perch.ID
	Name      string
	Type      perch.ClientType
	CreatedAt time.Time
}

// Grant is what an access token stands for, as of one request. It is shared between requests and
// must not be changed.
type Grant struct {
	TokenID     perch.ID
	Application Application
	Connection  Connection
	// Entities are the accounts that the token may read; the first is the default.
	Entities []Entity
	// Products are the canonical scopes of the token.
	Products []perch.Product

	hash [sha256.Size]byte // of the token, to read the grant again
}

// Connection is application + company + provider.
type Connection struct {
	ID             perch.ID
	CompanyID      perch.ID
	ProviderID     string
	Type           perch.ConnectionType
	Authentication perch.AuthenticationType
	Status         perch.ConnectionStatus
	StatusMessage  string
	CustomerID     *string
	CustomerName   *string
	CustomerEmail  *string
	Username       *string
}

// Entity is one account under a connection; data hangs here.
type Entity struct {
	ID       perch.ID
	Name     *string
	SourceID *string
	Status   perch.ConnectionStatus
	// StatusHeld says that a developer moved a simulated account to the status, in which it stays.
	StatusHeld bool
	// RulesRevision grows with every change of the entity's rules about pay statements; 0 means that
	// there never were any.
	RulesRevision int64
	// Groups tells what has been published, by product group.
	Groups [GroupCount]Publication
}

// Group is a product group: what is published in one step.
type Group uint8

// Product groups. Syncs publish those before SyncGroups; documents are fetched one by one, when a job
// asks for one.
const (
	Organization Group = iota
	Payroll
	Documents
	GroupCount

	SyncGroups = Documents
)

// String returns the name under which the group is stored and shown.
func (g Group) String() string { return [...]string{"organization", "payroll", "documents"}[g] }

// Publication is the state of one product group of one entity. Times are UTC; the zero time means
// never.
type Publication struct {
	// Generation is the current generation; zero before the first publish.
	Generation int64
	// Complete is set once everything of the group was published at least once. Payments are
	// published before all of their statements are.
	Complete bool
	// RetrievedAt is when the published data was read from the provider.
	RetrievedAt time.Time
	// AttemptedAt is when the last sync of the group ended, and Result how.
	AttemptedAt time.Time
	Result      Result
}

// Result is how the last attempt to update a product group ended.
type Result string

// Results, as the Finch-Last-Attempted-Update-Result header spells them.
const (
	ResultSuccess      Result = "success"
	ResultError        Result = "error"
	ResultPartialError Result = "partial_error"
)

// Allows reports whether the token was granted the product.
func (g *Grant) Allows(p perch.Product) bool { return slices.Contains(g.Products, p.Canonical()) }

// Entity returns the account that a request reads: the one with the given id, or the default for
// the zero id. It fails with invalid_request_error when the token has no such account.
func (g *Grant) Entity(id perch.ID) (*Entity, error) {
	if id.IsZero() {
		return &g.Entities[0], nil
	}
	for i := range g.Entities {
		if g.Entities[i].ID == id {
			return &g.Entities[i], nil
		}
	}
	return nil, perch.Invalid("entity_ids", "%s is not an entity of this access token.", id)
}
