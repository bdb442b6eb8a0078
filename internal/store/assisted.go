package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// AssistedRow is a connection in a list of those that people serve.
type AssistedRow struct {
	Connection      access.Connection
	ApplicationID   perch.ID
	Application     string
	ApplicationType perch.ClientType
	CreatedAt       time.Time
	// RetrievedAt is when data was published last; zero for never.
	RetrievedAt time.Time
}

// AssistedQuery filters and pages a list of connections.
type AssistedQuery struct {
	Status        perch.ConnectionStatus
	Search        string
	Limit, Offset int
}

const assistedFrom = ` FROM connections c JOIN applications a ON a.id = c.application_id
	WHERE c.disconnected_at = 0 AND (c.authentication_type = 'assisted' OR EXISTS (SELECT 1 FROM entities e WHERE e.connection_id = c.id AND e.disconnected_at = 0 AND e.connector = 'file'))`

// AssistedConnections returns connections that people serve, newest first, and how many there are.
func (s *Store) AssistedConnections(ctx context.Context, q AssistedQuery) ([]AssistedRow, int, error) {
	var args []any
	param := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	from := assistedFrom
	if q.Status != "" {
		from += " AND c.status = " + param(string(q.Status))
	}
	if q.Search != "" {
		pattern := param("%" + likeEscape.Replace(strings.ToLower(q.Search)) + "%")
		from += ` AND (LOWER(COALESCE(c.customer_name, '')) LIKE ` + pattern + ` ESCAPE '!' OR c.provider_id LIKE ` + pattern + ` ESCAPE '!' OR LOWER(a.name) LIKE ` + pattern + ` ESCAPE '!' OR c.id LIKE ` + pattern + ` ESCAPE '!')`
	}
	var total int
	if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*)`+from, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("counting connections: %w", err)
	}
	rows, err := query(ctx, s.db.Read, scanAssisted, assistedSelect+from+` ORDER BY c.created_at DESC, c.id LIMIT `+param(q.Limit)+` OFFSET `+param(q.Offset), args...)
	return rows, total, err
}

const assistedSelect = `SELECT ` + connectionColumns + `, a.id, a.name, a.type, c.created_at,
	COALESCE((SELECT MAX(p.retrieved_at) FROM entities e JOIN publications p ON p.entity_id = e.id WHERE e.connection_id = c.id AND e.disconnected_at = 0), 0)`

func scanAssisted(rows *sql.Rows) (AssistedRow, error) {
	var r AssistedRow
	var created, retrieved int64
	c := &r.Connection
	if err := rows.Scan(&c.ID, &c.CompanyID, &c.ProviderID, &c.Type, &c.Authentication, &c.Status, &c.StatusMessage, &c.CustomerID, &c.CustomerName, &c.CustomerEmail,
		&r.ApplicationID, &r.Application, &r.ApplicationType, &created, &retrieved); err != nil {
		return r, fmt.Errorf("reading a connection: %w", err)
	}
	r.CreatedAt, r.RetrievedAt = db.Time(created), db.Time(retrieved)
	return r, nil
}

// AssistedConnection returns one live connection of an application that people serve.
func (s *Store) AssistedConnection(ctx context.Context, application, connection perch.ID) (AssistedRow, error) {
	rows, err := query(ctx, s.db.Read, scanAssisted, assistedSelect+assistedFrom+` AND c.application_id = $1 AND c.id = $2`, application, connection)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("reading the connection: %w", ErrNotFound)
	}
	if err != nil {
		return AssistedRow{}, err
	}
	return rows[0], nil
}

// AssistedAccount is what people need to serve a connection.
type AssistedAccount struct {
	// InviteAddress is whom the employer invites; empty leaves it to the application.
	InviteAddress string
	// Sealed is how to sign in at the provider, under the connection's key; nil for nothing.
	Sealed    []byte
	UpdatedAt time.Time
}

// AssistedAccount returns the account of an application's connection; the zero value where there is none.
func (s *Store) AssistedAccount(ctx context.Context, application, connection perch.ID) (AssistedAccount, error) {
	var a AssistedAccount
	var updated int64
	err := s.db.Read.QueryRowContext(ctx, `SELECT a.invite_address, a.account, a.updated_at FROM assisted_accounts a JOIN connections c ON c.id = a.connection_id
		WHERE a.connection_id = $1 AND c.application_id = $2 AND c.disconnected_at = 0`, connection, application).Scan(&a.InviteAddress, &a.Sealed, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("reading the connection's account: %w", err)
	}
	a.UpdatedAt = db.Time(updated)
	return a, nil
}

// PutAssistedAccount stores the account of a connection that the caller holds.
func (s *Store) PutAssistedAccount(ctx context.Context, tx *sql.Tx, connection perch.ID, a AssistedAccount) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO assisted_accounts (connection_id, invite_address, account, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (connection_id) DO UPDATE SET invite_address = excluded.invite_address, account = excluded.account, updated_at = excluded.updated_at`,
		connection, a.InviteAddress, a.Sealed, db.Micros(a.UpdatedAt)); err != nil {
		return fmt.Errorf("storing the connection's account: %w", err)
	}
	return nil
}
