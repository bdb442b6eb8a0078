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
	// Turn counts the forms that were taken. Nonces are the hashes of those that the newest step was
	// shown with, Spent of those before it, one after the other.
	Turn   int64
	Nonces []byte
	Spent  []byte
	// OAuthHash is the hash of the state that a provider's answer has to bring.
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
	status, step, provider_id, method, host_origin, state, turn, nonces, spent_nonces, oauth_hash, failures, attempts, scratch, scratch_until,
	made_connection, made_entities, made_at`

// InsertConnectSession stores a new session.
func (s *Store) InsertConnectSession(ctx context.Context, n ConnectSession) error {
	v := n.Visit
	_, err := s.db.Write.ExecContext(ctx, `INSERT INTO connect_sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
			$18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)`,
		n.ID, n.ApplicationID, n.Kind, n.ConnectionID, n.CustomerID, n.CustomerName, n.CustomerEmail, joinProducts(n.Products), n.RedirectURI, n.Sandbox,
		n.Manual, n.Integration, string(n.AuthMethod), n.Recordkeeper, n.PlanID, db.Micros(n.CreatedAt), db.Micros(n.ExpiresAt),
		v.Status, v.Step, v.ProviderID, string(v.Method), v.HostOrigin, v.State, v.Turn, v.Nonces, v.Spent, v.OAuthHash, v.Failures, v.Attempts,
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

func scanSession(row scanner) (ConnectSession, error) {
	var n ConnectSession
	var products, entities string
	var created, expires, scratch, made int64
	v := &n.Visit
	if err := row.Scan(&n.ID, &n.ApplicationID, &n.Kind, &n.ConnectionID, &n.CustomerID, &n.CustomerName, &n.CustomerEmail, &products, &n.RedirectURI, &n.Sandbox,
		&n.Manual, &n.Integration, &n.AuthMethod, &n.Recordkeeper, &n.PlanID, &created, &expires,
		&v.Status, &v.Step, &v.ProviderID, &v.Method, &v.HostOrigin, &v.State, &v.Turn, &v.Nonces, &v.Spent, &v.OAuthHash, &v.Failures, &v.Attempts,
		&v.Scratch, &scratch, &v.MadeConnection, &entities, &made); err != nil {
		return n, fmt.Errorf("reading the connect session: %w", notFound(err))
	}
	n.Products = splitProducts(products)
	n.CreatedAt, n.ExpiresAt, v.ScratchUntil, v.MadeAt = db.Time(created), db.Time(expires), db.Time(scratch), db.Time(made)
	var err error
	v.MadeEntities, err = splitIDs(entities)
	return n, err
}

// visitColumns are what visitValues gives, after the session's id. Attempts are counted apart: nothing
// that is under way may set them back.
const visitColumns = `status = $2, step = $3, provider_id = $4, method = $5, host_origin = $6, state = $7, oauth_hash = $8, failures = $9,
	scratch = $10, scratch_until = $11, made_connection = $12, made_entities = $13, made_at = $14`

func visitValues(id perch.ID, v Visit) []any {
	return []any{id, v.Status, v.Step, v.ProviderID, string(v.Method), v.HostOrigin, v.State, v.OAuthHash, v.Failures,
		v.Scratch, db.Micros(v.ScratchUntil), v.MadeConnection, joinIDs(v.MadeEntities), db.Micros(v.MadeAt)}
}

// RestartVisit stores a visit that begins anew with its nonces, whatever was before, and returns its
// turn; what is under way finds its own turn taken. A session that is finished stays so: then it
// returns ErrNotFound.
func (s *Store) RestartVisit(ctx context.Context, id perch.ID, v Visit) (turn int64, err error) {
	err = s.db.Write.QueryRowContext(ctx, `UPDATE connect_sessions SET `+visitColumns+`, turn = turn + 1, nonces = $15, spent_nonces = NULL
		 WHERE id = $1 AND status <> 'finished' RETURNING turn`, append(visitValues(id, v), v.Nonces)...).Scan(&turn)
	if err != nil {
		return 0, fmt.Errorf("restarting the visit: %w", notFound(err))
	}
	return turn, nil
}

// ClaimVisit uses up a turn, and with it the nonces of the forms that wait for it; those of the next
// turn are given. Of several requests with the same turn, all but the first get ErrNotFound.
func (s *Store) ClaimVisit(ctx context.Context, id perch.ID, turn int64, nonces []byte) error {
	return one(s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET turn = turn + 1, spent_nonces = nonces, nonces = $1
		 WHERE id = $2 AND turn = $3 AND status <> 'finished'`, nonces, id, turn))("taking the turn")
}

// AddNonce lets one more form take the present turn, if the nonces are still the given ones; after
// most of them the oldest is forgotten. Otherwise it returns ErrNotFound.
func (s *Store) AddNonce(ctx context.Context, id perch.ID, turn int64, nonces, more []byte) error {
	return one(s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET nonces = $1 WHERE id = $2 AND turn = $3 AND nonces = $4`,
		more, id, turn, nonces))("showing the step again")
}

// CountAttempt notes an attempt to sign in before its outcome is known, if the turn is still the given
// one and fewer than most were made. Otherwise it returns ErrNotFound.
func (s *Store) CountAttempt(ctx context.Context, id perch.ID, turn int64, most int) error {
	return one(s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET attempts = attempts + 1 WHERE id = $1 AND turn = $2 AND attempts < $3`,
		id, turn, most))("counting the attempt")
}

// ReturnAttempt takes back an attempt that turned out not to be the employer's fault.
func (s *Store) ReturnAttempt(ctx context.Context, id perch.ID) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE connect_sessions SET attempts = attempts - 1 WHERE id = $1 AND attempts > 0`, id); err != nil {
		return fmt.Errorf("taking back an attempt: %w", err)
	}
	return nil
}

// SaveVisit stores where a visit stands now, if its turn is still the one that the caller claimed.
// Otherwise it returns ErrNotFound: the link was opened again meanwhile. Nonces stay as they are.
func (s *Store) SaveVisit(ctx context.Context, tx *sql.Tx, id perch.ID, v Visit) error {
	return one(tx.ExecContext(ctx, `UPDATE connect_sessions SET `+visitColumns+` WHERE id = $1 AND turn = $15`,
		append(visitValues(id, v), v.Turn)...))("storing the visit")
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
