package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// Kinds of what is due that follow from what is stored. Other kinds are those of console_tasks.
const (
	DueSetUp   = "set_up"
	DueRefresh = "refresh"
	DueFile    = "file"
	DueRequest = "provider_request"
)

// Due is one thing that waits for people.
type Due struct {
	Kind string
	// Ref is what it is about: a connection, an upload, an event, or a task's own reference.
	Ref             string
	ApplicationID   perch.ID
	Application     string
	ApplicationType perch.ClientType
	// ConnectionID is zero where it concerns no connection.
	ConnectionID perch.ID
	ProviderID   string
	Customer     string
	Status       string
	Title        string
	Link         string
	CreatedAt    time.Time
	DueAt        time.Time
}

// DueQuery says which things, in which order. Zero fields do not filter.
type DueQuery struct {
	Kind   string
	Before time.Time
	// Sandbox shows what concerns sandbox applications, and nothing else.
	Sandbox bool
	// Search is part of a customer's name, a provider's id or a title.
	Search string
	// Sort is "due", "created", "customer" or "provider"; Descending turns it around.
	Sort       string
	Descending bool
	Limit      int
	Offset     int
}

// SLA is how long people may take for what follows from stored state.
type SLA struct{ SetUp, Refresh, File, Request time.Duration }

// dueView is everything that is due. An assisted connection takes files where its connector does; a
// simulated one waits for its status only. Its parameters are the SLA in microseconds, $1 to $4.
const dueView = `
	SELECT 'set_up' AS kind, c.id AS ref, c.application_id AS application_id, c.id AS connection_id, c.provider_id AS provider_id, COALESCE(c.customer_name, '') AS customer,
	       c.status AS status, '' AS title, '' AS link, c.created_at AS created_at, c.created_at + $1 AS due_at
	  FROM connections c
	 WHERE c.authentication_type = 'assisted' AND c.disconnected_at = 0 AND c.status IN ('pending', 'processing', 'error_no_account_setup', 'error_permissions')
	UNION ALL
	SELECT 'refresh', c.id, c.application_id, c.id, c.provider_id, COALESCE(c.customer_name, ''), c.status, '', '', MAX(p.retrieved_at), MAX(p.retrieved_at) + $2
	  FROM connections c JOIN entities e ON e.connection_id = c.id AND e.disconnected_at = 0 AND e.connector = 'file' JOIN publications p ON p.entity_id = e.id
	 WHERE c.disconnected_at = 0 AND c.status = 'connected'
	 GROUP BY c.id, c.application_id, c.provider_id, c.customer_name, c.status HAVING MAX(p.retrieved_at) > 0
	UNION ALL
	SELECT 'file', u.id, u.application_id, u.connection_id, c.provider_id, COALESCE(c.customer_name, ''), c.status, u.message, '', u.created_at, u.created_at + $3
	  FROM uploads u JOIN connections c ON c.id = u.connection_id WHERE u.state IN ('review', 'failed') AND c.disconnected_at = 0
	UNION ALL
	SELECT 'provider_request', v.id, v.application_id, NULL, '', COALESCE(s.customer_name, ''), '', v.provider_id, '', v.at, v.at + $4
	  FROM connect_events v JOIN connect_sessions s ON s.id = v.session_id
	 WHERE v.event = 'requested_provider' AND NOT EXISTS (SELECT 1 FROM console_tasks t WHERE t.kind = 'provider_request' AND t.ref = v.id)
	UNION ALL
	SELECT t.kind, t.ref, t.application_id, t.connection_id, COALESCE(c.provider_id, ''), COALESCE(c.customer_name, ''), COALESCE(c.status, ''), t.title, t.link, t.created_at, t.due_at
	  FROM console_tasks t LEFT JOIN connections c ON c.id = t.connection_id WHERE t.closed_at = 0 AND COALESCE(c.disconnected_at, 0) = 0`

