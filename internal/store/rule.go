package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// RuleOwner is whose rules are meant: those of one entity of an application's connection.
type RuleOwner struct{ Application, Connection, Entity perch.ID }

// Rule is a rule about lines of pay statements. Body is sealed under the entity's data key.
type Rule struct {
	ID        perch.ID
	Priority  int
	Body      []byte
	CreatedAt time.Time
	UpdatedAt time.Time
}

const rulesQuery = `
	SELECT r.id, r.priority, r.body, r.created_at, r.updated_at
	  FROM pay_statement_rules r
	  JOIN entities e ON e.id = r.entity_id
	  JOIN connections c ON c.id = e.connection_id
	 WHERE r.entity_id = $1 AND r.connection_id = $2 AND r.application_id = $3 AND e.disconnected_at = 0 AND c.disconnected_at = 0
	 ORDER BY r.priority, r.created_at, r.id`

// Rules returns the owner's rules, the one that goes before all others first.
func (s *Store) Rules(ctx context.Context, owner RuleOwner) ([]Rule, error) {
	return readRules(s.db.Read.QueryContext(ctx, rulesQuery, owner.Entity, owner.Connection, owner.Application))
}

func readRules(rows *sql.Rows, err error) ([]Rule, error) {
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Rule
	for rows.Next() {
		var r Rule
		var created, updated int64
		if err := rows.Scan(&r.ID, &r.Priority, &r.Body, &created, &updated); err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
		r.CreatedAt, r.UpdatedAt = db.Time(created), db.Time(updated)
		list = append(list, r)
	}
	return list, rows.Err()
}

// ChangeRules calls change with the owner's rules, in one transaction and one caller at a time, so that
// what change decides still holds when it is written. Readers in every process notice with their next
// request. It fails with ErrNotFound when there is no such entity or it is disconnected, and writes
// nothing when change fails.
func (s *Store) ChangeRules(ctx context.Context, owner RuleOwner, change func(tx *sql.Tx, rules []Rule) error) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		var revision int64 // taking the row first keeps other callers out
		err := tx.QueryRowContext(ctx, `
			UPDATE entities SET rules_revision = rules_revision + 1
			 WHERE id = $1 AND connection_id = $2 AND application_id = $3 AND disconnected_at = 0
			   AND EXISTS (SELECT 1 FROM connections c WHERE c.id = $2 AND c.disconnected_at = 0)
			RETURNING rules_revision`, owner.Entity, owner.Connection, owner.Application).Scan(&revision)
		if err != nil {
			return fmt.Errorf("changing rules: %w", notFound(err))
		}
		rules, err := readRules(tx.QueryContext(ctx, rulesQuery, owner.Entity, owner.Connection, owner.Application))
		if err != nil {
			return err
		}
		if err := change(tx, rules); err != nil {
			return err
		}
		return bumpRevision(ctx, tx)
	})
}

// PutRule inserts a rule of the owner, or replaces it. It is for use within ChangeRules.
func (s *Store) PutRule(ctx context.Context, tx *sql.Tx, owner RuleOwner, r Rule) error {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO pay_statement_rules (id, application_id, connection_id, entity_id, priority, body, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET priority = excluded.priority, body = excluded.body, updated_at = excluded.updated_at
		 WHERE pay_statement_rules.entity_id = excluded.entity_id AND pay_statement_rules.connection_id = excluded.connection_id
		   AND pay_statement_rules.application_id = excluded.application_id`,
		r.ID, owner.Application, owner.Connection, owner.Entity, r.Priority, r.Body, db.Micros(r.CreatedAt), db.Micros(r.UpdatedAt))
	return oneRow(result, err, "storing a rule")
}

// DeleteRule removes a rule of the owner. It fails with ErrNotFound when the owner has no such rule. It
// is for use within ChangeRules.
func (s *Store) DeleteRule(ctx context.Context, tx *sql.Tx, owner RuleOwner, rule perch.ID) error {
	result, err := tx.ExecContext(ctx,
		`DELETE FROM pay_statement_rules WHERE id = $1 AND entity_id = $2 AND connection_id = $3 AND application_id = $4`,
		rule, owner.Entity, owner.Connection, owner.Application)
	return oneRow(result, err, "deleting a rule")
}

func oneRow(result sql.Result, err error, doing string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	return nil
}
