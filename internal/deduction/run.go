package deduction

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

const (
	// leaseFor is how long a job is held without a sign of life, chunkTime how long one call of the provider
	// may take: it ends before anybody else takes the job.
	leaseFor  = time.Minute
	chunkTime = 50 * time.Second
	// chunk is how many people are written in one call.
	chunk = 5000
	// attempts is after how many failures a job is given up.
	attempts = 5
	// firstPause is the pause after the first failure; each one after it is four times as long.
	firstPause = 2 * time.Second
	// longestPause bounds how long a provider can put a job off.
	longestPause = 24 * time.Hour
	// lookMost bounds one look for jobs that nobody works on.
	lookMost = 50
)

// ends are the events of jobs that are over.
var ends = map[store.ManualJobType]perch.EventType{
	store.BenefitCreate: perch.EventBenefitCreated, store.BenefitRegister: perch.EventBenefitRegistered, store.BenefitUpdate: perch.EventBenefitUpdated,
	store.BenefitEnroll: perch.EventBenefitEnrolled, store.BenefitUnenroll: perch.EventBenefitUnenrolled,
}

// Look queues entities with jobs that nobody works on and that are due. Every process calls it now and
// then.
func (s *Service) Look(ctx context.Context) error {
	idle, err := s.Store.IdleManualJobs(ctx, s.Now(), lookMost)
	if err != nil {
		return err
	}
	for _, one := range idle {
		err := s.Store.Tx(ctx, func(tx *sql.Tx) error { return s.Queue.InsertDeductions(ctx, tx, one.ConnectionID, one.EntityID) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Release does the jobs of a simulated connection that wait for people, as if people had done them. When the
// caller goes away meanwhile, they are done in the background.
func (s *Service) Release(ctx context.Context, grant *access.Grant) error {
	if grant.Connection.Type != perch.ConnectionSimulated {
		return nil
	}
	entities, err := s.Store.ReleaseManualJobs(ctx, grant.Application.ID, grant.Connection.ID)
	if err != nil {
		return perch.Internal(err)
	}
	for _, entity := range entities {
		s.Run(ctx, grant.Connection.ID, entity)
	}
	return nil
}

// Run does the jobs of an entity, the oldest first, until none is left that can be done now. Whoever holds
// one goes on with those after it, so nothing is left behind when another process finds it held.
func (s *Service) Run(ctx context.Context, connection, entity perch.ID) {
	owner := s.Owner + "/" + perch.NewID().String()
	for ctx.Err() == nil {
		now := s.Now()
		job, err := s.Store.TakeManualJob(ctx, connection, entity, owner, now, now.Add(leaseFor))
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		log := s.Log.With("job_id", job.ID, "type", job.Type, "connection_id", connection)
		if err != nil {
			log.ErrorContext(ctx, "taking a job", "error", err)
			return
		}
		r := &run{Service: s, job: job, owner: owner}
		if err := r.do(ctx); err != nil {
			log.WarnContext(ctx, "job failed", "attempt", job.Attempts, "error", err)
			if err := r.afterFailure(context.WithoutCancel(ctx), err, ctx.Err() != nil); err != nil && !errors.Is(err, store.ErrNotFound) {
				log.ErrorContext(ctx, "noting that a job failed", "error", err)
			}
			continue
		}
		log.InfoContext(ctx, "job complete")
	}
}

// run is one job being done.
type run struct {
	*Service
	job   store.ManualJob
	owner string

	desk    *desk
	request request
	source  provider.Source
	writer  provider.DeductionWriter
	lines   []perch.ManualJobResult
	// made is the provider's key of a deduction that was created; described the deduction with its new
	// description.
	made      string
	described *perch.Deduction
}

// do does the job and ends it.
func (r *run) do(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the job panicked: %v\n%s", p, debug.Stack())
		}
	}()
	if err := r.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.source.Close()) }()
	if r.job.Attempts > attempts {
		return errors.New("no process survived it")
	}
	switch r.job.Type {
	case store.BenefitCreate, store.BenefitRegister:
		err = r.create(ctx)
	case store.BenefitUpdate:
		err = r.update(ctx)
	case store.BenefitEnroll:
		err = r.enrol(ctx)
	case store.BenefitUnenroll:
		err = r.unenrol(ctx)
	default:
		err = fmt.Errorf("there is no job of type %q", r.job.Type)
	}
	if err != nil {
		return err
	}
	return r.end(ctx, perch.JobComplete, r.store)
}

