package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/store"
)

// report is what the child process that syncs tells.
type report struct {
	Token         string        `json:"token"`
	First         time.Duration `json:"first"`
	Second        time.Duration `json:"second"`
	FirstRecords  int           `json:"first_records"`
	SecondChanged int           `json:"second_changed"`
	BlocksBefore  int64         `json:"blocks_before"`
	BlocksAfter   int64         `json:"blocks_after"`
	PeakMiB       float64       `json:"peak_mib"`
}

var everything = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN,
	perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement}

// childSync syncs a new employer twice, in a process of its own so that its memory is its own.
func (b bench) childSync(ctx context.Context, folder string) error {
	a, err := app.Open(ctx, app.Config{Data: folder, Seed: 1})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	client, secret, err := a.Access.CreateApplication(ctx, "bench", perch.ClientSandbox)
	if err != nil {
		return err
	}
	application, err := a.Access.AuthenticateClient(ctx, client.ID.String(), secret)
	if err != nil {
		return err
	}
	made, err := a.Sandbox.CreateConnection(ctx, application, sandbox.Request{ProviderID: "gusto", Products: everything, EmployeeSize: b.people})
	if err != nil {
		return err
	}
	latest, err := a.Store.LatestSync(ctx, made.EntityID)
	if err != nil {
		return err
	}
	r := report{Token: made.AccessToken}
	if r.First, r.FirstRecords, _, err = timedSync(ctx, a, latest); err != nil {
		return err
	}
	if r.BlocksBefore, err = countBlocks(ctx, folder); err != nil {
		return err
	}
	var again store.Sync
	if err := a.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		again, _, err = a.Syncs.Request(ctx, tx, application.ID, made.ConnectionID, made.EntityID, "bench")
		return err
	}); err != nil {
		return err
	}
	if r.Second, _, r.SecondChanged, err = timedSync(ctx, a, again); err != nil {
		return err
	}
	if r.BlocksAfter, err = countBlocks(ctx, folder); err != nil {
		return err
	}
	if r.PeakMiB, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func timedSync(ctx context.Context, a *app.App, s store.Sync) (took time.Duration, records, changed int, err error) {
	started := time.Now()
	summary, err := a.Syncs.Run(ctx, s.ConnectionID, s.EntityID, s.ID)
	total := summary.Total()
	return time.Since(started), total.Created + total.Updated + total.Unchanged, total.Created + total.Updated + total.Deleted, err
}

func countBlocks(ctx context.Context, folder string) (n int64, err error) {
	database, err := db.Open(ctx, filepath.Join(folder, "perch.db"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = database.Close() }()
	err = database.Read.QueryRowContext(ctx, `SELECT count(*) FROM blocks`).Scan(&n)
	return n, err
}

// syncs runs the child and prints how its syncs compare with plain inserts.
func (b bench) syncs(ctx context.Context, folder string, compare bool) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, "-sync", folder, "-people", strconv.Itoa(b.people))
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, os.Stderr
	if err := child.Run(); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fmt.Errorf("reading the sync's report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte(r.Token), 0o600); err != nil {
		return err
	}
	fmt.Printf("\nfirst sync        %8.2f s   %d records, %d blocks\n", r.First.Seconds(), r.FirstRecords, r.BlocksBefore)
	fmt.Printf("second sync       %8.2f s   %d records changed, %d blocks written\n", r.Second.Seconds(), r.SecondChanged, r.BlocksAfter-r.BlocksBefore)
	if compare {
		plain, err := plainInsert(ctx, folder)
		if err != nil {
			return err
		}
		fmt.Printf("plain insert      %8.2f s   the same rows into the same table\n", plain.Seconds())
		line("first sync / plain insert rate", plain.Seconds()/r.First.Seconds(), ">= 0.25")
	}
	line("second sync / first sync time", r.Second.Seconds()/r.First.Seconds(), "<= 0.50")
	line("peak memory of the syncing process (MiB)", r.PeakMiB, "< 200")
	return nil
}

func line(name string, value float64, want string) {
	fmt.Printf("  %-52s %8.2f   (%s)\n", name, value, want)
}

const insertBatch = 5000

// plainInsert copies the table of blocks into a fresh database with a prepared statement, from
// memory, in transactions of 5,000 rows.
func plainInsert(ctx context.Context, folder string) (time.Duration, error) {
	rows, err := readBlocks(ctx, filepath.Join(folder, "perch.db"))
	if err != nil {
		return 0, err
	}
	target, err := os.MkdirTemp("", "perch-bench-plain-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(target) }()
	fresh, err := db.Open(ctx, filepath.Join(target, "plain.db"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = fresh.Close() }()
	if err := fresh.Migrate(ctx); err != nil {
		return 0, err
	}
	started := time.Now()
	for len(rows) > 0 {
		batch := rows[:min(insertBatch, len(rows))]
		rows = rows[len(batch):]
		if err := fresh.Tx(ctx, func(tx *sql.Tx) error { return insertAll(ctx, tx, batch) }); err != nil {
			return 0, err
		}
	}
	return time.Since(started), nil
}

type blockRow struct {
	entity, collection, facet, group string
	number, generation               int64
	body                             []byte
}

func readBlocks(ctx context.Context, path string) ([]blockRow, error) {
	database, err := db.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close() }()
	rows, err := database.Read.QueryContext(ctx, `SELECT entity_id, collection, facet, number, generation, product_group, body FROM blocks ORDER BY rowid`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []blockRow
	for rows.Next() {
		var r blockRow
		if err := rows.Scan(&r.entity, &r.collection, &r.facet, &r.number, &r.generation, &r.group, &r.body); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func insertAll(ctx context.Context, tx *sql.Tx, rows []blockRow) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO blocks (entity_id, collection, facet, number, generation, product_group, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, r := range rows {
		if _, err := insert.ExecContext(ctx, r.entity, r.collection, r.facet, r.number, r.generation, r.group, r.body); err != nil {
			return err
		}
	}
	return nil
}
