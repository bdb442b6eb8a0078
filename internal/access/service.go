package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
)

// Store is what this package needs of the database.
type Store interface {
	InsertApplication(ctx context.Context, app Application, secretHash []byte) error
	// Application fails with an error that NotFound reports for an unknown client id.
	Application(ctx context.Context, clientID perch.ID) (Application, []byte, error)
	Grant(ctx context.Context, tokenHash []byte) (*Grant, error)
	Revision(ctx context.Context) (int64, error)
	// Disconnect ends the connection and calls within in the same transaction with the owners of the
	// data keys that are to be destroyed.
	Disconnect(ctx context.Context, application, connection perch.ID, now time.Time, within func(tx *sql.Tx, keyOwners []perch.ID) error) error
	// DisconnectEntities does the same for some entities of the connection. It fails with an error that
	// is reported as missing when one of them is not there.
	DisconnectEntities(ctx context.Context, application, connection perch.ID, entities []perch.ID, now time.Time, within func(tx *sql.Tx, keyOwners []perch.ID) error) error
}

// Eraser destroys data keys and what they sealed.
type Eraser interface {
	// EnqueueErase queues the erasure, in case that this process stops before Destroy is done.
	EnqueueErase(ctx context.Context, tx *sql.Tx, owners []perch.ID) error
	// Destroy destroys the keys now.
	Destroy(ctx context.Context, owners ...perch.ID) error
}

// Service authenticates requests. It is safe for concurrent use.
type Service struct {
	store  Store
	eraser Eraser
	// missing reports whether a store error means that there is no such row.
	missing func(error) bool
	// forget is told of entities whose data can no longer be read.
	forget func(entity perch.ID)
	now    func() time.Time
	log    *slog.Logger
	// Serves reports whether a connection's provider has a product group at all; nil is yes to all.
	Serves func(connection *Connection, group Group) bool
	gate   gate
	cache  grantCache
}

// NewService returns a service over the store.
func NewService(store Store, eraser Eraser, missing func(error) bool, forget func(perch.ID), now func() time.Time, log *slog.Logger) *Service {
	s := &Service{store: store, eraser: eraser, missing: missing, forget: forget, now: now, log: log}
	s.gate.read = store.Revision
	return s
}

// NewSecret returns 256 random bits as text, and the hash to store in their place.
func NewSecret(prefix string) (text string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:])
	text = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return text, HashSecret(text)
}

// HashSecret is how tokens and client secrets are stored: they are random, so one round of SHA-256
// is as good as a slow hash.
func HashSecret(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// CreateApplication makes an application and returns its secret, which is not stored.
func (s *Service) CreateApplication(ctx context.Context, name string, kind perch.ClientType) (Application, string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 200 {
		return Application{}, "", perch.Invalid("name", "Give the application a name of 1 to 200 bytes.")
	}
	switch kind {
	case perch.ClientSandbox, perch.ClientDevelopment, perch.ClientProduction:
	default:
		return Application{}, "", perch.Invalid("type", "%q is not a type of application. Use sandbox, development or production.", kind)
	}
	app := Application{ID: perch.NewID(), Name: name, Type: kind, CreatedAt: s.now()}
	secret, hash := NewSecret("")
	return app, secret, s.store.InsertApplication(ctx, app, hash)
}

// AuthenticateClient resolves Basic credentials.
func (s *Service) AuthenticateClient(ctx context.Context, clientID, clientSecret string) (*Application, error) {
	id, err := perch.ParseID(clientID)
	if err != nil {
		return nil, perch.ErrInvalidClient
	}
	app, hash, err := s.store.Application(ctx, id)
	if err != nil {
		if s.missing(err) {
			return nil, perch.ErrInvalidClient
		}
		return nil, perch.Internal(err)
	}
	if subtle.ConstantTimeCompare(hash, HashSecret(clientSecret)) != 1 {
		return nil, perch.ErrInvalidClient
	}
	return &app, nil
}

// Authenticate resolves a bearer token to what it grants as of now: changes committed by any process
// before the call began are seen.
func (s *Service) Authenticate(ctx context.Context, bearer string) (*Grant, error) {
	hash := sha256.Sum256([]byte(bearer))
	return s.grant(ctx, hash)
}

func (s *Service) grant(ctx context.Context, hash [sha256.Size]byte) (*Grant, error) {
	revision, err := s.gate.pass(ctx)
	if err != nil {
		return nil, perch.Internal(err)
	}
	if g := s.cache.get(hash, revision); g != nil {
		return g, nil
	}
	g, err := s.store.Grant(ctx, hash[:])
	if err != nil {
		if s.missing(err) {
			return nil, perch.ErrInvalidToken
		}
		return nil, perch.Internal(err)
	}
	g.hash = hash
	s.cache.put(hash, revision, g)
	return g, nil
}

// pollEvery is how often Await looks for a first publish.
const pollEvery = 20 * time.Millisecond

// Await returns the entity once its product group may be read, which for whole is once everything of
// the group was published. While the first sync of the group runs it waits up to the given time.
// After that it returns what is published, or the error that the state of the connection stands for;
// in every other state it returns that error at once.
func (s *Service) Await(ctx context.Context, grant *Grant, entity *Entity, group Group, whole bool, patience time.Duration) (*Entity, error) {
	if s.Serves != nil && !s.Serves(&grant.Connection, group) {
		return nil, perch.ErrNotImplemented
	}
	deadline := time.Now().Add(patience)
	for {
		err := stateError(grant, entity, group)
		if err != nil && (!errors.Is(err, perch.ErrSyncInProgress) || entity.heldBack()) {
			return nil, err
		}
		if err == nil && (!whole || entity.Groups[group].Complete) || !time.Now().Before(deadline) {
			return entity, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollEvery):
		}
		if grant, err = s.grant(ctx, grant.hash); err != nil {
			return nil, err
		}
		if entity, err = grant.Entity(entity.ID); err != nil {
			return nil, err
		}
	}
}

