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

// ConnectSession is one visit to Connect. The first part is what the application asked for and never
// changes; Visit is where the employer stands.
type ConnectSession struct {
	ID            perch.ID
	ApplicationID perch.ID
	// Kind is "new", "reauthenticate", "legacy" or "preview".
	Kind string
	// ConnectionID is the connection to authorise anew; zero for a new one.
	ConnectionID  perch.ID
	CustomerID    *string
	CustomerName  *string
	CustomerEmail *string
	Products      []perch.Product
	RedirectURI   string
	// Sandbox is "finch" for simulated providers, "provider" for a provider's test environment, or empty.
	Sandbox      string
	Manual       bool
	Integration  string
	AuthMethod   perch.AuthenticationType
	Recordkeeper string
	PlanID       *string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	Visit        Visit
}

// Visit is the part of a session that changes.
type Visit struct {
	// Status is "open", "connected" once there is a connection, and "finished" once the code was handed over.
	Status     string
	Step       string
	ProviderID string
	Method     perch.AuthenticationType
	HostOrigin string
	// State is the application's own value that goes back with the code.
	State string
	// VisitHash is the hash of the open page's secret, and Turn how many forms it has sent.
	VisitHash []byte
	Turn      int64
	OAuthHash []byte
	// Failures are refused credentials since the method was chosen; Attempts all of the session.
	Failures int
	Attempts int
	// Scratch is sealed under the session's data key and void after ScratchUntil.
	Scratch        []byte
	ScratchUntil   time.Time
	MadeConnection perch.ID
	MadeEntities   []perch.ID
	MadeAt         time.Time
}

const sessionColumns = `id, application_id, kind, connection_id, customer_id, customer_name, customer_email, products, redirect_uri, sandbox,
	manual, integration, auth_method, recordkeeper, plan_id, created_at, expires_at,
	status, step, provider_id, method, host_origin, state, visit_hash, turn, oauth_hash, failures, attempts, scratch, scratch_until,
	made_connection, made_entities, made_at`

// InsertConnectSession stores a new session.
func (s *Store) InsertConnectSession(ctx context.Context, n ConnectSession) error {
	v := n.Visit
	_, err := s.db.Write.ExecContext(ctx, `INSERT INTO connect_sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
			$18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)`,
		n.ID, n.ApplicationID, n.Kind, n.ConnectionID, n.CustomerID, n.CustomerName, n.CustomerEmail, joinProducts(n.Products), n.RedirectURI, n.Sandbox,
		n.Manual, n.Integration, string(n.AuthMethod), n.Recordkeeper, n.PlanID, db.Micros(n.CreatedAt), db.Micros(n.ExpiresAt),
		v.Status, v.Step, v.ProviderID, string(v.Method), v.HostOrigin, v.State, v.VisitHash, v.Turn, v.OAuthHash, v.Failures, v.Attempts,
		v.Scratch, db.Micros(v.ScratchUntil), v.MadeConnection, joinIDs(v.MadeEntities), db.Micros(v.MadeAt))
	if err != nil {
		return fmt.Errorf("storing the connect session: %w", err)
	}
	return nil
}

// ConnectSession returns a session.
func (s *Store) ConnectSession(ctx context.Context, id perch.ID) (ConnectSession, error) {
	return scanSession(s.db.Read.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM connect_sessions WHERE id = $1`, id))
}

// ConnectSessionByOAuth returns the session that waits for a provider's answer with the given state.
func (s *Store) ConnectSessionByOAuth(ctx context.Context, stateHash []byte) (ConnectSession, error) {
	return scanSession(s.db.Read.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM connect_sessions WHERE oauth_hash = $1`, stateHash))
}

func scanSession(row scanner) (ConnectSession, error) {
	var n ConnectSession
	var products, entities string
	var created, expires, scratch, made int64
	v := &n.Visit
	if err := row.Scan(&n.ID, &n.ApplicationID, &n.Kind, &n.ConnectionID, &n.CustomerID, &n.CustomerName, &n.CustomerEmail, &products, &n.RedirectURI, &n.Sandbox,
		&n.Manual, &n.Integration, &n.AuthMethod, &n.Recordkeeper, &n.PlanID, &created, &expires,
		&v.Status, &v.Step, &v.ProviderID, &v.Method, &v.HostOrigin, &v.State, &v.VisitHash, &v.Turn, &v.OAuthHash, &v.Failures, &v.Attempts,
		&v.Scratch, &scratch, &v.MadeConnection, &entities, &made); err != nil {
		return n, fmt.Errorf("reading the connect session: %w", notFound(err))
	}
	n.Products = splitProducts(products)
	n.CreatedAt, n.ExpiresAt, v.ScratchUntil, v.MadeAt = db.Time(created), db.Time(expires), db.Time(scratch), db.Time(made)
	var err error
	v.MadeEntities, err = splitIDs(entities)
	return n, err
}

