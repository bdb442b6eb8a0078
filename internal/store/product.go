package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// grantedProducts is the union of what the tokens of a connection may read.
func (s *Store) grantedProducts(ctx context.Context, connection perch.ID) ([]perch.Product, error) {
	return s.products(ctx, `SELECT products FROM access_tokens WHERE connection_id = $1 ORDER BY products`, connection)
}

// PendingProducts is the union of what codes that can still be exchanged will let tokens read: those
// that wait for their exchange, and those that a visit has yet to hand over. A sync reads for them
// too, since it does not wait for the exchange; once such a code is void it counts for nothing.
func (s *Store) PendingProducts(ctx context.Context, connection perch.ID, now time.Time) ([]perch.Product, error) {
	return s.products(ctx, `SELECT c.products FROM authorization_codes c JOIN connect_sessions s ON s.id = c.session_id
		 WHERE c.connection_id = $1 AND c.used_at = 0 AND (c.expires_at > $2 OR (s.status = 'connected' AND s.scratch_until > $2))
		 ORDER BY c.products`, connection, db.Micros(now))
}

// ConnectionProducts is what a connection was granted: the union of what its tokens may read. While no
// code was ever exchanged it is what the employer agreed to last.
func (s *Store) ConnectionProducts(ctx context.Context, connection perch.ID) ([]perch.Product, error) {
	granted, err := s.grantedProducts(ctx, connection)
	if err != nil || len(granted) > 0 {
		return granted, err
	}
	return s.products(ctx, `SELECT products FROM authorization_codes WHERE connection_id = $1 ORDER BY created_at DESC, hash LIMIT 1`, connection)
}

// products is the union of lists of products.
func (s *Store) products(ctx context.Context, query string, values ...any) ([]perch.Product, error) {
	rows, err := s.db.Read.QueryContext(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("reading the connection's products: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var union []perch.Product
	for rows.Next() {
		var list string
		if err := rows.Scan(&list); err != nil {
			return nil, fmt.Errorf("reading the connection's products: %w", err)
		}
		for _, p := range splitProducts(list) {
			if !slices.Contains(union, p) {
				union = append(union, p)
			}
		}
	}
	return union, rows.Err()
}
