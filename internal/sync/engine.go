package sync

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// Engine runs syncs. Its fields are set once, before use.
type Engine struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Identity *secret.Identity
	// Connectors by name.
	Connectors map[string]provider.Connector
	// Events is told what changed; nil means that nobody listens.
	Events *event.Log
	Log    *slog.Logger
	Now    func() time.Time
	// Owner names this process in leases.
	Owner string
	// LeaseFor is how long a lease lasts without a sign of life.
	LeaseFor time.Duration
	// RetryAfter is how long a sync that failed for a passing reason waits after so many attempts; nil
	// means 2 s, 8 s, 32 s and so on up to an hour.
	RetryAfter func(attempts int) time.Duration
	// MaxAttempts is after how many failures a sync is given up; 0 means DefaultAttempts.
	MaxAttempts int
	// Jobs is told of syncs that end; nil means that nobody is.
	Jobs Jobs
	// Ending says how a sync of a simulated connection is to end; nil, and an empty status, let it run.
	Ending func(ctx context.Context, connection perch.ID) (perch.JobStatus, error)
}

// Jobs is told what becomes of syncs.
type Jobs interface {
	// Ended is called inside the transaction that ends a sync, which holds the sync's connection. status is
	// what the entity is about to become; empty means that it stays what it is.
	Ended(ctx context.Context, tx *sql.Tx, ended store.Sync, status perch.ConnectionStatus) error
}

// DefaultAttempts reach, with the usual pauses, over about two hours.
const DefaultAttempts = 8

const (
	// longestPause bounds how long a provider can put a sync off.
	longestPause = 24 * time.Hour
	// unknownPause is for providers that want a pause and do not say how long.
	unknownPause = time.Minute
)

// DefaultLease is long enough for a slow disk and short enough that a crash is soon taken over.
const DefaultLease = 15 * time.Second

// ErrHeld means that another process runs the sync, or that it is over.
var ErrHeld = errors.New("the sync is held by another process or is over")

// errAbandoned ends a sync that no process brought to an end in all its attempts. Perhaps it is what ended
// them, and would do so for ever.
var errAbandoned = errors.New("each process that tried the sync ended before it did")

func (e *Engine) maxAttempts() int { return cmp.Or(e.MaxAttempts, DefaultAttempts) }

// ReasonImport is the reason of a sync whose source the caller has at hand. When its process dies,
// no other can go on with it; the next import takes it over.
const ReasonImport = "import"

// Progress is told while a sync runs: how many records of a kind were read so far.
type Progress func(kind Kind, done int)

// Request creates a pending sync of an entity, unless one is unfinished. It returns the sync and
// whether it is new; the caller queues a job for a new one in the same transaction.
func (e *Engine) Request(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) (store.Sync, bool, error) {
	return e.Store.InsertSync(ctx, tx, store.Sync{
		ID: perch.NewID(), ApplicationID: application, ConnectionID: connection, EntityID: entity,
		Reason: reason, CreatedAt: e.Now(),
	})
}

// Run runs a sync through the entity's connector. It returns ErrHeld when the sync is not to be had.
func (e *Engine) Run(ctx context.Context, connection, entity, sync perch.ID) (Summary, error) {
	return e.run(ctx, connection, entity, sync, nil, nil)
}

// RunSource is Run with a source that the caller opened, such as files at hand.
func (e *Engine) RunSource(ctx context.Context, connection, entity, sync perch.ID, source provider.Source, progress Progress) (Summary, error) {
	return e.run(ctx, connection, entity, sync, source, progress)
}

func (e *Engine) run(ctx context.Context, connection, entity, sync perch.ID, source provider.Source, progress Progress) (Summary, error) {
	lease := store.Lease{Sync: sync, Entity: entity, Owner: e.Owner + "/" + perch.NewID().String(), Until: e.Now().Add(e.LeaseFor)}
	taken, err := e.Store.AcquireSync(ctx, lease, e.Now())
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return Summary{}, ErrHeld
		}
		return Summary{}, fmt.Errorf("taking the sync: %w", err)
	}
	if progress == nil {
		progress = func(Kind, int) {}
	}
	r := &run{Engine: e, lease: lease, taken: taken, given: source != nil, progress: progress, summary: Summary{Records: map[Kind]Counts{}}}
	if err = errAbandoned; r.given || taken.Attempts <= e.maxAttempts() {
		err = r.guarded(ctx, connection, entity, source)
	}
	return r.summary, r.end(ctx, err)
}

