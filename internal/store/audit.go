package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// Audit is one thing that somebody did. Entries are only ever added: there is no method that changes
// or removes one.
type Audit struct {
	ID perch.ID
	At time.Time
	// Actor is the address of an operator, or what did it by itself: "folder", "sftp", "command line".
	Actor string
	// Action is a word such as "credentials.revealed".
	Action string
	// ApplicationID and ConnectionID are zero where the action concerns none.
	ApplicationID perch.ID
	ConnectionID  perch.ID
	// Detail says more; it holds no personal data.
	Detail string
}

// InsertAudit adds an entry, in the transaction of what it records.
func (s *Store) InsertAudit(ctx context.Context, tx *sql.Tx, a Audit) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit_log (id, at, actor, action, application_id, connection_id, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		perch.NewID(), db.Micros(a.At), a.Actor, a.Action, a.ApplicationID, a.ConnectionID, a.Detail); err != nil {
		return fmt.Errorf("adding to the audit log: %w", err)
	}
	return nil
}

const auditColumns = `id, at, actor, action, application_id, connection_id, detail`

func scanAudit(rows *sql.Rows) (Audit, error) {
	var a Audit
	var at int64
	if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Action, &a.ApplicationID, &a.ConnectionID, &a.Detail); err != nil {
		return a, fmt.Errorf("reading the audit log: %w", err)
	}
	a.At = db.Time(at)
	return a, nil
}

// AuditLog returns entries, newest first, and how many there are in all.
func (s *Store) AuditLog(ctx context.Context, limit, offset int) ([]Audit, int, error) {
	var n int
	if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM audit_log`).Scan(&n); err != nil {
		return nil, 0, fmt.Errorf("counting the audit log: %w", err)
	}
	list, err := query(ctx, s.db.Read, scanAudit, `SELECT `+auditColumns+` FROM audit_log ORDER BY at DESC, id LIMIT $1 OFFSET $2`, limit, offset)
	return list, n, err
}

// ConnectionAudit returns the newest entries about an application's connection.
func (s *Store) ConnectionAudit(ctx context.Context, application, connection perch.ID, limit int) ([]Audit, error) {
	return query(ctx, s.db.Read, scanAudit, `SELECT `+auditColumns+` FROM audit_log WHERE application_id = $1 AND connection_id = $2 ORDER BY at DESC, id LIMIT $3`,
		application, connection, limit)
}