func (r *run) open(ctx context.Context) error {
	account, err := r.Store.Account(ctx, r.job.ConnectionID, r.job.EntityID)
	if err != nil {
		return err
	}
	if r.desk, err = r.Service.desk(ctx, account); err != nil {
		return err
	}
	plain, err := r.desk.cipher.Open(nil, r.job.Request, requestPlace(r.job.ID))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, &r.request); err != nil {
		return fmt.Errorf("decoding what to do: %w", err)
	}
	if r.source, err = r.Accounts.Open(ctx, account); err != nil {
		return fmt.Errorf("opening the provider: %w", err)
	}
	writer, ok := r.source.(provider.DeductionWriter)
	if !ok {
		return errors.Join(perch.ErrNotImplemented, r.source.Close())
	}
	r.writer = writer
	return nil
}

// write is the id of the nth write of the job.
func (r *run) write(n int) string { return fmt.Sprintf("%s/%d", r.job.ID, n) }

func (r *run) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, chunkTime)
	defer cancel()
	key, err := r.writer.CreateDeduction(ctx, r.write(0), *r.request.Deduction)
	if err != nil {
		return err
	}
	r.made = key
	r.lines = []perch.ManualJobResult{{Code: http.StatusCreated, Message: "Successfully created benefit"}}
	return nil
}

// key finds the provider's key of the job's deduction. The error is for the result of the job.
func (r *run) key(ctx context.Context) (listed, error) {
	found, err := r.desk.find(ctx, r.writer, r.job.BenefitID)
	if err == nil && found.Key == "" {
		err = errNoBenefit // it was asked for, and the provider did not take it
	}
	return found, err
}

func (r *run) update(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, chunkTime)
	defer cancel()
	found, err := r.key(ctx)
	if err != nil {
		return err
	}
	if err := r.writer.DescribeDeduction(ctx, r.write(0), found.Key, r.request.Description); err != nil {
		return err
	}
	found.Deduction.Description = &r.request.Description
	r.described = &found.Deduction
	r.lines = []perch.ManualJobResult{{Code: http.StatusOK, Message: "Successfully updated benefit"}}
	return nil
}

func (r *run) enrol(ctx context.Context) error {
	people := make([]string, len(r.request.People))
	for i, p := range r.request.People {
		people[i] = p.IndividualID
	}
	return r.people(ctx, people, func(ctx context.Context, write, key string, keys []string, at []int) ([]provider.Outcome, error) {
		enrolments := make([]provider.Enrolment, len(keys))
		for i, n := range at {
			enrolments[i] = provider.Enrolment{PersonKey: keys[i], Enrolment: r.request.People[n].Enrolment}
		}
		return r.writer.Enrol(ctx, write, key, enrolments)
	})
}

func (r *run) unenrol(ctx context.Context) error {
	return r.people(ctx, r.request.Individuals, func(ctx context.Context, write, key string, keys []string, _ []int) ([]provider.Outcome, error) {
		return r.writer.Unenrol(ctx, write, key, keys)
	})
}

