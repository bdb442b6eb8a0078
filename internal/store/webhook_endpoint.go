package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// WebhookState is whether an endpoint is sent anything.
type WebhookState string

// States of an endpoint. Nobody but the sweep sees a deleted one.
const (
	WebhookEnabled  WebhookState = "enabled"
	WebhookDisabled WebhookState = "disabled"
	webhookDeleted  WebhookState = "deleted"
)

// WebhookEndpoint is where an application wants its events sent.
type WebhookEndpoint struct {
	ID            perch.ID
	ApplicationID perch.ID
	// URL is sealed under the application's data key.
	URL []byte
	// Events are the types that are sent; none means all.
	Events      []perch.EventType
	Description string
	State       WebhookState
	// Reason is why it is disabled.
	Reason     string
	Version    int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DisabledAt time.Time
	// FailingSince is the first failed attempt since the last one that succeeded.
	FailingSince time.Time
	// PausedUntil is when the receiver wants to be asked again.
	PausedUntil time.Time
	// Cursor is what of the event log was dealt with.
	Cursor WebhookCursor
}

// WebhookCursor is a place in an application's event log: everything in batches before Position, and in
// that one before Number, lies behind it.
type WebhookCursor struct{ Position, Number int64 }

const endpointColumns = `id, application_id, url, events, description, state, reason, version, created_at, updated_at, disabled_at,
	failing_since, paused_until, position, number`

func scanEndpoint(row scanner) (WebhookEndpoint, error) {
	var e WebhookEndpoint
	var events string
	var created, updated, disabled, failing, paused int64
	if err := row.Scan(&e.ID, &e.ApplicationID, &e.URL, &events, &e.Description, &e.State, &e.Reason, &e.Version, &created, &updated, &disabled,
		&failing, &paused, &e.Cursor.Position, &e.Cursor.Number); err != nil {
		return e, fmt.Errorf("reading a webhook endpoint: %w", notFound(err))
	}
	for name := range strings.FieldsSeq(events) {
		e.Events = append(e.Events, perch.EventType(name))
	}
	e.CreatedAt, e.UpdatedAt, e.DisabledAt = db.Time(created), db.Time(updated), db.Time(disabled)
	e.FailingSince, e.PausedUntil = db.Time(failing), db.Time(paused)
	return e, nil
}

func joinEvents(list []perch.EventType) string {
	names := make([]string, len(list))
	for i, one := range list {
		names[i] = string(one)
	}
	return strings.Join(names, " ")
}

// headOfLog is the position that the application's next batch gets.
const headOfLog = `COALESCE((SELECT l.next FROM event_logs l WHERE l.application_id = $1), 1)`

