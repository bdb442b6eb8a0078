package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/testneed"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is one database with one application and one connection in it.
type world struct {
	*store.Store
	db   *db.DB
	app  access.Application
	conn access.Connection
	ent  perch.ID
	hash []byte
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, target := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "perch.db") },
		"PostgreSQL": func(t *testing.T) string { return testneed.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, target(t)))
		})
	}
}

func setup(t *testing.T, target string) *world {
	t.Helper()
	ctx := t.Context()
	database, err := db.Open(ctx, target)
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.Migrate(ctx))
	s, err := store.New(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	w := &world{Store: s, db: database, app: access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientSandbox, CreatedAt: now}}
	must(t, s.InsertApplication(ctx, w.app, []byte("hash")))
	w.connect(t)
	return w
}

func (w *world) connect(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	w.ent, w.hash = perch.NewID(), access.HashSecret(perch.NewID().String())
	w.conn = access.Connection{ID: perch.NewID(), CompanyID: perch.NewID(), ProviderID: "gusto", Type: perch.ConnectionSimulated,
		Authentication: perch.AuthOAuth, Status: perch.StatusProcessing}
	must(t, w.Tx(ctx, func(tx *sql.Tx) error {
		err := w.InsertConnection(ctx, tx, store.NewConnection{ApplicationID: w.app.ID, Connection: w.conn,
			Entity: access.Entity{ID: w.ent, Status: perch.StatusProcessing}, Connector: "sandbox", Settings: []byte("sealed"), CreatedAt: now})
		if err != nil {
			return err
		}
		return w.InsertToken(ctx, tx, w.app.ID, w.conn.ID, w.ent, perch.NewID(), w.hash, []perch.Product{perch.ProductCompany, perch.ProductDeduction}, now)
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
}

func TestAGrantCarriesTheConnectionItsEntityAndItsProducts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		g, err := w.Grant(t.Context(), w.hash)
		must(t, err)
		if g.Connection.ID != w.conn.ID || g.Entities[0].ID != w.ent || g.Application != w.app {
			t.Errorf("got %+v", g)
		}
		if !g.Allows(perch.ProductCompany) || !g.Allows(perch.ProductBenefits) || g.Allows(perch.ProductSSN) {
			t.Errorf("products %v", g.Products)
		}
		_, err = w.Grant(t.Context(), []byte("unknown"))
		wantNotFound(t, err)
	})
}

func TestDisconnectEndsTokensAndSyncsAndMovesTheRevision(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		lease := w.running(t)
		before, err := w.Revision(ctx)
		must(t, err)
		var owners []perch.ID
		collect := func(_ *sql.Tx, keyOwners []perch.ID) error { owners = keyOwners; return nil }
		must(t, w.Disconnect(ctx, perch.NewID(), w.conn.ID, now, collect))
		if _, err := w.Grant(ctx, w.hash); err != nil || len(owners) > 1 {
			t.Fatalf("another application disconnected it: %v, %v", err, owners)
		}
		must(t, w.Disconnect(ctx, w.app.ID, w.conn.ID, now, collect))
		_, err = w.Grant(ctx, w.hash)
		wantNotFound(t, err)
		if len(owners) != 2 {
			t.Errorf("key owners %v, want the connection and its entity", owners)
		}
		after, err := w.Revision(ctx)
		must(t, err)
		if after <= before {
			t.Errorf("revision %d after %d", after, before)
		}
		wantNotFound(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.HoldSync(ctx, tx, lease) }))
	})
}

// running requests and acquires a sync.
func (w *world) running(t *testing.T) store.Lease {
	t.Helper()
	ctx := t.Context()
	var s store.Sync
	must(t, w.Tx(ctx, func(tx *sql.Tx) (err error) {
		s, _, err = w.InsertSync(ctx, tx, w.newSync())
		return err
	}))
	lease := store.Lease{Sync: s.ID, Entity: w.ent, Owner: "one", Until: now.Add(time.Minute)}
	_, err := w.AcquireSync(ctx, lease, now)
	must(t, err)
	return lease
}

func (w *world) newSync() store.Sync {
	return store.Sync{ID: perch.NewID(), ApplicationID: w.app.ID, ConnectionID: w.conn.ID, EntityID: w.ent, Reason: "test", CreatedAt: now}
}

func TestOneSyncPerEntityIsUnfinishedAtATime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		lease := w.running(t)
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			s, created, err := w.InsertSync(ctx, tx, w.newSync())
			if created || s.ID != lease.Sync || s.State != store.SyncRunning {
				t.Errorf("a second sync: %v %+v", created, s)
			}
			return err
		}))
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			return w.FinishSync(ctx, tx, lease, store.Sync{State: store.SyncComplete, FinishedAt: now})
		}))
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			_, created, err := w.InsertSync(ctx, tx, w.newSync())
			if !created {
				t.Error("no new sync after the last one ended")
			}
			return err
		}))
	})
}

