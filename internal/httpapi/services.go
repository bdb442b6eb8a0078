package httpapi

import (
	"context"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/payroll"
	"github.com/perchhq/perch/internal/sandbox"
)

// Access authenticates callers and manages what their tokens stand for.
type Access interface {
	// Authenticate resolves a bearer token. It returns perch.ErrInvalidToken for an unknown token
	// and for one whose connection was disconnected.
	Authenticate(ctx context.Context, bearer string) (*access.Grant, error)
	// AuthenticateClient resolves Basic credentials. It returns perch.ErrInvalidClient.
	AuthenticateClient(ctx context.Context, clientID, clientSecret string) (*access.Application, error)
	// Introspect describes the token.
	Introspect(ctx context.Context, grant *access.Grant) (perch.Introspection, error)
	// Disconnect ends the token's connection for good.
	Disconnect(ctx context.Context, grant *access.Grant) error
}

// Employment reads organization data. Its methods append the JSON of the whole answer body to dst
// and return the publication that it was read from. They fail as the connection's state says
// (perch.ErrSyncInProgress and its kin).
type Employment interface {
	Company(ctx context.Context, grant *access.Grant, entity *access.Entity, dst []byte) ([]byte, access.Publication, error)
	// Directory returns one page; limit and offset were validated. since, here and below, leaves out what
	// was published with its present content at that time or before, unless it is zero.
	Directory(ctx context.Context, grant *access.Grant, entity *access.Entity, limit, offset int, since time.Time, dst []byte) ([]byte, access.Publication, error)
	// Individuals answers the ids in their order, one entry each. An id may be any text: what is
	// not a known individual gets an error entry.
	Individuals(ctx context.Context, grant *access.Grant, entity *access.Entity, ids [][]byte, includeSSN bool, since time.Time, dst []byte) ([]byte, access.Publication, error)
	Employments(ctx context.Context, grant *access.Grant, entity *access.Entity, ids [][]byte, since time.Time, dst []byte) ([]byte, access.Publication, error)
	// PayGroups lists pay groups. A zero individual and an empty list of frequencies do not filter.
	PayGroups(ctx context.Context, grant *access.Grant, entity *access.Entity, individual perch.ID, frequencies []perch.PayFrequency, dst []byte) ([]byte, access.Publication, error)
	PayGroup(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error)
}

// Payroll reads payments and pay statements, under the same rules as Employment.
type Payroll interface {
	// Payments lists payments whose pay date lies between start and end, both inclusive.
	Payments(ctx context.Context, grant *access.Grant, entity *access.Entity, start, end perch.Date, since time.Time, dst []byte) ([]byte, access.Publication, error)
	PayStatements(ctx context.Context, grant *access.Grant, entity *access.Entity, requests []StatementRequest, dst []byte) ([]byte, access.Publication, error)
}

// StatementRequest asks for a page of one payment's statements. PaymentID may be any text.
type StatementRequest = payroll.StatementRequest

// Sandbox makes simulated connections.
type Sandbox interface {
	// CreateConnection makes a connection, its entity, company and access token, and starts the
	// first sync. Errors name the field at fault.
	CreateConnection(ctx context.Context, app *access.Application, request SandboxConnection) (SandboxConnectionCreated, error)
}

// SandboxConnection asks for a simulated connection.
type SandboxConnection = sandbox.Request

// SandboxConnectionCreated is a new simulated connection. AccessToken is shown this once.
type SandboxConnectionCreated = sandbox.Created

// Catalogue lists the providers that a caller may connect. A nil grant is an anonymous caller.
type Catalogue interface {
	// Providers appends the JSON list.
	Providers(ctx context.Context, grant *access.Grant, dst []byte) ([]byte, error)
}

// Health answers /readyz.
type Health interface {
	// Ready returns nil when the database answers and jobs run; the error says what does not.
	Ready(ctx context.Context) error
}
