package assist_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is an importer over a database, with one application.
type world struct {
	*assist.Importer
	app access.Application
}

func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		test(t, setup(t, filepath.Join(folder, "perch.db"), filepath.Join(folder, "keys.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := testneed.Postgres(t)
		test(t, setup(t, url, url))
	})
}

func setup(t *testing.T, records, keys string) *world {
	t.Helper()
	ctx := t.Context()
	database, err := db.Open(ctx, records)
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.Migrate(ctx))
	keyDatabase, err := db.OpenKeys(ctx, keys)
	must(t, err)
	t.Cleanup(func() { must(t, keyDatabase.Close()) })
	must(t, keyDatabase.MigrateKeys(ctx))
	rows, err := store.New(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	master, err := secret.NewLocal([secret.KeySize]byte{1})
	must(t, err)
	clock := func() time.Time { return now }
	ring, identity := secret.NewKeyring(master, store.NewKeys(keyDatabase, clock)), secret.NewIdentity([secret.KeySize]byte{2})
	w := &world{app: access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientProduction, CreatedAt: now}}
	must(t, rows.InsertApplication(ctx, w.app, []byte("hash")))
	w.Importer = &assist.Importer{
		Store: rows, Keyring: ring, Catalog: catalog.Load, Now: clock,
		Connections: &connection.Service{Store: rows, Keyring: ring, Identity: identity, Now: clock},
		Engine: &syncengine.Engine{Store: rows, Keyring: ring, Identity: identity, Connectors: map[string]provider.Connector{},
			Log: slog.New(slog.DiscardHandler), Now: clock, Owner: "test", LeaseFor: time.Minute},
	}
	return w
}

const people = "Nr,Given,Family\n7,Eve,Nash\n8,Fay,Pell\n"

// mapping says which of the two names comes first.
func mapping(t *testing.T, first, last string) *file.Mapping {
	t.Helper()
	m, err := file.ParseMapping([]byte("census:\n  columns:\n    - {column: Nr, field: employee_number}\n    - {column: " +
		first + ", field: first_name}\n    - {column: " + last + ", field: last_name}\n"))
	must(t, err)
	return &m
}

func (w *world) request(m *file.Mapping, connectionID perch.ID) assist.Import {
	return assist.Import{Application: w.app, ProviderID: "gusto", ConnectionID: connectionID, Mapping: m,
		Files: []file.File{{Name: "people.csv", Kind: file.Census, Content: []byte(people)}}}
}

func (w *world) run(t *testing.T, i assist.Import) (assist.Result, error) {
	t.Helper()
	source, err := w.Read(t.Context(), i)
	if err != nil {
		return assist.Result{}, err
	}
	return w.Run(t.Context(), i, source, nil)
}

func counts(t *testing.T, r assist.Result, err error) syncengine.Counts {
	t.Helper()
	must(t, err)
	return r.Summary.Records[syncengine.KindPerson]
}

func TestAnImportMakesAConnectionThatIsConnected(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.run(t, w.request(mapping(t, "Given", "Family"), perch.ID{}))
		if got := counts(t, made, err); got != (syncengine.Counts{Created: 2}) {
			t.Errorf("got %+v", got)
		}
		g, err := w.Store.Grant(t.Context(), access.HashSecret(made.AccessToken))
		must(t, err)
		if g.Connection.ID != made.ConnectionID || g.Connection.Status != perch.StatusConnected || g.Connection.Authentication != perch.AuthAssisted ||
			g.Connection.Type != perch.ConnectionProvider || !g.Allows(perch.ProductSSN) || g.Allows(perch.ProductBenefits) {
			t.Errorf("granted %+v", g)
		}
		if p := g.Entities[0].Groups[access.Organization]; p.Generation == 0 || !p.Complete || p.Result != access.ResultSuccess {
			t.Errorf("published %+v", p)
		}
	})
}