func TestASyncIsHeldUntilItsLeaseRunsOut(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		lease := w.running(t)
		other := store.Lease{Sync: lease.Sync, Entity: w.ent, Owner: "two", Until: now.Add(2 * time.Minute)}
		_, err := w.AcquireSync(ctx, other, now.Add(59*time.Second))
		wantNotFound(t, err)
		orphans, err := w.IdleSyncs(ctx, now.Add(61*time.Second), 10)
		must(t, err)
		if len(orphans) != 1 || orphans[0].ID != lease.Sync {
			t.Errorf("orphans %v", orphans)
		}
		taken, err := w.AcquireSync(ctx, other, now.Add(61*time.Second))
		must(t, err)
		if taken.Attempts != 2 {
			t.Errorf("attempts %d, want 2", taken.Attempts)
		}
		wantNotFound(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.HoldSync(ctx, tx, lease) }))
		must(t, w.ReleaseSync(ctx, lease)) // the loser releases nothing
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.HoldSync(ctx, tx, other) }))
		must(t, w.ReleaseSync(ctx, other))
		_, err = w.AcquireSync(ctx, lease, now)
		must(t, err)
	})
}

func TestAReaderSeesTheNewestBlockThatIsNotYoungerThanItsGeneration(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		block := func(number, generation int64, body string) store.Block {
			return store.Block{Collection: "people", Facet: "directory", Number: number, Generation: generation, Body: []byte(body)}
		}
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			return w.InsertBlocks(ctx, tx, w.ent, access.Organization, []store.Block{
				block(0, 1, "a1"), block(1, 1, "b1"), block(0, 3, "a3"), block(0, 5, "a5"), block(0, 5, "a5 again")})
		}))
		for _, c := range []struct {
			number, at int64
			want       string
		}{{0, 1, "a1"}, {0, 2, "a1"}, {0, 3, "a3"}, {0, 4, "a3"}, {0, 9, "a5 again"}, {1, 9, "b1"}} {
			b, err := w.Block(ctx, w.ent, "people", "directory", c.number, c.at, 0)
			must(t, err)
			if string(b.Body) != c.want {
				t.Errorf("block %d at %d: %s, want %s", c.number, c.at, b.Body, c.want)
			}
		}
		b, err := w.Block(ctx, w.ent, "people", "directory", 0, 4, 3)
		must(t, err)
		if b.Body != nil || b.Generation != 3 {
			t.Errorf("a version that is known was sent again: %+v", b)
		}
		_, err = w.Block(ctx, perch.NewID(), "people", "directory", 0, 9, 0)
		wantNotFound(t, err)
		var all []byte
		must(t, w.Blocks(ctx, w.ent, "people", "directory", 4, func(b store.Block) error { all = append(all, b.Body...); return nil }))
		if string(all) != "a3b1" {
			t.Errorf("all blocks at 4: %s", all)
		}
	})
}

func TestAbandonedAndSupersededBlocksAreSwept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			for _, group := range []access.Group{access.Organization, access.Payroll} {
				var blocks []store.Block
				for generation := int64(1); generation <= 4; generation++ {
					blocks = append(blocks, store.Block{Collection: group.String(), Facet: "f", Number: 0, Generation: generation, Body: []byte{byte(generation)}})
				}
				if err := w.InsertBlocks(ctx, tx, w.ent, group, blocks); err != nil {
					return err
				}
			}
			return nil
		}))
		sweep := func(deletion func(*sql.Tx) (bool, error)) (rounds int) {
			for more := true; more; rounds++ {
				must(t, w.Tx(ctx, func(tx *sql.Tx) (err error) { more, err = deletion(tx); return err }))
			}
			return rounds
		}
		if rounds := sweep(func(tx *sql.Tx) (bool, error) {
			return w.DeleteAbandoned(ctx, tx, w.ent, access.Organization, 2, 1)
		}); rounds != 3 {
			t.Errorf("%d rounds of one block, want 3", rounds)
		}
		sweep(func(tx *sql.Tx) (bool, error) {
			return w.DeleteSuperseded(ctx, tx, w.ent, access.Organization, 2, 10)
		})
		for group, want := range map[access.Group][]byte{access.Organization: {2}, access.Payroll: {1, 2, 3, 4}} {
			var left []byte
			for at := int64(1); at <= 4; at++ {
				if b, err := w.Block(ctx, w.ent, group.String(), "f", 0, at, 0); err == nil && b.Generation == at {
					left = append(left, b.Body...)
				}
			}
			if !bytes.Equal(left, want) {
				t.Errorf("%s: generations %v are left, want %v", group, left, want)
			}
		}
	})
}

