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

// Service makes simulated connections.
type Service struct {
	Connections *connection.Service
	Catalog     func() (*catalog.Catalog, error)
	Syncs       Syncs
	Now         func() time.Time
	// Seed makes the employers of this process the same on every start; 0 makes each one anew.
	Seed uint64

	mu   sync.Mutex
	made uint64
}

// Request asks for a simulated connection. The zero values of the last three mean the provider's
// first authentication method, every product that it serves that way, and 20 people.
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
	if app.Type != perch.ClientSandbox {
		return Created{}, perch.Invalid("client_id", "Simulated connections are for sandbox applications; this one is of type %s.", app.Type)
	}
	providers, err := s.Catalog()
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	entry, ok := providers.Provider(request.ProviderID)
	if !ok {
		return Created{}, perch.Invalid("provider_id", "%.60q is not a provider of the catalogue. GET /providers lists them.", request.ProviderID)
	}
	auth, err := method(entry, request.AuthenticationType)
	if err != nil {
		return Created{}, err
	}
	products := canonical(request.Products)
	if len(products) == 0 {
		products = entry.Products()
	}
	fields := entry.Supports(auth)
	settings, err := employer.NewSettings(s.seed(), request.EmployeeSize, perch.DateOf(s.Now()), &fields)
	if err != nil {
		return Created{}, perch.Invalid("employee_size", "must be between 1 and %d.", employer.MaxEmployees)
	}
	encoded, err := settings.Encode()
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	status := perch.StatusProcessing
	if auth == perch.AuthAssisted {
		status = perch.StatusPending
	}
	made, err := s.Connections.Create(ctx, connection.Request{
		Application: *app, ProviderID: entry.ID, Type: perch.ConnectionSimulated, Authentication: auth, Status: status,
		Products: products, Connector: employer.Name, Settings: encoded,
	}, func(tx *sql.Tx, made connection.Created) error {
		if status == perch.StatusPending {
			return nil
		}
		return s.Syncs.Enqueue(ctx, tx, app.ID, made.Connection.ID, made.EntityID, "created")
	})
	if err != nil {
		return Created{}, err
	}
	return Created{
		ConnectionID: made.Connection.ID, EntityID: made.EntityID, CompanyID: made.Connection.CompanyID, AccountID: made.EntityID,
		ProviderID: entry.ID, AuthenticationType: auth, Products: products, AccessToken: made.AccessToken, TokenType: "bearer",
	}, nil
}

// method chooses the authentication method: the one asked for if the provider has it, else the
// provider's first one that is not assisted.
func method(entry catalog.Entry, asked perch.AuthenticationType) (perch.AuthenticationType, error) {
	offered := entry.Authentications()
	if asked == "" {
		for _, auth := range offered {
			if auth != perch.AuthAssisted {
				return auth, nil
			}
		}
		return offered[0], nil
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

func canonical(products []perch.Product) []perch.Product {
	var unique []perch.Product
	for _, p := range products {
		if p = p.Canonical(); !slices.Contains(unique, p) {
			unique = append(unique, p)
		}
	}
	return unique
}

// seed returns the next employer's seed.
func (s *Service) seed() uint64 {
	if s.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:])
		return binary.LittleEndian.Uint64(b[:]) | 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return s.Seed + s.made - 1
}