func TestAnImportRemembersItsMapping(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.run(t, w.request(mapping(t, "Given", "Family"), perch.ID{}))
		must(t, err)
		again, err := w.run(t, w.request(nil, made.ConnectionID))
		if got := counts(t, again, err); got != (syncengine.Counts{Unchanged: 2}) || again.AccessToken != "" {
			t.Errorf("without a mapping: %+v", got)
		}
		other, err := w.run(t, w.request(mapping(t, "Family", "Given"), made.ConnectionID))
		if got := counts(t, other, err); got != (syncengine.Counts{Updated: 2}) {
			t.Errorf("with another mapping: %+v", got)
		}
		last, err := w.run(t, w.request(nil, made.ConnectionID))
		if got := counts(t, last, err); got != (syncengine.Counts{Unchanged: 2}) {
			t.Errorf("without a mapping after that: %+v", got)
		}
	})
}

func TestAnImportBesideAnotherOneIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.run(t, w.request(mapping(t, "Given", "Family"), perch.ID{}))
		must(t, err)
		release := w.hold(t, made.ConnectionID)
		_, err = w.run(t, w.request(mapping(t, "Family", "Given"), made.ConnectionID))
		var known *perch.Error
		if !errors.As(err, &known) || known.Name != perch.NameInvalidRequest || !strings.Contains(known.Message, "under way") {
			t.Errorf("got %v", err)
		}
		release()
		after, err := w.run(t, w.request(nil, made.ConnectionID))
		if got := counts(t, after, err); got != (syncengine.Counts{Unchanged: 2}) {
			t.Errorf("the refused import left its mapping: %+v", got)
		}
	})
}

// hold takes the connection's sync as another process would, until release.
func (w *world) hold(t *testing.T, connectionID perch.ID) (release func()) {
	t.Helper()
	ctx := t.Context()
	_, entity, err := w.Store.ConnectionByID(ctx, w.app.ID, connectionID)
	must(t, err)
	var held store.Sync
	must(t, w.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		held, _, err = w.Engine.Request(ctx, tx, w.app.ID, connectionID, entity, syncengine.ReasonImport)
		return err
	}))
	_, err = w.Store.AcquireSync(ctx, store.Lease{Sync: held.ID, Entity: held.EntityID, Owner: "another", Until: now.Add(time.Minute)}, now)
	must(t, err)
	return func() {
		w.Engine.Now = func() time.Time { return now.Add(2 * time.Minute) } // the other one's lease has run out
	}
}

func TestWhatCannotBeImportedNamesTheField(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		m := mapping(t, "Given", "Family")
		unknownProvider := w.request(m, perch.ID{})
		unknownProvider.ProviderID = "nobody"
		foreign := w.request(m, perch.ID{})
		made, err := w.run(t, foreign)
		must(t, err)
		foreign.ConnectionID = made.ConnectionID
		foreign.Application.ID = perch.NewID()
		simulated, err := w.Connections.Create(t.Context(), connection.Request{Application: w.app, ProviderID: "gusto", Type: perch.ConnectionSimulated,
			Authentication: perch.AuthOAuth, Status: perch.StatusProcessing, Connector: "sandbox", Settings: []byte("{}")},
			func(*sql.Tx, connection.Created) error { return nil })
		must(t, err)
		for name, c := range map[string]struct {
			request assist.Import
			want    string
		}{
			"a provider that nobody knows":          {unknownProvider, "provider: "},
			"a connection that does not exist":      {w.request(m, perch.NewID()), "connection: The application has no connection"},
			"a connection of another application":   {foreign, "connection: The application has no connection"},
			"a connection that does not take files": {w.request(m, simulated.Connection.ID), "does not take files"},
		} {
			_, err := w.run(t, c.request)
			var known *perch.Error
			if !errors.As(err, &known) || known.Name != perch.NameInvalidRequest || !strings.Contains(known.Message, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			c.request.Mapping = nil // the remembered one is looked for on the same conditions
			if c.request.ConnectionID.IsZero() {
				continue
			}
			if _, err := w.Read(t.Context(), c.request); !errors.As(err, &known) || !strings.Contains(known.Message, c.want) {
				t.Errorf("%s, read with its own mapping: %v", name, err)
			}
		}
	})
}