func TestPublishingFromAStaleGenerationFails(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		publish := func(from, to int64) error {
			return w.Tx(ctx, func(tx *sql.Tx) error {
				return w.Publish(ctx, tx, w.ent, access.Payroll, from, access.Publication{Generation: to, Complete: true, RetrievedAt: now, AttemptedAt: now, Result: access.ResultSuccess})
			})
		}
		must(t, publish(0, 2))
		wantNotFound(t, publish(0, 3))
		g, err := w.Grant(ctx, w.hash)
		must(t, err)
		p := g.Entities[0].Groups[access.Payroll]
		if p.Generation != 2 || !p.Complete || !p.RetrievedAt.Equal(now) || p.Result != access.ResultSuccess {
			t.Errorf("published %+v", p)
		}
		if g.Entities[0].Groups[access.Organization].Generation != 0 {
			t.Error("the other group was published too")
		}
	})
}

func TestGenerationsAreNeverUsedTwice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for want := int64(1); want <= 3; want++ {
			got, err := w.NewGeneration(t.Context(), w.ent)
			must(t, err)
			if got != want {
				t.Errorf("generation %d, want %d", got, want)
			}
		}
		_, err := w.NewGeneration(t.Context(), perch.NewID())
		wantNotFound(t, err)
	})
}

func TestAnAliasStaysWithTheFirstRecord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first, second := perch.NewID(), perch.NewID()
		for _, id := range []perch.ID{first, second} {
			must(t, w.Tx(ctx, func(tx *sql.Tx) error {
				return w.InsertAliases(ctx, tx, w.ent, []store.Alias{{Kind: "ssn", KeyHash: []byte("h"), RecordID: id}})
			}))
		}
		all, err := w.Aliases(ctx, w.ent)
		must(t, err)
		if len(all) != 1 || all[0].RecordID != first {
			t.Errorf("aliases %v", all)
		}
	})
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, w.db.Migrate(ctx)) // again: nothing to do
		_, err := w.db.Write.ExecContext(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)`, true)
		must(t, err)
		var newer *db.NewerSchemaError
		if err := w.db.Migrate(ctx); !errors.As(err, &newer) || newer.Have != 9999 {
			t.Errorf("got %v", err)
		}
	})
}

func TestADestroyedKeyIsGoneForGood(t *testing.T) {
	t.Parallel()
	targets := map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "keys.db") },
		"PostgreSQL": func(t *testing.T) string { return testneed.Postgres(t) },
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			path := target(t)
			database, err := db.OpenKeys(ctx, path)
			must(t, err)
			t.Cleanup(func() { must(t, database.Close()) })
			must(t, database.MigrateKeys(ctx))
			keys := store.NewKeys(database, func() time.Time { return now })
			owner := perch.NewID()
			kept, err := keys.InsertKey(ctx, owner, []byte("wrapped"))
			must(t, err)
			again, err := keys.InsertKey(ctx, owner, []byte("other"))
			must(t, err)
			if string(kept) != "wrapped" || string(again) != "wrapped" {
				t.Errorf("kept %s and %s", kept, again)
			}
			must(t, keys.DeleteKeys(ctx, owner))
			if _, err := keys.Key(ctx, owner); !errors.Is(err, secret.ErrDestroyed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestErasureTouchesDisconnectedEntitiesOnly(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		put := func() error {
			return w.Tx(ctx, func(tx *sql.Tx) error {
				return w.InsertBlocks(ctx, tx, w.ent, access.Organization, []store.Block{{Collection: "c", Facet: "f", Generation: 1, Body: []byte("x")}})
			})
		}
		must(t, put())
		_, err := w.DeleteDisconnected(ctx, w.ent, 10)
		must(t, err)
		_, err = w.Block(ctx, w.ent, "c", "f", 0, 1, 0)
		must(t, err)
		must(t, w.Disconnect(ctx, w.app.ID, w.conn.ID, now, func(*sql.Tx, []perch.ID) error { return nil }))
		_, err = w.DeleteDisconnected(ctx, w.ent, 10)
		must(t, err)
		_, err = w.Block(ctx, w.ent, "c", "f", 0, 1, 0)
		wantNotFound(t, err)
	})
}

func TestWhatOneTenantOwnsAnotherDoesNotFind(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		lease := w.running(t)
		_, _, err := w.ConnectionByID(ctx, perch.NewID(), w.conn.ID)
		wantNotFound(t, err)
		_, err = w.Account(ctx, perch.NewID(), w.ent)
		wantNotFound(t, err)
		_, err = w.Sync(ctx, perch.NewID(), lease.Sync)
		wantNotFound(t, err)
		_, entity, err := w.ConnectionByID(ctx, w.app.ID, w.conn.ID)
		must(t, err)
		if entity != w.ent {
			t.Errorf("entity %s", entity)
		}
	})
}