// InsertWebhookEndpoint stores a new endpoint, which is sent what happens from now on. It reports false
// when the application has most already.
func (s *Store) InsertWebhookEndpoint(ctx context.Context, tx *sql.Tx, e WebhookEndpoint, most int) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO webhook_endpoints (application_id, id, url, events, description, state, reason, version, created_at, updated_at,
			disabled_at, failing_since, paused_until, position, number, lease_owner, lease_until)
		SELECT $1, $2, $3, $4, $5, $6, '', 1, $7, $7, 0, 0, 0, `+headOfLog+`, 0, '', 0
		 WHERE (SELECT count(*) FROM webhook_endpoints WHERE application_id = $1 AND state <> 'deleted') < $8`,
		e.ApplicationID, e.ID, e.URL, joinEvents(e.Events), e.Description, string(e.State), db.Micros(e.CreatedAt), most)
	if err != nil {
		return false, fmt.Errorf("storing a webhook endpoint: %w", err)
	}
	inserted, err := result.RowsAffected()
	return inserted == 1, err
}

// WebhookEndpoint returns an endpoint of an application.
func (s *Store) WebhookEndpoint(ctx context.Context, application, endpoint perch.ID) (WebhookEndpoint, error) {
	return scanEndpoint(s.db.Read.QueryRowContext(ctx,
		`SELECT `+endpointColumns+` FROM webhook_endpoints WHERE id = $1 AND application_id = $2 AND state <> 'deleted'`, endpoint, application))
}

// WebhookEndpoints returns the endpoints of an application, oldest first.
func (s *Store) WebhookEndpoints(ctx context.Context, application perch.ID) ([]WebhookEndpoint, error) {
	rows, err := s.db.Read.QueryContext(ctx,
		`SELECT `+endpointColumns+` FROM webhook_endpoints WHERE application_id = $1 AND state <> 'deleted' ORDER BY created_at, id`, application)
	if err != nil {
		return nil, fmt.Errorf("reading webhook endpoints: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookEndpoint
	for rows.Next() {
		one, err := scanEndpoint(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// LockWebhookEndpoint returns an endpoint of an application, which nobody else changes before the
// transaction ends.
func (s *Store) LockWebhookEndpoint(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID) (WebhookEndpoint, error) {
	return scanEndpoint(tx.QueryRowContext(ctx, `
		UPDATE webhook_endpoints SET version = version + 1 WHERE id = $1 AND application_id = $2 AND state <> 'deleted'
		RETURNING `+endpointColumns, endpoint, application))
}

// UpdateWebhookEndpoint replaces what people decide about an endpoint: URL, events, description, state
// and reason.
func (s *Store) UpdateWebhookEndpoint(ctx context.Context, tx *sql.Tx, e WebhookEndpoint) error {
	return one(tx.ExecContext(ctx, `
		UPDATE webhook_endpoints SET url = $1, events = $2, description = $3, state = $4, reason = $5, disabled_at = $6, updated_at = $7,
		       version = version + 1 WHERE id = $8 AND application_id = $9 AND state <> 'deleted'`,
		e.URL, joinEvents(e.Events), e.Description, string(e.State), e.Reason, db.Micros(e.DisabledAt), db.Micros(e.UpdatedAt), e.ID, e.ApplicationID))("changing a webhook endpoint")
}

// RestartWebhookEndpoint lets an endpoint begin anew: what happened until now is not sent, and its
// failures are forgotten.
func (s *Store) RestartWebhookEndpoint(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM webhook_replays WHERE endpoint_id IN (SELECT id FROM webhook_endpoints WHERE id = $1 AND application_id = $2)`,
		endpoint, application); err != nil {
		return fmt.Errorf("ending replays: %w", err)
	}
	return one(tx.ExecContext(ctx, `
		UPDATE webhook_endpoints SET position = `+headOfLog+`, number = 0, failing_since = 0, paused_until = 0, version = version + 1
		 WHERE application_id = $1 AND id = $2 AND state <> 'deleted'`, application, endpoint))("changing a webhook endpoint")
}

