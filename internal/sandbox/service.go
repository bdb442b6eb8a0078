package sandbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/provider/catalog"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Syncs starts the first sync of a connection.
type Syncs interface {
	// Enqueue requests a sync of an entity and queues its job, in the caller's transaction.
	Enqueue(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) error
}

// Service makes and edits simulated connections.
type Service struct {
	Connections *connection.Service
	// Book has the edits, Ledger what was written to deductions.
	Book    *Book
	Ledger  *Ledger
	Catalog func() (*catalog.Catalog, error)
	Syncs   Syncs
	Jobs    Jobs
	Waiting Waiting
	Tasks   Tasks
	// Deductions are written by triggers.
	Deductions Deductions
	Now        func() time.Time
	// Patience is how long calls wait for data that is to be there after them; 0 means 20 seconds.
	Patience time.Duration
	// EditBytes is how large the edits of one employer may be, without the statements of payments; 0 means 64 MiB.
	EditBytes int64
	// Seed makes the nth employer of every application the same on every start; 0 makes each one anew.
	Seed uint64

	mu sync.Mutex
	// next is the number of each application's next employer, where this process knows it to be higher
	// than the number of connections made: another one is being made.
	next map[perch.ID]uint64
}

// Request asks for a simulated connection. The zero values of the last three mean the authentication
// method that serves the most, every product that it serves, and 20 people. Products that the provider
// does not serve are granted when they are asked for, since clients send one list for all providers.
type Request struct {
	ProviderID         string
	AuthenticationType perch.AuthenticationType
	Products           []perch.Product
	EmployeeSize       int
}

// Created is a new simulated connection. AccessToken is shown this once.
type Created struct {
	ConnectionID       perch.ID                 `json:"connection_id"`
	EntityID           perch.ID                 `json:"entity_id"`
	CompanyID          perch.ID                 `json:"company_id"`
	AccountID          perch.ID                 `json:"account_id"`
	ProviderID         string                   `json:"provider_id"`
	AuthenticationType perch.AuthenticationType `json:"authentication_type"`
	Products           []perch.Product          `json:"products"`
	AccessToken        string                   `json:"access_token"`
	TokenType          string                   `json:"token_type"`
}

// CreateConnection makes a connection with its entity, company and access token, and starts the
// first sync. An assisted connection starts pending and is not synced until it is set up. Errors
// name the field at fault.
func (s *Service) CreateConnection(ctx context.Context, app *access.Application, request Request) (Created, error) {
	entry, err := s.entry(app, request.ProviderID)
	if err != nil {
		return Created{}, err
	}
	auth, err := method(entry, request.AuthenticationType)
	if err != nil {
		return Created{}, err
	}
	products := canonical(request.Products)
	if len(products) == 0 {
		products = served(entry, auth)
	}
	fields := entry.Supports(auth)
	seed, err := s.seed(ctx, app.ID)
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	settings, err := employer.NewSettings(seed, request.EmployeeSize, perch.DateOf(s.Now()), &fields)
	if err != nil {
		return Created{}, perch.Invalid("employee_size", "must be between 1 and %d.", employer.MaxEmployees)
	}
	encoded, err := settings.Encode()
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	status := initialStatus(auth)
	made, err := s.Connections.Create(ctx, connection.Request{
		Application: *app, ProviderID: entry.ID, Type: perch.ConnectionSimulated, Authentication: auth, Status: status,
		Products: products, Connector: employer.Name, Settings: encoded,
	}, s.firstSync(ctx, app.ID, status))
	if err != nil {
		return Created{}, err
	}
	return Created{
		ConnectionID: made.Connection.ID, EntityID: made.EntityID, CompanyID: made.Connection.CompanyID, AccountID: made.EntityID,
		ProviderID: entry.ID, AuthenticationType: auth, Products: products, AccessToken: made.AccessToken, TokenType: "bearer",
	}, nil
}

// entry returns a provider that a sandbox application may connect.
func (s *Service) entry(app *access.Application, providerID string) (catalog.Entry, error) {
	if app.Type != perch.ClientSandbox {
		return catalog.Entry{}, errNotSandbox(app)
	}
	providers, err := s.Catalog()
	if err != nil {
		return catalog.Entry{}, perch.Internal(err)
	}
	entry, ok := providers.Provider(providerID)
	if !ok {
		return catalog.Entry{}, perch.Invalid("provider_id", "%.60q is not a provider of the catalogue. GET /providers lists them.", providerID)
	}
	return entry, nil
}

// method chooses the authentication method: the one asked for if the provider has it, else of those
// that are not assisted the one that serves the most product groups, the first of equals.
func method(entry catalog.Entry, asked perch.AuthenticationType) (perch.AuthenticationType, error) {
	offered := entry.Authentications()
	if asked == "" {
		best, most := offered[0], -1
		for _, auth := range offered {
			if n := groups(entry, auth); auth != perch.AuthAssisted && n > most {
				best, most = auth, n
			}
		}
		return best, nil
	}
	if !slices.Contains(offered, asked) {
		names := make([]string, len(offered))
		for i, auth := range offered {
			names[i] = string(auth)
		}
		return "", perch.Invalid("authentication_type", "%s cannot be connected by %q. Use one of: %s.", entry.ID, asked, strings.Join(names, ", "))
	}
	return asked, nil
}

// groups counts the product groups that a method serves.
func groups(entry catalog.Entry, auth perch.AuthenticationType) (n int) {
	for _, g := range catalog.Group("").Values() {
		if entry.Integration(g, auth).Served() {
			n++
		}
	}
	return n
}

// served are those of the provider's products that a method serves. The ssn product goes with the
// organization.
func served(entry catalog.Entry, auth perch.AuthenticationType) []perch.Product {
	return slices.DeleteFunc(entry.Products(), func(p perch.Product) bool {
		for _, g := range catalog.Group("").Values() {
			if slices.Contains(g.Products(), p) || g == catalog.GroupOrganization && p == perch.ProductSSN {
				return !entry.Integration(g, auth).Served()
			}
		}
		return true
	})
}

func canonical(products []perch.Product) []perch.Product {
	var unique []perch.Product
	for _, p := range products {
		if p = p.Canonical(); !slices.Contains(unique, p) {
			unique = append(unique, p)
		}
	}
	return unique
}

// seed returns the seed of the application's next employer. It counts the connections made before, so
// that a restart goes on with a new employer.
func (s *Service) seed(ctx context.Context, application perch.ID) (uint64, error) {
	if s.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:])
		return binary.LittleEndian.Uint64(b[:]) | 1, nil
	}
	made, err := s.Connections.Store.CountConnections(ctx, application)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[perch.ID]uint64{}
	}
	n := max(uint64(made), s.next[application])
	s.next[application] = n + 1
	return s.Seed + n, nil
}

func errNotSandbox(app *access.Application) error {
	return perch.Invalid("client_id", "Simulated connections are for sandbox applications; this one is of type %s.", app.Type)
}
