package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/sandbox"
)

// askEvery is how often a job is asked for.
const askEvery = 5 * time.Millisecond

// enrolled is how many people are enrolled in one call.
const enrolled = 5_000

// deductions measures one batch of enrolments, from the request to the end of its job, beside a plain
// insert of the same rows in one transaction.
func (b bench) deductions(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "perch-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	a, err := app.Open(ctx, app.Config{Data: folder, Seed: 1, NoRateLimits: true, Patience: time.Minute})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	if err := a.Start(ctx); err != nil {
		return err
	}
	client, secret, err := a.Access.CreateApplication(ctx, "bench", perch.ClientSandbox)
	if err != nil {
		return err
	}
	application, err := a.Access.AuthenticateClient(ctx, client.ID.String(), secret)
	if err != nil {
		return err
	}
	made, err := a.Sandbox.CreateConnection(ctx, application, sandbox.Request{ProviderID: "gusto", EmployeeSize: enrolled,
		Products: []perch.Product{perch.ProductDirectory, perch.ProductBenefits}})
	if err != nil {
		return err
	}
	w := writer{a.Handler(), made.AccessToken}
	var directory struct{ Individuals []struct{ ID perch.ID } }
	if _, err := w.call(http.MethodGet, "/employer/directory?limit=10000", nil, &directory); err != nil {
		return err
	}
	var created struct {
		BenefitID perch.ID `json:"benefit_id"`
		JobID     perch.ID `json:"job_id"`
	}
	if _, err := w.call(http.MethodPost, "/employer/benefits", map[string]string{"type": "401k", "description": "Bench"}, &created); err != nil {
		return err
	}
	if err := w.over(created.JobID); err != nil {
		return err
	}
	var people []any
	for _, one := range directory.Individuals {
		people = append(people, map[string]any{"individual_id": one.ID, "configuration": map[string]any{"employee_deduction": map[string]any{"type": "percent", "amount": 600}}})
	}
	started := time.Now()
	answered, err := w.call(http.MethodPost, "/employer/benefits/"+created.BenefitID.String()+"/individuals", people, &created)
	if err != nil {
		return err
	}
	if err := w.over(created.JobID); err != nil {
		return err
	}
	took := time.Since(started)
	plain, err := plainEnrolments(ctx, folder)
	if err != nil {
		return err
	}
	fmt.Printf("%d enrolments in one call: answered after %s, done after %s; plain insert of the same rows %s: %.1f times\n",
		len(people), round(answered), round(took), round(plain), float64(took)/float64(plain))
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// writer calls the API as a client does, without a network.
type writer struct {
	handler http.Handler
	token   string
}

func (w writer) call(method, path string, body, into any) (time.Duration, error) {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return 0, err
		}
	}
	r := httptest.NewRequest(method, path, &content)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Finch-API-Version", perch.APIVersion)
	answer := httptest.NewRecorder()
	started := time.Now()
	w.handler.ServeHTTP(answer, r)
	took := time.Since(started)
	if answer.Code >= http.StatusBadRequest || answer.Code == http.StatusAccepted {
		return took, fmt.Errorf("%s %s: %d %.200s", method, path, answer.Code, answer.Body)
	}
	return took, json.Unmarshal(answer.Body.Bytes(), into)
}

// over asks for a job until it is complete.
func (w writer) over(job perch.ID) error {
	for {
		var got perch.ManualJob
		if _, err := w.call(http.MethodGet, "/jobs/manual/"+job.String(), nil, &got); err != nil {
			return err
		}
		switch got.Status {
		case perch.JobComplete:
			return nil
		case perch.JobError:
			return fmt.Errorf("job %s failed: %+v", job, got.Body)
		}
		<-time.After(askEvery)
	}
}

// plainEnrolments times the insertion of the rows that were written, into a table of the same form.
func plainEnrolments(ctx context.Context, folder string) (time.Duration, error) {
	database, err := db.Open(ctx, filepath.Join(folder, "perch.db"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = database.Close() }()
	if _, err := database.Write.ExecContext(ctx, `CREATE TABLE plain (entity_id TEXT NOT NULL, deduction BIGINT NOT NULL, person BIGINT NOT NULL,
		enrolled BOOLEAN NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (entity_id, deduction, person))`); err != nil {
		return 0, err
	}
	type row struct {
		entity    string
		deduction int
		person    int
		body      []byte
	}
	var rows []row
	found, err := database.Read.QueryContext(ctx, `SELECT entity_id, deduction, person, body FROM sandbox_enrolments`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var r row
		if err := found.Scan(&r.entity, &r.deduction, &r.person, &r.body); err != nil {
			return 0, err
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return 0, err
	}
	started := time.Now()
	err = database.Tx(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO plain (entity_id, deduction, person, enrolled, body) VALUES ($1, $2, $3, $4, $5)`)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }()
		for _, r := range rows {
			if _, err := insert.ExecContext(ctx, r.entity, r.deduction, r.person, true, r.body); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(started), err
}
