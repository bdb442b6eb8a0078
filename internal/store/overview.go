package store

import (
	"context"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// ConnectionOverview is a connection as operators see it.
type ConnectionOverview struct {
	access.Connection
	CreatedAt time.Time
	Entities  int
	// NextSync is when the connection is read by itself next; zero if it is not.
	NextSync time.Time
	// LastFile is when the newest file of an assisted connection came in; zero before its first one.
	LastFile time.Time
}

// Overview lists the connections of an application that are not disconnected, the oldest first.
func (s *Store) Overview(ctx context.Context, application perch.ID, limit, offset int) ([]ConnectionOverview, error) {
	return s.overview(ctx, `c.application_id = $1 ORDER BY c.created_at, c.id LIMIT $2 OFFSET $3`, application, limit, offset)
}

// OverviewOf returns one connection of an application, or ErrNotFound.
func (s *Store) OverviewOf(ctx context.Context, application, connection perch.ID) (ConnectionOverview, error) {
	found, err := s.overview(ctx, `c.application_id = $1 AND c.id = $2`, application, connection)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("reading the connection: %w", ErrNotFound)
	}
	if err != nil {
		return ConnectionOverview{}, err
	}
	return found[0], nil
}

func (s *Store) overview(ctx context.Context, which string, args ...any) ([]ConnectionOverview, error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT `+connectionColumns+`, c.created_at,
		       (SELECT count(*) FROM entities e WHERE e.connection_id = c.id AND e.disconnected_at = 0),
		       COALESCE((SELECT j.scheduled_at FROM automated_jobs j WHERE j.connection_id = c.id AND j.status = 'scheduled'), 0),
		       COALESCE((SELECT max(p.retrieved_at) FROM entities e JOIN publications p ON p.entity_id = e.id
		                  WHERE e.connection_id = c.id AND e.disconnected_at = 0 AND e.connector = 'file'), 0)
		  FROM connections c WHERE c.disconnected_at = 0 AND `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("listing connections: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []ConnectionOverview
	for rows.Next() {
		var o ConnectionOverview
		var created, next, file int64
		c := &o.Connection
		if err := rows.Scan(&c.ID, &c.CompanyID, &c.ProviderID, &c.Type, &c.Authentication, &c.Status, &c.StatusMessage,
			&c.CustomerID, &c.CustomerName, &c.CustomerEmail, &created, &o.Entities, &next, &file); err != nil {
			return nil, fmt.Errorf("listing connections: %w", err)
		}
		o.CreatedAt, o.NextSync, o.LastFile = db.Time(created), db.Time(next), db.Time(file)
		all = append(all, o)
	}
	return all, rows.Err()
}
