package connection_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/testneed"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a service over a database and a key database, with one application.
type world struct {
	*connection.Service
	app  access.Application
	keys *db.DB
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
	w := &world{
		app:  access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientSandbox, CreatedAt: now},
		keys: keyDatabase,
		Service: &connection.Service{Store: rows, Keyring: secret.NewKeyring(master, store.NewKeys(keyDatabase, clock)),
			Identity: secret.NewIdentity([secret.KeySize]byte{2}), Now: clock},
	}
	must(t, rows.InsertApplication(ctx, w.app, []byte("hash")))
	return w
}

func (w *world) request() connection.Request {
	name := "Payday Inc"
	return connection.Request{Application: w.app, ProviderID: "gusto", Type: perch.ConnectionProvider, Authentication: perch.AuthOAuth,
		Status: perch.StatusProcessing, Products: []perch.Product{perch.ProductCompany, perch.ProductSSN},
		Connector: "test", Settings: []byte(`{"token":"of the provider"}`), EntityName: &name}
}

func nothing(*sql.Tx, connection.Created) error { return nil }

func TestANewConnectionIsReadableByItsToken(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var inside connection.Created
		made, err := w.Create(t.Context(), w.request(), func(_ *sql.Tx, created connection.Created) error {
			inside = created
			return nil
		})
		must(t, err)
		if inside != made {
			t.Errorf("inside the transaction %+v, after it %+v", inside, made)
		}
		hash := sha256.Sum256([]byte(made.AccessToken))
		g, err := w.Store.Grant(t.Context(), hash[:])
		must(t, err)
		if g.Connection != made.Connection || g.Application.ID != w.app.ID || g.TokenID.IsZero() {
			t.Errorf("granted %+v, made %+v", g.Connection, made.Connection)
		}
		e := g.Entities[0]
		if len(g.Entities) != 1 || e.ID != made.EntityID || *e.Name != "Payday Inc" || e.Status != perch.StatusProcessing || e.Groups != [access.GroupCount]access.Publication{} {
			t.Errorf("entities %+v", g.Entities)
		}
		if !g.Allows(perch.ProductSSN) || g.Allows(perch.ProductPayment) {
			t.Errorf("products %v", g.Products)
		}
		if want := w.Identity.RecordID(made.EntityID, "company", "company"); made.Connection.CompanyID != want {
			t.Errorf("company %s, want %s", made.Connection.CompanyID, want)
		}
	})
}

func TestTheSettingsAreSealedAtTheirPlace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.Create(t.Context(), w.request(), nothing)
		must(t, err)
		account, err := w.Store.Account(t.Context(), made.Connection.ID, made.EntityID)
		must(t, err)
		keys, err := w.Keyring.Cipher(t.Context(), made.Connection.ID)
		must(t, err)
		plain, err := keys.Open(nil, account.Settings, sync.SettingsPlace(made.EntityID))
		if err != nil || string(plain) != `{"token":"of the provider"}` {
			t.Errorf("got %q, %v", plain, err)
		}
		if _, err := keys.Open(nil, account.Settings, sync.SettingsPlace(perch.NewID())); !errors.Is(err, secret.ErrUnreadable) {
			t.Errorf("at the place of another entity: %v", err)
		}
		entityKeys, err := w.Keyring.Cipher(t.Context(), made.EntityID)
		must(t, err)
		if _, err := entityKeys.Open(nil, account.Settings, sync.SettingsPlace(made.EntityID)); !errors.Is(err, secret.ErrUnreadable) {
			t.Errorf("the key of the records opens the settings: %v", err)
		}
	})
}

var errWithin = errors.New("the sync cannot be queued")

func TestWhatFailsWithinLeavesNoConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var inside connection.Created
		made, err := w.Create(t.Context(), w.request(), func(_ *sql.Tx, created connection.Created) error {
			inside = created
			return errWithin
		})
		if !errors.Is(err, errWithin) || made != (connection.Created{}) {
			t.Fatalf("got %+v, %v", made, err)
		}
		if _, err := w.Store.Grant(t.Context(), access.HashSecret(inside.AccessToken)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the token: %v", err)
		}
		if _, err := w.Store.Account(t.Context(), inside.Connection.ID, inside.EntityID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the account: %v", err)
		}
	})
}

func TestWithoutKeysThereIsNoConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		gone, leave := context.WithCancel(t.Context())
		leave()
		called := false
		_, err := w.Create(gone, w.request(), func(*sql.Tx, connection.Created) error {
			called = true
			return nil
		})
		if !errors.Is(err, context.Canceled) || called {
			t.Errorf("got %v; the rows were written: %v", err, called)
		}
	})
}

func TestTwoConnectionsShareNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		one, err := w.Create(t.Context(), w.request(), nothing)
		must(t, err)
		other, err := w.Create(t.Context(), w.request(), nothing)
		must(t, err)
		if one.Connection.ID == other.Connection.ID || one.EntityID == other.EntityID || one.AccessToken == other.AccessToken ||
			one.Connection.CompanyID == other.Connection.CompanyID {
			t.Errorf("%+v and %+v", one, other)
		}
		if _, err := w.Store.Account(t.Context(), one.Connection.ID, other.EntityID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the entity of another connection: %v", err)
		}
		var owners int
		must(t, w.keys.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM data_keys`).Scan(&owners))
		if owners != 4 {
			t.Errorf("%d data keys, want one for each connection and each entity", owners)
		}
	})
}
