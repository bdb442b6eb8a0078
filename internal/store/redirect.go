package store

import (
	"context"
	"encoding/json"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
)

// ApplicationSettings returns what is configured for an application.
func (s *Store) ApplicationSettings(ctx context.Context, application perch.ID) (access.Settings, error) {
	var settings access.Settings
	var text []byte
	if err := s.db.Read.QueryRowContext(ctx, `SELECT settings FROM applications WHERE id = $1`, application).Scan(&text); err != nil {
		return settings, fmt.Errorf("reading the application's settings: %w", notFound(err))
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return settings, fmt.Errorf("reading the application's settings: %w", err)
	}
	return settings, nil
}

// ReplaceApplicationSettings stores what is configured for an application.
func (s *Store) ReplaceApplicationSettings(ctx context.Context, application perch.ID, settings access.Settings) error {
	text, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("storing the application's settings: %w", err)
	}
	result, err := s.db.Write.ExecContext(ctx, `UPDATE applications SET settings = $1 WHERE id = $2`, string(text), application)
	if err != nil {
		return fmt.Errorf("storing the application's settings: %w", err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		return fmt.Errorf("storing the application's settings: %w", ErrNotFound)
	}
	return nil
}