// DeleteWebhookEndpoint makes an endpoint unseen and forgets its address and secrets. Its deliveries are
// left to SweepWebhooks.
func (s *Store) DeleteWebhookEndpoint(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID) error {
	if err := one(tx.ExecContext(ctx, `
		UPDATE webhook_endpoints SET state = $1, url = $2, description = '', version = version + 1 WHERE id = $3 AND application_id = $4 AND state <> 'deleted'`,
		string(webhookDeleted), []byte{}, endpoint, application))("changing a webhook endpoint"); err != nil {
		return err
	}
	for _, table := range []string{"webhook_secrets", "webhook_replays", "webhook_notes"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE endpoint_id = $1`, endpoint); err != nil {
			return fmt.Errorf("deleting a webhook endpoint: %w", err)
		}
	}
	return nil
}

// WebhookSecret is one of the secrets that an endpoint's messages are signed with.
type WebhookSecret struct {
	ID        perch.ID
	Sealed    []byte
	CreatedAt time.Time
	// ExpiresAt is zero for the newest.
	ExpiresAt time.Time
}

// InsertWebhookSecret stores a new secret of an endpoint of an application. Those before it expire at a
// time, or earlier if they did already.
func (s *Store) InsertWebhookSecret(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID, n WebhookSecret, othersExpire time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at <> 0 AND expires_at <= $2`,
		endpoint, db.Micros(n.CreatedAt)); err != nil {
		return fmt.Errorf("deleting expired secrets: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE webhook_secrets SET expires_at = $1 WHERE endpoint_id = $2 AND (expires_at = 0 OR expires_at > $1)`,
		db.Micros(othersExpire), endpoint); err != nil {
		return fmt.Errorf("letting secrets expire: %w", err)
	}
	if err := one(tx.ExecContext(ctx, `
		INSERT INTO webhook_secrets (id, endpoint_id, sealed, created_at, expires_at)
		SELECT $1, e.id, $2, $3, 0 FROM webhook_endpoints e WHERE e.id = $4 AND e.application_id = $5 AND e.state <> 'deleted'`,
		n.ID, n.Sealed, db.Micros(n.CreatedAt), endpoint, application))("changing a webhook endpoint"); err != nil {
		return err
	}
	return one(tx.ExecContext(ctx, `UPDATE webhook_endpoints SET version = version + 1, updated_at = $1 WHERE id = $2 AND application_id = $3`,
		db.Micros(n.CreatedAt), endpoint, application))("changing a webhook endpoint")
}

// WebhookSecrets returns the secrets of an endpoint that have not expired, newest first.
func (s *Store) WebhookSecrets(ctx context.Context, application, endpoint perch.ID, now time.Time) ([]WebhookSecret, error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT x.id, x.sealed, x.created_at, x.expires_at FROM webhook_secrets x JOIN webhook_endpoints e ON e.id = x.endpoint_id
		 WHERE e.id = $1 AND e.application_id = $2 AND (x.expires_at = 0 OR x.expires_at > $3) ORDER BY CASE WHEN x.expires_at = 0 THEN 0 ELSE 1 END, x.created_at DESC, x.id`,
		endpoint, application, db.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("reading webhook secrets: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookSecret
	for rows.Next() {
		var one WebhookSecret
		var created, expires int64
		if err := rows.Scan(&one.ID, &one.Sealed, &created, &expires); err != nil {
			return nil, fmt.Errorf("reading webhook secrets: %w", err)
		}
		one.CreatedAt, one.ExpiresAt = db.Time(created), db.Time(expires)
		all = append(all, one)
	}
	return all, rows.Err()
}

// WebhookNote is something that happened to an endpoint.
type WebhookNote struct {
	At     time.Time
	What   string
	Detail string
}

// InsertWebhookNote adds to the history of an endpoint.
func (s *Store) InsertWebhookNote(ctx context.Context, tx *sql.Tx, endpoint perch.ID, n WebhookNote) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO webhook_notes (id, endpoint_id, at, what, detail) VALUES ($1, $2, $3, $4, $5)`,
		perch.NewID(), endpoint, db.Micros(n.At), n.What, n.Detail); err != nil {
		return fmt.Errorf("noting what happened to a webhook endpoint: %w", err)
	}
	return nil
}

// WebhookNotes returns the newest of an endpoint's history, newest first.
func (s *Store) WebhookNotes(ctx context.Context, application, endpoint perch.ID, most int) ([]WebhookNote, error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT n.at, n.what, n.detail FROM webhook_notes n JOIN webhook_endpoints e ON e.id = n.endpoint_id
		 WHERE e.id = $1 AND e.application_id = $2 ORDER BY n.at DESC, n.id LIMIT $3`, endpoint, application, most)
	if err != nil {
		return nil, fmt.Errorf("reading the history of a webhook endpoint: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookNote
	for rows.Next() {
		var n WebhookNote
		var at int64
		if err := rows.Scan(&at, &n.What, &n.Detail); err != nil {
			return nil, fmt.Errorf("reading the history of a webhook endpoint: %w", err)
		}
		n.At = db.Time(at)
		all = append(all, n)
	}
	return all, rows.Err()
}
