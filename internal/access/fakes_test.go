package access

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
)

var (
	errNone   = errors.New("no such row")
	errBroken = errors.New("the database does not answer")
	now       = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tables is a Store in memory. Every change of it is a new revision.
type tables struct {
	mu           sync.Mutex
	applications map[perch.ID]Application
	secrets      map[perch.ID][]byte
	grants       map[string]Grant
	revision     int64
	reads        int
	fail         error
	owners       []perch.ID
}

func newTables() *tables {
	return &tables{applications: map[perch.ID]Application{}, secrets: map[perch.ID][]byte{}, grants: map[string]Grant{}, revision: 1}
}

func (s *tables) InsertApplication(_ context.Context, app Application, secretHash []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.applications[app.ID], s.secrets[app.ID] = app, secretHash
	return nil
}

func (s *tables) Application(_ context.Context, clientID perch.ID) (Application, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return Application{}, nil, s.fail
	}
	app, ok := s.applications[clientID]
	if !ok {
		return Application{}, nil, errNone
	}
	return app, s.secrets[clientID], nil
}

func (s *tables) Grant(_ context.Context, tokenHash []byte) (*Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail != nil {
		return nil, s.fail
	}
	g, ok := s.grants[string(tokenHash)]
	if !ok {
		return nil, errNone
	}
	g.Entities = slices.Clone(g.Entities)
	return &g, nil
}

func (s *tables) Revision(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, s.fail
}

func (s *tables) Disconnect(_ context.Context, _, connection perch.ID, _ time.Time, within func(*sql.Tx, []perch.ID) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if err := within(nil, s.owners); err != nil {
		return err
	}
	for hash, g := range s.grants {
		if g.Connection.ID == connection {
			delete(s.grants, hash)
		}
	}
	s.revision++
	return nil
}

func (s *tables) DisconnectEntities(_ context.Context, _, connection perch.ID, entities []perch.ID, _ time.Time, within func(*sql.Tx, []perch.ID) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if err := within(nil, entities); err != nil {
		return err
	}
	for hash, g := range s.grants {
		g.Entities = slices.Clone(g.Entities)
		for i := range g.Entities {
			if g.Connection.ID == connection && slices.Contains(entities, g.Entities[i].ID) {
				g.Entities[i].Status = perch.StatusDisconnected
			}
		}
		s.grants[hash] = g
	}
	s.revision++
	return nil
}

// change edits the grant of a token.
func (s *tables) change(token string, edit func(*Grant)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := string(HashSecret(token))
	g := s.grants[key]
	g.Entities = slices.Clone(g.Entities)
	edit(&g)
	s.grants[key] = g
	s.revision++
}

func (s *tables) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *tables) grantReads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// eraser notes what is to be destroyed.
type eraser struct {
	queued, destroyed []perch.ID
	failQueue         error
	failDestroy       error
	cancelled         bool
}

func (e *eraser) EnqueueErase(_ context.Context, _ *sql.Tx, owners []perch.ID) error {
	e.queued = append(e.queued, owners...)
	return e.failQueue
}

func (e *eraser) Destroy(ctx context.Context, owners ...perch.ID) error {
	e.destroyed = append(e.destroyed, owners...)
	e.cancelled = ctx.Err() != nil
	return e.failDestroy
}

const token = "a token"

// world is a service over one connection with two entities.
type world struct {
	*Service
	tables    *tables
	eraser    *eraser
	forgotten []perch.ID
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{tables: newTables(), eraser: &eraser{}}
	w.Service = NewService(w.tables, w.eraser, func(err error) bool { return errors.Is(err, errNone) },
		func(entity perch.ID) { w.forgotten = append(w.forgotten, entity) },
		func() time.Time { return now }, slog.New(slog.DiscardHandler))
	w.tables.grants[string(HashSecret(token))] = *grantIn(perch.StatusProcessing, perch.AuthOAuth)
	return w
}

func grantIn(status perch.ConnectionStatus, how perch.AuthenticationType) *Grant {
	return &Grant{
		TokenID: perch.NewID(), Application: Application{ID: perch.NewID(), Type: perch.ClientSandbox},
		Connection: Connection{ID: perch.NewID(), CompanyID: perch.NewID(), ProviderID: "gusto", Type: perch.ConnectionSimulated,
			Authentication: how, Status: status, StatusMessage: "about the connection"},
		Entities: []Entity{{ID: perch.NewID(), Status: status}, {ID: perch.NewID(), Status: status}},
		Products: []perch.Product{perch.ProductCompany, perch.ProductBenefits},
	}
}

func (w *world) grant(t testing.TB) *Grant {
	t.Helper()
	g, err := w.Authenticate(t.Context(), token)
	must(t, err)
	return g
}
