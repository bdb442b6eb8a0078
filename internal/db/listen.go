package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Listen calls got with what is sent on a channel of PostgreSQL, until ctx ends, which is no error, or
// the connection breaks. It keeps a connection of the pool for itself. SQLite has no such thing: there
// it waits for ctx.
func (d *DB) Listen(ctx context.Context, channel string, got func(payload string)) error {
	if d.Dialect != Postgres {
		<-ctx.Done()
		return nil
	}
	conn, err := d.Write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("listening to the database: %w", err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(driver any) error {
		c := driver.(*stdlib.Conn).Conn()
		// A connection that listens is of no use to others.
		defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
		if _, err := c.Exec(ctx, `LISTEN `+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
		for {
			n, err := c.WaitForNotification(ctx)
			if err != nil {
				return err
			}
			got(n.Payload)
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("listening to the database: %w", err)
}
