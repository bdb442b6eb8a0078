package store

import (
	"context"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// InsertApplication stores a new application with the hash of its secret.
func (s *Store) InsertApplication(ctx context.Context, app access.Application, secretHash []byte) error {
	_, err := s.db.Write.ExecContext(ctx,
		`INSERT INTO applications (id, name, type, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5)`,
		app.ID, app.Name, string(app.Type), secretHash, db.Micros(app.CreatedAt))
	if err != nil {
		return fmt.Errorf("storing the application: %w", err)
	}
	return nil
}

const applicationColumns = `id, name, type, created_at, secret_hash`

// Application returns the application with a client id, and the hash of its secret.
func (s *Store) Application(ctx context.Context, clientID perch.ID) (access.Application, []byte, error) {
	return scanApplication(s.db.Read.QueryRowContext(ctx, `SELECT `+applicationColumns+` FROM applications WHERE id = $1`, clientID))
}

// ApplicationsNamed returns the applications with a name, oldest first.
func (s *Store) ApplicationsNamed(ctx context.Context, name string) ([]access.Application, error) {
	return s.applications(ctx, `SELECT `+applicationColumns+` FROM applications WHERE name = $1 ORDER BY created_at, id`, name)
}

// Applications returns every application of the installation, oldest first.
func (s *Store) Applications(ctx context.Context) ([]access.Application, error) {
	return s.applications(ctx, `SELECT `+applicationColumns+` FROM applications ORDER BY created_at, id`)
}

func (s *Store) applications(ctx context.Context, query string, args ...any) ([]access.Application, error) {
	rows, err := s.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading applications: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []access.Application
	for rows.Next() {
		app, _, err := scanApplication(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, app)
	}
	return all, rows.Err()
}

type scanner interface{ Scan(dest ...any) error }

func scanApplication(row scanner) (access.Application, []byte, error) {
	var app access.Application
	var created int64
	var hash []byte
	if err := row.Scan(&app.ID, &app.Name, &app.Type, &created, &hash); err != nil {
		return app, nil, fmt.Errorf("reading an application: %w", notFound(err))
	}
	app.CreatedAt = db.Time(created)
	return app, hash, nil
}