// run is one sync being done.
type run struct {
	*Engine
	lease    store.Lease
	taken    store.Sync
	given    bool         // the caller opened the source: nobody else can try again
	reached  access.Group // the product group that was being synced
	account  store.Account
	cipher   *secret.Cipher
	source   provider.Source
	progress Progress
	ids      *identities
	summary  Summary
	encoder  recordEncoder
	items    *items // set once payroll is reached
}

// guarded does the sync while a heartbeat holds the lease; losing the lease cancels the work.
func (r *run) guarded(ctx context.Context, connection, entity perch.ID, source provider.Source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.beat(ctx, cancel)
	}()
	err := r.recovered(ctx, connection, entity, source)
	lost := context.Cause(ctx)
	cancel(nil)
	<-done
	if err != nil && lost != nil && !errors.Is(lost, context.Canceled) {
		return lost
	}
	return err
}

// recovered turns a panic, such as of a connector, into a failure of this sync alone.
func (r *run) recovered(ctx context.Context, connection, entity perch.ID, source provider.Source) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the sync panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return r.do(ctx, connection, entity, source)
}

func (r *run) beat(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(r.LeaseFor / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err := r.Store.Tx(ctx, func(tx *sql.Tx) error { return r.hold(ctx, tx) })
			if errors.Is(err, ErrHeld) {
				cancel(ErrHeld)
				return
			}
		}
	}
}

// hold extends the lease inside a transaction that writes under it. It returns ErrHeld when the lease
// was lost.
func (r *run) hold(ctx context.Context, tx *sql.Tx) error {
	lease := r.lease
	lease.Until = r.Now().Add(r.LeaseFor)
	return heldElsewhere(r.Store.HoldSync(ctx, tx, lease))
}

func heldElsewhere(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrHeld, err)
	}
	return err
}

func (r *run) do(ctx context.Context, connection, entity perch.ID, source provider.Source) (err error) {
	if r.account, err = r.Store.Account(ctx, connection, entity); err != nil {
		return err
	}
	if r.account.Disconnected {
		return perch.ErrInvalidToken
	}
	if err := r.simulatedEnding(ctx); err != nil {
		return err
	}
	if r.account.Products, err = r.products(ctx); err != nil {
		return err
	}
	if r.cipher, err = r.Keyring.Cipher(ctx, entity); err != nil {
		return err
	}
	if r.source = source; source == nil {
		if r.source, err = r.Open(ctx, r.account); err != nil {
			return fmt.Errorf("opening the provider: %w", err)
		}
	}
	defer func() { err = errors.Join(err, r.source.Close()) }()
	if r.ids, err = r.loadIdentities(ctx); err != nil {
		return err
	}
	if err := r.organization(ctx); err != nil {
		return fmt.Errorf("syncing the organization: %w", err)
	}
	if !r.wantsPayroll() {
		return nil
	}
	r.reached = access.Payroll
	if err := r.payroll(ctx); err != nil {
		return fmt.Errorf("syncing payroll: %w", err)
	}
	return nil
}

// Open opens an account through its connector. The caller closes the source.
func (e *Engine) Open(ctx context.Context, account store.Account) (provider.Source, error) {
	connector, ok := e.Connectors[account.Connector]
	if !ok {
		return nil, fmt.Errorf("this Perch has no connector %q", account.Connector)
	}
	keys, err := e.Keyring.Cipher(ctx, account.ConnectionID)
	if err != nil {
		return nil, err
	}
	settings, err := keys.Open(nil, account.Settings, SettingsPlace(account.EntityID))
	if err != nil {
		return nil, err
	}
	return connector.Open(ctx, provider.Account{
		ID: account.EntityID, ProviderID: account.ProviderID, Authentication: account.Authentication,
		Settings: settings, Products: account.Products, Now: e.Now,
	})
}

// SettingsPlace is what an entity's sealed connector settings are bound to.
func SettingsPlace(entity perch.ID) []byte { return append([]byte("settings/"), entity[:]...) }