// Due returns what is due, how many things fit the query, and how many there are of each kind when the
// query's own kind is left out.
func (s *Store) Due(ctx context.Context, sla SLA, q DueQuery) (list []Due, total int, kinds map[string]int, err error) {
	args := []any{sla.SetUp.Microseconds(), sla.Refresh.Microseconds(), sla.File.Microseconds(), sla.Request.Microseconds()}
	param := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	where := []string{"(a.type = 'sandbox') = " + param(q.Sandbox)}
	if !q.Before.IsZero() {
		where = append(where, "d.due_at < "+param(db.Micros(q.Before)))
	}
	if q.Search != "" {
		pattern := param("%" + likeEscape.Replace(strings.ToLower(q.Search)) + "%")
		where = append(where, `(LOWER(d.customer) LIKE `+pattern+` ESCAPE '!' OR d.provider_id LIKE `+pattern+` ESCAPE '!' OR LOWER(d.title) LIKE `+pattern+` ESCAPE '!')`)
	}
	from := ` FROM (` + dueView + `) d JOIN applications a ON a.id = d.application_id WHERE ` + strings.Join(where, " AND ")
	if kinds, err = s.dueKinds(ctx, `SELECT d.kind, count(*)`+from+` GROUP BY d.kind`, args); err != nil {
		return nil, 0, nil, err
	}
	if q.Kind != "" {
		from += " AND d.kind = " + param(q.Kind)
		total = kinds[q.Kind]
	} else {
		for _, n := range kinds {
			total += n
		}
	}
	column, known := dueOrder[q.Sort]
	if !known {
		column = dueOrder["due"]
	}
	if q.Descending {
		column += " DESC"
	}
	list, err = query(ctx, s.db.Read, scanDue, `SELECT d.kind, d.ref, d.application_id, a.name, a.type, d.connection_id, d.provider_id, d.customer, d.status, d.title, d.link, d.created_at, d.due_at`+
		from+` ORDER BY `+column+`, d.due_at, d.ref LIMIT `+param(q.Limit)+` OFFSET `+param(q.Offset), args...)
	return list, total, kinds, err
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

var dueOrder = map[string]string{"due": "d.due_at", "created": "d.created_at", "customer": "LOWER(d.customer)", "provider": "d.provider_id"}

func (s *Store) dueKinds(ctx context.Context, text string, args []any) (map[string]int, error) {
	type count struct {
		kind string
		n    int
	}
	counts, err := query(ctx, s.db.Read, func(rows *sql.Rows) (c count, err error) { return c, rows.Scan(&c.kind, &c.n) }, text, args...)
	if err != nil {
		return nil, fmt.Errorf("counting what is due: %w", err)
	}
	kinds := make(map[string]int, len(counts))
	for _, c := range counts {
		kinds[c.kind] = c.n
	}
	return kinds, nil
}

func scanDue(rows *sql.Rows) (Due, error) {
	var d Due
	var created, due int64
	if err := rows.Scan(&d.Kind, &d.Ref, &d.ApplicationID, &d.Application, &d.ApplicationType, &d.ConnectionID, &d.ProviderID, &d.Customer,
		&d.Status, &d.Title, &d.Link, &created, &due); err != nil {
		return d, fmt.Errorf("reading what is due: %w", err)
	}
	d.CreatedAt, d.DueAt = db.Time(created), db.Time(due)
	return d, nil
}

// ConsoleTask is work for people that does not follow from the state of a connection.
type ConsoleTask struct {
	// Kind and Ref name it.
	Kind, Ref     string
	ApplicationID perch.ID
	// ConnectionID is zero where it concerns no connection.
	ConnectionID perch.ID
	Title        string
	// Link is where it is done: a path that begins with "/console/", or empty for the connection's page.
	Link      string
	CreatedAt time.Time
	DueAt     time.Time
}

// PutTask stores a task, or changes when it is due and what it says if it is there and open.
func (s *Store) PutTask(ctx context.Context, tx *sql.Tx, t ConsoleTask) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO console_tasks (kind, ref, application_id, connection_id, title, link, created_at, due_at, closed_at, closed_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '')
		ON CONFLICT (kind, ref) DO UPDATE SET title = excluded.title, link = excluded.link, due_at = excluded.due_at
		 WHERE console_tasks.application_id = excluded.application_id AND console_tasks.closed_at = 0`,
		t.Kind, t.Ref, t.ApplicationID, t.ConnectionID, t.Title, t.Link, db.Micros(t.CreatedAt), db.Micros(t.DueAt)); err != nil {
		return fmt.Errorf("storing a task: %w", err)
	}
	return nil
}

// CloseTask takes a task of an application off the queue. One that is closed, or is not there, stays
// as it is.
func (s *Store) CloseTask(ctx context.Context, tx *sql.Tx, application perch.ID, kind, ref, by string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE console_tasks SET closed_at = $1, closed_by = $2 WHERE kind = $3 AND ref = $4 AND application_id = $5 AND closed_at = 0`,
		db.Micros(now), by, kind, ref, application); err != nil {
		return fmt.Errorf("closing a task: %w", err)
	}
	return nil
}

// CloseRequest notes that an employer's request for a provider was dealt with.
func (s *Store) CloseRequest(ctx context.Context, tx *sql.Tx, application, event perch.ID, by string, now time.Time) error {
	return one(tx.ExecContext(ctx, `INSERT INTO console_tasks (kind, ref, application_id, title, link, created_at, due_at, closed_at, closed_by)
		SELECT 'provider_request', v.id, v.application_id, '', '', v.at, v.at, $1, $2 FROM connect_events v
		 WHERE v.id = $3 AND v.application_id = $4 AND v.event = 'requested_provider' ON CONFLICT (kind, ref) DO NOTHING`,
		db.Micros(now), by, event, application))("closing the request")
}