// people writes about individuals in portions, in their order, and gathers a line for each. write is told
// the keys of a portion and which individuals they are.
func (r *run) people(ctx context.Context, individuals []string,
	write func(ctx context.Context, write, key string, keys []string, at []int) ([]provider.Outcome, error)) error {
	found, err := r.key(ctx)
	if err != nil {
		return err
	}
	entity := r.job.EntityID
	known, err := r.Records.View(ctx, entity, r.desk.account.Groups[access.Organization].Generation, records.PersonKeys)
	if err != nil {
		return err
	}
	if !known.Exists() {
		return errors.New("no sync has read the people since deductions were granted")
	}
	r.lines = make([]perch.ManualJobResult, len(individuals))
	for from := 0; from < len(individuals); from += chunk {
		var keys []string
		var at []int
		for i := from; i < min(from+chunk, len(individuals)); i++ {
			key, ok, err := personKey(known, individuals[i])
			if err != nil {
				return err
			}
			if !ok {
				r.lines[i] = line(individuals[i], provider.Outcome{Result: provider.NoSuchKey})
				continue
			}
			keys, at = append(keys, key), append(at, i)
		}
		if err := r.portion(ctx, from/chunk, found.Key, keys, at, individuals, write); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) portion(ctx context.Context, n int, key string, keys []string, at []int, individuals []string,
	write func(ctx context.Context, write, key string, keys []string, at []int) ([]provider.Outcome, error)) error {
	if len(keys) == 0 {
		return nil
	}
	if err := r.Store.HoldManualJob(ctx, nil, r.job.ConnectionID, r.job.ID, r.owner, r.Now().Add(leaseFor)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, chunkTime)
	defer cancel()
	outcomes, err := write(ctx, r.write(n), key, keys, at)
	if err != nil {
		return err
	}
	if len(outcomes) != len(keys) {
		return fmt.Errorf("the provider answered %d of %d writes", len(outcomes), len(keys))
	}
	for i, outcome := range outcomes {
		r.lines[at[i]] = line(individuals[at[i]], outcome)
	}
	return nil
}

// personKey is the provider's own key of an individual.
func personKey(known *records.View, individual string) (string, bool, error) {
	id, err := perch.ParseID(individual)
	if err != nil {
		return "", false, nil
	}
	position, ok, err := known.Position(id)
	if err != nil || !ok {
		return "", false, err
	}
	key, err := known.Append(nil, records.FacetKey, position)
	return string(key), true, err
}

// line is the result of a job for one individual.
func line(individual string, outcome provider.Outcome) perch.ManualJobResult {
	l := perch.ManualJobResult{IndividualID: individual}
	switch outcome.Result {
	case provider.Enrolled:
		l.Code, l.Message = http.StatusCreated, "Successfully enrolled individual in benefit"
	case provider.Changed:
		l.Code, l.Message = http.StatusOK, "Successfully updated enrollment for individual"
	case provider.Unenrolled:
		l.Code, l.Message = http.StatusOK, "Successfully unenrolled individual from benefit"
	case provider.NotEnrolled:
		l.Code, l.Message, l.Name, l.FinchCode = http.StatusNotFound, errNotEnrolled.Message, errNotEnrolled.Name, errNotEnrolled.Code
	case provider.NoSuchKey:
		l.Code, l.Message, l.Name, l.FinchCode = http.StatusNotFound, "Individual not found", perch.NameNotFound, "individual_not_found"
	default:
		l.Code, l.Message, l.Name, l.FinchCode = http.StatusUnprocessableEntity, outcome.Message, perch.NameUnprocessableRequest, "invalid_employee_enrollment"
	}
	return l
}

// store keeps what a finished job found out.
func (r *run) store(ctx context.Context, tx *sql.Tx) error {
	entity, id := r.job.EntityID, r.job.BenefitID
	switch {
	case r.made != "":
		return r.Store.SettleDeduction(ctx, tx, entity, id, r.desk.keyHash(r.made))
	case r.described != nil:
		body, err := json.Marshal(r.described)
		if err != nil {
			return err
		}
		return r.Store.RedescribeDeduction(ctx, tx, entity, id, r.desk.cipher.Seal(nil, body, deductionPlace(id)), r.desk.identity(r.described))
	}
	return nil
}

// end ends the job with its lines, together with what within stores, and records the event.
func (r *run) end(ctx context.Context, status perch.JobStatus, within func(ctx context.Context, tx *sql.Tx) error) error {
	var result []byte
	if r.desk != nil && r.lines != nil {
		plain, err := json.Marshal(r.lines)
		if err != nil {
			return fmt.Errorf("encoding the result: %w", err)
		}
		result = r.desk.cipher.Seal(nil, plain, resultPlace(r.job.ID))
	}
	j := &r.job
	return r.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := r.Store.HoldConnection(ctx, tx, j.ApplicationID, j.ConnectionID); err != nil {
			return err
		}
		if err := r.Store.HoldManualJob(ctx, tx, j.ConnectionID, j.ID, r.owner, r.Now().Add(leaseFor)); err != nil {
			return err
		}
		if err := within(ctx, tx); err != nil {
			return err
		}
		if err := r.Store.EndManualJob(ctx, tx, j.ConnectionID, j.ID, status, result, r.Now()); err != nil {
			return err
		}
		if r.desk != nil && r.desk.terms.assisted { // people were asked, before somebody stood in for them
			if err := r.People.Settle(ctx, tx, j.ApplicationID, taskKind, j.ID.String(), "sandbox"); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, j)
	})
}