func (r *run) wantsPayroll() bool {
	for _, p := range r.account.Products {
		if p == perch.ProductPayment || p == perch.ProductPayStatement {
			return true
		}
	}
	return false
}

func (r *run) wantsSSN() bool {
	for _, p := range r.account.Products {
		if p == perch.ProductSSN {
			return true
		}
	}
	return false
}

// end records how the sync ended. A passing failure leaves the sync to be tried again, unless that was
// done often enough; a stop leaves it to any process at once, and a lost lease leaves it alone.
func (r *run) end(ctx context.Context, failure error) error {
	if reporter, ok := r.source.(provider.ProblemReporter); ok {
		r.summary.Problems = reporter.Problems()
	}
	stopped := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	if failure == nil {
		return r.complete(ctx)
	}
	status, final := statusAfter(failure)
	switch {
	case errors.Is(failure, ErrHeld):
		return failure
	case final, r.given:
		return errors.Join(failure, r.fail(ctx, failure, status))
	case stopped:
		return errors.Join(failure, r.Store.ReleaseSync(ctx, r.lease))
	}
	next, limited := r.nextAttempt(failure)
	if r.givenUp(limited) {
		return errors.Join(failure, r.fail(ctx, failure, ""))
	}
	return errors.Join(failure, r.postpone(ctx, next, limited))
}

// nextAttempt tells when to try again, and whether it is the provider that says so.
func (r *run) nextAttempt(failure error) (next time.Time, limited bool) {
	var wait *provider.RateLimited
	if errors.As(failure, &wait) {
		return r.Now().Add(min(cmp.Or(wait.After, unknownPause), longestPause)), true
	}
	retryAfter := r.RetryAfter
	if retryAfter == nil {
		retryAfter = backoff
	}
	return r.Now().Add(retryAfter(r.taken.Attempts)), false
}

// givenUp reports whether the sync was tried often enough. What the provider puts off does not count,
// up to a day.
func (r *run) givenUp(limited bool) bool {
	if limited {
		return r.Now().Sub(r.taken.CreatedAt) > longestPause
	}
	return r.taken.Attempts >= r.maxAttempts()
}

// ending runs a transaction that ends or postpones the sync. It holds the connection first, as all that
// touch the jobs of a connection do, and fails with ErrHeld when the connection is gone.
func (r *run) ending(ctx context.Context, fn func(tx *sql.Tx) error) error {
	return heldElsewhere(r.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := r.Store.HoldConnection(ctx, tx, r.taken.ApplicationID, r.taken.ConnectionID); err != nil {
			return err
		}
		return fn(tx)
	}))
}

func (r *run) complete(ctx context.Context) error {
	return r.ending(ctx, func(tx *sql.Tx) error {
		end := store.Sync{State: store.SyncComplete, FinishedAt: r.Now(), Summary: r.summary.String()}
		if err := r.Store.FinishSync(ctx, tx, r.lease, end); err != nil {
			return err
		}
		if err := r.followUp(ctx, tx); err != nil {
			return err
		}
		held, err := r.Store.StatusHeld(ctx, tx, r.taken.ConnectionID, r.taken.EntityID)
		if err != nil {
			return err
		}
		if held {
			return r.tell(ctx, tx, "")
		}
		if err := r.tell(ctx, tx, perch.StatusConnected); err != nil {
			return err
		}
		return r.Store.SetStatus(ctx, tx, r.taken.ConnectionID, r.taken.EntityID, perch.StatusConnected, "")
	})
}

// tell lets the sync's job know that it is over. It comes before what advances the revision, because it
// may write events.
func (r *run) tell(ctx context.Context, tx *sql.Tx, status perch.ConnectionStatus) error {
	if r.Jobs == nil {
		return nil
	}
	return r.Jobs.Ended(ctx, tx, r.taken, status)
}

// postpone notes the failed attempt and when the next one is due.
func (r *run) postpone(ctx context.Context, next time.Time, limited bool) error {
	reason := "The last sync failed."
	if limited {
		reason = "The provider limits how often it is asked."
	}
	return r.ending(ctx, func(tx *sql.Tx) error {
		if err := r.Store.PostponeSync(ctx, tx, r.lease, next, !limited); err != nil {
			return err
		}
		message := fmt.Sprintf("%s The next attempt is due at %s.", reason, next.UTC().Format(time.RFC3339))
		if err := r.Store.NoteFailure(ctx, tx, r.taken.ConnectionID, message); err != nil {
			return err
		}
		return r.recordFailure(ctx, tx)
	})
}

