package store

import (
	"context"
	"database/sql"

	"github.com/perchhq/perch/internal/db"
)

// insertedAtOnce are the numbers of rows that go into one statement on PostgreSQL, which takes 65,535
// parameters. They are few, because it prepares each kind of statement once for every connection.
var insertedAtOnce = [...]int{128, 16, 4, 1}

// insertRows runs a statement for rows of values: opening, "VALUES" and the rows, closing. PostgreSQL
// gets many rows at a time, since each statement is a round trip. SQLite gets them one by one, prepared:
// there, what a numbered parameter costs grows with how many there are.
func (s *Store) insertRows(ctx context.Context, tx *sql.Tx, opening, closing string, columns int, values []any) error {
	if s.db.Dialect == db.SQLite {
		if len(values) == 0 {
			return nil
		}
		insert, err := tx.PrepareContext(ctx, opening+" VALUES "+placeholders(1, columns)+closing)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }()
		for ; len(values) > 0; values = values[columns:] {
			if _, err := insert.ExecContext(ctx, values[:columns]...); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range insertedAtOnce {
		statement := ""
		for ; len(values) >= n*columns; values = values[n*columns:] {
			if statement == "" {
				statement = opening + " VALUES " + placeholders(n, columns) + closing
			}
			if _, err := tx.ExecContext(ctx, statement, values[:n*columns]...); err != nil {
				return err
			}
		}
	}
	return nil
}