// heldBack reports whether a developer wants the account to look as if its first sync ran.
func (e *Entity) heldBack() bool { return e.StatusHeld && e.Status == perch.StatusProcessing }

// stateError is the table of what a connection's state answers on data endpoints.
func stateError(grant *Grant, entity *Entity, group Group) error {
	switch entity.Status {
	case perch.StatusPending:
		return perch.ErrPending
	case perch.StatusReauth:
		return perch.ErrReauthenticate
	case perch.StatusNoAccountSetup:
		return perch.ErrAccountSetup
	case perch.StatusPermissions:
		return perch.ErrPermissions
	case perch.StatusDisconnected:
		return perch.ErrInvalidToken
	}
	if entity.Groups[group].Generation != 0 && !entity.heldBack() {
		return nil
	}
	if entity.Status == perch.StatusProcessing && grant.Connection.Authentication == perch.AuthAssisted {
		return perch.ErrAccountantSetup
	}
	if group == Documents {
		return perch.ErrW4SyncRequired
	}
	return perch.ErrSyncInProgress
}

// Introspect describes a token.
func (s *Service) Introspect(_ context.Context, g *Grant) (perch.Introspection, error) {
	c := &g.Connection
	status := perch.ConnectionStatusDetail{Status: c.Status, Message: c.StatusMessage, LastSuccessfulSync: lastSync(g)}
	in := perch.Introspection{
		ID: g.TokenID, ClientID: g.Application.ID, ClientType: g.Application.Type,
		ConnectionID: c.ID, ConnectionType: c.Type, ConnectionStatus: status,
		CompanyID: c.CompanyID, AccountID: g.Entities[0].ID,
		CustomerID: c.CustomerID, CustomerName: c.CustomerName, CustomerEmail: c.CustomerEmail,
		AuthenticationMethods: []perch.AuthenticationStatus{{Type: c.Authentication, ConnectionStatus: status, Products: g.Products}},
		Products:              g.Products, Username: c.Username,
		ProviderID: c.ProviderID, PayrollProviderID: c.ProviderID,
		Manual: c.Authentication == perch.AuthAssisted,
	}
	for _, e := range g.Entities {
		in.Entities = append(in.Entities, perch.EntityStatus{ID: e.ID, Name: e.Name, SourceID: e.SourceID, Status: e.Status})
	}
	return in, nil
}

// lastSync is when the newest published data was read, or nil before the first publish.
func lastSync(g *Grant) *string {
	var newest time.Time
	for _, p := range g.Entities[0].Groups[:SyncGroups] {
		if p.RetrievedAt.After(newest) {
			newest = p.RetrievedAt
		}
	}
	if newest.IsZero() {
		return nil
	}
	text := newest.UTC().Format(time.RFC3339)
	return &text
}

// Disconnect ends the grant's connection: all its tokens stop working with the commit, then the keys
// of its data are destroyed.
func (s *Service) Disconnect(ctx context.Context, g *Grant) error {
	var owners []perch.ID
	err := s.store.Disconnect(ctx, g.Application.ID, g.Connection.ID, s.now(), func(tx *sql.Tx, keyOwners []perch.ID) error {
		owners = keyOwners
		return s.eraser.EnqueueErase(ctx, tx, keyOwners)
	})
	if err != nil {
		return perch.Internal(err)
	}
	return s.destroy(ctx, g.Connection.ID, owners)
}