// backoff is 2 s after the first attempt, 8 s after the second, and so on up to an hour.
func backoff(attempts int) time.Duration {
	const first, most = 2 * time.Second, time.Hour
	if attempts > 6 {
		return most
	}
	return min(first<<(2*(attempts-1)), most)
}

// recordFailure marks the product group that was being synced and those that were still to come.
func (r *run) recordFailure(ctx context.Context, tx *sql.Tx) error {
	for group := r.reached; group < access.SyncGroups; group++ {
		if err := r.Store.RecordAttempt(ctx, tx, r.taken.EntityID, group, r.Now(), access.ResultError); err != nil {
			return err
		}
	}
	return nil
}

// fail ends the sync for good.
func (r *run) fail(ctx context.Context, failure error, status perch.ConnectionStatus) error {
	end := store.Sync{State: store.SyncFailed, FinishedAt: r.Now(), Summary: r.summary.String(), ErrorName: perch.NameServer}
	var known *perch.Error
	if errors.As(failure, &known) {
		end.ErrorName, end.ErrorCode = known.Name, known.Code
	}
	return r.ending(ctx, func(tx *sql.Tx) error {
		if err := r.Store.FinishSync(ctx, tx, r.lease, end); err != nil {
			return err
		}
		if err := r.tell(ctx, tx, status); err != nil {
			return err
		}
		if err := r.showFailure(ctx, tx, status, known); err != nil {
			return err
		}
		return r.recordFailure(ctx, tx)
	})
}

func (r *run) showFailure(ctx context.Context, tx *sql.Tx, status perch.ConnectionStatus, known *perch.Error) error {
	if status == "" {
		return r.Store.NoteFailure(ctx, tx, r.taken.ConnectionID, "The last sync failed.")
	}
	return r.Store.SetStatus(ctx, tx, r.taken.ConnectionID, r.taken.EntityID, status, known.Message)
}

// statusAfter tells which status a failure puts the connection in. Failures that pass by themselves
// are not final and leave the status as it is.
func statusAfter(failure error) (status perch.ConnectionStatus, final bool) {
	switch {
	case errors.Is(failure, perch.ErrReauthenticate):
		return perch.StatusReauth, true
	case errors.Is(failure, perch.ErrPermissions):
		return perch.StatusPermissions, true
	case errors.Is(failure, perch.ErrAccountSetup):
		return perch.StatusNoAccountSetup, true
	case errors.Is(failure, perch.ErrInvalidToken), errors.Is(failure, secret.ErrDestroyed):
		return "", true // disconnected meanwhile
	case errors.Is(failure, errSimulated), errors.Is(failure, errAbandoned):
		return "", true
	}
	return "", false
}

// Kind is a kind of record in a summary.
type Kind string

// Kinds of records.
const (
	KindCompany   Kind = "company"
	KindPerson    Kind = "individual"
	KindPayGroup  Kind = "pay_group"
	KindPayment   Kind = "payment"
	KindStatement Kind = "pay_statement"
)

// Counts says what became of the records of a kind. Left are people marked as leavers because the
// source no longer lists them; they count as updated too.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Deleted   int `json:"deleted"`
	Unchanged int `json:"unchanged"`
	Left      int `json:"left,omitempty"`
}

// Summary is what a sync did.
type Summary struct {
	Records  map[Kind]Counts    `json:"records"`
	Problems []provider.Problem `json:"problems,omitempty"`
}

// Total adds the kinds up, the company itself left out.
func (s Summary) Total() Counts {
	var t Counts
	for kind, c := range s.Records {
		if kind != KindCompany {
			t.Created, t.Updated, t.Deleted, t.Unchanged = t.Created+c.Created, t.Updated+c.Updated, t.Deleted+c.Deleted, t.Unchanged+c.Unchanged
			t.Left += c.Left
		}
	}
	return t
}

// String returns the counts as JSON.
func (s Summary) String() string {
	text, err := json.Marshal(s.Records)
	if err != nil {
		return "{}"
	}
	return string(text)
}
