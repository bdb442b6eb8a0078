package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// generationsKept is for how long it is remembered when generations were published.
const generationsKept = 366 * 24 * time.Hour

// rememberGeneration notes the time of a publish in milliseconds, as the header that clients send back has it.
func rememberGeneration(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, p access.Publication) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO generations (entity_id, product_group, generation, published_at) VALUES ($1, $2, $3, $4)`,
		entity, group.String(), p.Generation, db.Micros(p.RetrievedAt.Truncate(time.Millisecond))); err != nil {
		return fmt.Errorf("remembering the generation: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM generations WHERE entity_id = $1 AND product_group = $2 AND generation < $3 AND published_at < $4`,
		entity, group.String(), p.Generation, db.Micros(p.RetrievedAt.Add(-generationsKept))); err != nil {
		return fmt.Errorf("forgetting old generations: %w", err)
	}
	return nil
}

// GenerationSince returns the first generation of an entity's product group that was published after a
// time; one beyond all where there is none. all says that nothing older is remembered.
func (s *Store) GenerationSince(ctx context.Context, entity perch.ID, group access.Group, t time.Time) (generation int64, all bool, err error) {
	var oldest int64
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT COALESCE(min(generation), 0), COALESCE(min(CASE WHEN published_at > $1 THEN generation ELSE $2 END), $2)
		  FROM generations WHERE entity_id = $3 AND product_group = $4`,
		t.UnixMicro(), int64(math.MaxInt64), entity, group.String()).Scan(&oldest, &generation)
	if err != nil {
		return 0, false, fmt.Errorf("looking for the generation of a time: %w", err)
	}
	return generation, generation <= oldest, nil
}