const updateVisit = `UPDATE connect_sessions SET status = $1, step = $2, provider_id = $3, method = $4, host_origin = $5, state = $6,
	visit_hash = $7, turn = $8, oauth_hash = $9, failures = $10, attempts = $11, scratch = $12, scratch_until = $13,
	made_connection = $14, made_entities = $15, made_at = $16
	WHERE id = $17`

func visitValues(id perch.ID, v Visit) []any {
	return []any{v.Status, v.Step, v.ProviderID, string(v.Method), v.HostOrigin, v.State, v.VisitHash, v.Turn, v.OAuthHash, v.Failures, v.Attempts,
		v.Scratch, db.Micros(v.ScratchUntil), v.MadeConnection, joinIDs(v.MadeEntities), db.Micros(v.MadeAt), id}
}

// RestartVisit stores a visit that begins anew, whatever was before. A session that is finished stays
// so: then it returns ErrNotFound.
func (s *Store) RestartVisit(ctx context.Context, id perch.ID, v Visit) error {
	return one(s.db.Write.ExecContext(ctx, updateVisit+` AND status <> 'finished'`, visitValues(id, v)...))("restarting the visit")
}

// ClaimVisit uses up a turn: of several requests with the same one, all but the first get ErrNotFound.
func (s *Store) ClaimVisit(ctx context.Context, id perch.ID, visit []byte, turn int64) error {
	return one(s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET turn = turn + 1 WHERE id = $1 AND visit_hash = $2 AND turn = $3 AND status <> 'finished'`,
		id, visit, turn))("taking the turn")
}

// SaveVisit stores where a visit stands now, if its turn is still the one that the caller claimed.
// Otherwise it returns ErrNotFound: the link was opened again meanwhile.
func (s *Store) SaveVisit(ctx context.Context, tx *sql.Tx, id perch.ID, v Visit) error {
	return one(tx.ExecContext(ctx, updateVisit+` AND visit_hash = $7 AND turn = $8`, visitValues(id, v)...))("storing the visit")
}

// one turns the result of a statement that has to change one row into an error.
func one(result sql.Result, err error) func(doing string) error {
	return func(doing string) error {
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if changed, err := result.RowsAffected(); err != nil || changed != 1 {
			return fmt.Errorf("%s: %w", doing, ErrNotFound)
		}
		return nil
	}
}

// DropScratch forgets what abandoned visits left behind, up to most of them.
func (s *Store) DropScratch(ctx context.Context, now time.Time, most int) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET scratch = NULL, scratch_until = 0
		 WHERE id IN (SELECT id FROM connect_sessions WHERE scratch_until > 0 AND scratch_until < $1 LIMIT $2)`, db.Micros(now), most); err != nil {
		return fmt.Errorf("forgetting abandoned visits: %w", err)
	}
	return nil
}

// ConnectEvent is one thing that happened during a visit.
type ConnectEvent struct {
	SessionID     perch.ID
	ApplicationID perch.ID
	Step          string
	ProviderID    string
	Event         string
	ErrorKind     string
	At            time.Time
}

// InsertConnectEvent stores an event.
func (s *Store) InsertConnectEvent(ctx context.Context, tx *sql.Tx, e ConnectEvent) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO connect_events (id, session_id, application_id, step, provider_id, event, error_kind, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		perch.NewID(), e.SessionID, e.ApplicationID, e.Step, e.ProviderID, e.Event, e.ErrorKind, db.Micros(e.At)); err != nil {
		return fmt.Errorf("recording the visit: %w", err)
	}
	return nil
}

// ConnectEvents returns what happened during the visits of a session, oldest first.
func (s *Store) ConnectEvents(ctx context.Context, application, session perch.ID) ([]ConnectEvent, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT session_id, application_id, step, provider_id, event, error_kind, at FROM connect_events
		 WHERE session_id = $1 AND application_id = $2 ORDER BY at, id`, session, application)
	if err != nil {
		return nil, fmt.Errorf("reading a visit: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []ConnectEvent
	for rows.Next() {
		var e ConnectEvent
		var at int64
		if err := rows.Scan(&e.SessionID, &e.ApplicationID, &e.Step, &e.ProviderID, &e.Event, &e.ErrorKind, &at); err != nil {
			return nil, fmt.Errorf("reading a visit: %w", err)
		}
		e.At = db.Time(at)
		all = append(all, e)
	}
	return all, rows.Err()
}

func joinIDs(ids []perch.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.String()
	}
	return strings.Join(words, " ")
}

func splitIDs(text string) ([]perch.ID, error) {
	var ids []perch.ID
	for _, word := range strings.Fields(text) {
		id, err := perch.ParseID(word)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