// record tells the application that a job is over.
func (s *Service) record(ctx context.Context, tx *sql.Tx, j *store.ManualJob) error {
	origin, err := s.Store.JobOrigin(ctx, tx, j.ApplicationID, j.ConnectionID)
	if err != nil {
		return err
	}
	return s.Events.Record(ctx, tx, event.Origin{ApplicationID: j.ApplicationID, ConnectionID: j.ConnectionID, CompanyID: origin.CompanyID,
		EntityID: j.EntityID, Assisted: origin.Assisted}, s.Events.ManualJob(ends[j.Type], j.ID))
}

// afterFailure lays a job down until the next attempt, or ends it when there will be none. A stop does not
// count as an attempt.
func (r *run) afterFailure(ctx context.Context, cause error, stopped bool) error {
	if errors.Is(cause, store.ErrNotFound) || errors.Is(cause, secret.ErrDestroyed) || errors.Is(cause, perch.ErrInvalidToken) {
		return nil // somebody else has the job, or the connection is gone
	}
	pause, counts, final := firstPause<<(2*(r.job.Attempts-1)), true, r.job.Attempts >= attempts
	var limited *provider.RateLimited
	var known *perch.Error
	switch {
	case stopped:
		pause, counts, final = 0, false, false
	case errors.As(cause, &limited):
		pause, counts = min(max(limited.After, leaseFor), longestPause), false
		final = r.Now().Sub(r.job.CreatedAt) > longestPause
	case errors.As(cause, &known) && known.Name != perch.NameServer && known.Name != perch.NameBadGateway:
		final = true
	}
	if !final {
		return r.Store.PostponeManualJob(ctx, r.job.ConnectionID, r.job.ID, r.owner, r.Now().Add(pause), counts)
	}
	r.fail(cause)
	return r.end(ctx, perch.JobError, func(ctx context.Context, tx *sql.Tx) error {
		if r.job.Type != store.BenefitCreate && r.job.Type != store.BenefitRegister {
			return nil
		}
		return r.Store.SettleDeduction(ctx, tx, r.job.EntityID, r.job.BenefitID, nil)
	})
}

// fail gives everybody for whom nothing was done a line that says so.
func (r *run) fail(cause error) {
	failed := perch.ManualJobResult{Code: http.StatusInternalServerError, Message: "Internal server error", Name: perch.NameServer}
	var known *perch.Error
	if errors.As(cause, &known) && known.Name != perch.NameServer {
		failed.Message, failed.Name, failed.FinchCode = known.Message, known.Name, known.Code
		failed.Code = statusOf(known)
	}
	individuals := r.request.Individuals
	for _, p := range r.request.People {
		individuals = append(individuals, p.IndividualID)
	}
	if len(individuals) == 0 {
		r.lines = []perch.ManualJobResult{failed}
		return
	}
	if len(r.lines) != len(individuals) {
		r.lines = make([]perch.ManualJobResult, len(individuals))
	}
	for i, id := range individuals {
		if r.lines[i].Code == 0 {
			r.lines[i] = failed
			r.lines[i].IndividualID = id
		}
	}
}
