package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/jobs"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	employer "github.com/perchhq/perch/provider/sandbox"
)

func TestThePublishedClientWritesDeductions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		answers := start(t, config).script(t, "deductions.mjs")
		faithfulIn(t, "deductions", answers, "get-company-benefits", "get-company-benefit", "get-company-benefits-meta", "update-company-benefits",
			"get-company-benefits-enrolled", "get-individual-benefits", "post-employer-individual-benefits-benefit_id", "delete-individual-benefits",
			"get-jobs-manual-job_id")
	})
}

// written is the answer to a write of deductions.
type written struct {
	BenefitID string `json:"benefit_id"`
	JobID     string `json:"job_id"`
}

func (s *server) write(t *testing.T, token, method, path string, body any) (w written) {
	t.Helper()
	answer := s.request(t, method, path, body, bearer(token))
	if answer.status != http.StatusOK && answer.status != http.StatusCreated {
		t.Fatalf("%s %s: %d %s", method, path, answer.status, answer.body)
	}
	if err := json.Unmarshal(answer.body, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func (s *server) manualJob(t *testing.T, token, id string) (job perch.ManualJob) {
	t.Helper()
	s.get(t, token, "/jobs/manual/"+id).into(t, &job)
	return job
}

// codes waits until a job is over and returns the codes of its lines.
func (s *server) codes(t *testing.T, token, id string) (codes []int) {
	t.Helper()
	var job perch.ManualJob
	eventually(t, "the job is over", func() bool {
		job = s.manualJob(t, token, id)
		return job.Status == perch.JobComplete || job.Status == perch.JobError
	})
	for _, line := range job.Body {
		codes = append(codes, line.Code)
	}
	return codes
}

// enrolment is an entry of the body that enrols people.
func enrolment(individual string, percent int) map[string]any {
	return map[string]any{"individual_id": individual, "configuration": map[string]any{
		"employee_deduction": map[string]any{"type": "percent", "amount": percent},
	}}
}

const acme401k = `{"type":"401k","description":"Acme 401(k)","frequency":"every_paycheck"}`

// employeesOf are active employees.
func (s *server) employeesOf(t *testing.T, token string) (list []string) {
	t.Helper()
	var b batch
	s.post(t, token, "/employer/employment", people(s.everyone(t, token)...)).into(t, &b)
	for _, one := range b.Responses {
		var e perch.Employment
		if err := json.Unmarshal(one.Body, &e); err != nil {
			t.Fatal(err)
		}
		if e.IsActive != nil && *e.IsActive && e.Employment != nil && *e.Employment.Type == perch.EmploymentEmployee {
			list = append(list, one.IndividualID)
		}
	}
	return list
}

func TestWritesAreDoneInTheirOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":20}`).AccessToken
		who := s.employeesOf(t, token)[0]
		benefit := s.write(t, token, http.MethodPost, "/employer/benefits", acme401k).BenefitID
		path := "/employer/benefits/" + benefit + "/individuals"
		var jobs []string
		for n := range 12 {
			if n%4 == 3 {
				jobs = append(jobs, s.write(t, token, http.MethodDelete, path, map[string]any{"individual_ids": []string{who}}).JobID)
				continue
			}
			jobs = append(jobs, s.write(t, token, http.MethodPost, path, []any{enrolment(who, 100+n), enrolment(who, 200+n)}).JobID)
		}
		for n, job := range jobs {
			want := []int{200, 200}
			switch n % 4 {
			case 0:
				want = []int{201, 200} // twice in one batch: the second entry changes what the first one made
			case 3:
				want = []int{200}
			}
			if got := s.codes(t, token, job); !slices.Equal(got, want) {
				t.Errorf("write %d: %v, want %v", n, got, want)
			}
		}
		var left struct {
			IDs []string `json:"individual_ids"`
		}
		s.get(t, token, "/employer/benefits/"+benefit+"/enrolled").into(t, &left)
		if len(left.IDs) != 0 {
			t.Errorf("after the last write %v are enrolled", left.IDs)
		}
	})
}

// Of several entries of a person in one batch the last one holds, also where many rows go to the database
// in one statement.
func TestTheLastOfSeveralEntriesHolds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":20}`).AccessToken
		who := s.employeesOf(t, token)[:8]
		path := "/employer/benefits/" + s.write(t, token, http.MethodPost, "/employer/benefits", acme401k).BenefitID + "/individuals"
		var entries []any
		want := make([]int, 0, 2*len(who))
		for n, percent := range []int{100, 200} {
			for _, one := range who {
				entries, want = append(entries, enrolment(one, percent)), append(want, 201-n)
			}
		}
		if got := s.codes(t, token, s.write(t, token, http.MethodPost, path, entries).JobID); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		var list []struct{ Body perch.Enrolment }
		s.get(t, token, path).into(t, &list)
		for _, one := range list {
			if got := *one.Body.EmployeeDeduction.Amount; got != 200 {
				t.Errorf("%d basis points, want 200", got)
			}
		}
		if len(list) != len(who) {
			t.Errorf("%d are enrolled, want %d", len(list), len(who))
		}
	})
}

// abandoned queues an enrolment that nobody does, and has a process of this machine that is gone take it so many
// times. It returns the job, and the server that is started afterwards.
func abandoned(t *testing.T, times int) (after *server, token, job string) {
	t.Helper()
	config := app.Config{Data: t.TempDir(), NoRateLimits: true}
	s := start(t, config)
	made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":20}`)
	token = made.AccessToken
	who := s.employeesOf(t, token)[0]
	benefit := s.write(t, token, http.MethodPost, "/employer/benefits", acme401k)
	s.codes(t, token, benefit.JobID)
	if err := s.Queue.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	job = s.write(t, token, http.MethodPost, "/employer/benefits/"+benefit.BenefitID+"/individuals", []any{enrolment(who, 100)}).JobID
	gone := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	owner := fmt.Sprintf("%s/%d/x", path.Dir(jobs.Owner()), gone.Process.Pid)
	for n := range times {
		now := time.Now().Add(time.Duration(n-times) * 2 * time.Hour)
		if n == times-1 {
			now = time.Now()
		}
		if _, err := s.Store.TakeManualJob(t.Context(), made.ConnectionID, made.EntityID, owner, now, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.manualJob(t, token, job); got.Status != perch.JobInProgress {
		t.Errorf("taken: %+v", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return start(t, config), token, job
}

// Processes on SQLite are on one machine, which knows that one of them is gone before its lease runs out.
func TestAWriteThatADeadProcessHeldIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	s, token, job := abandoned(t, 1)
	if got := s.codes(t, token, job); !slices.Equal(got, []int{201}) {
		t.Errorf("got %v", got)
	}
}

func TestAWriteThatNoProcessSurvivesIsGivenUp(t *testing.T) {
	t.Parallel()
	s, token, job := abandoned(t, 5)
	if got := s.codes(t, token, job); !slices.Equal(got, []int{500}) {
		t.Errorf("got %v", got)
	}
	if got := s.manualJob(t, token, job); got.Status != perch.JobError {
		t.Errorf("got %+v", got)
	}
}

// unsteady is the connector of simulated employers, which loses the answer to some writes, as a process
// that dies does.
type unsteady struct {
	mu    sync.Mutex
	inner employer.Connector
	lose  int
}

// writable is what the source of a simulated employer can read and write.
type writable interface {
	simulated
	provider.W4Reader
	provider.DeductionWriter
}

type unsteadySource struct {
	writable
	connector *unsteady
}

// Name implements provider.Connector.
func (u *unsteady) Name() string { return employer.Name }

// Open implements provider.Connector.
func (u *unsteady) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	source, err := u.inner.Open(ctx, account)
	if err != nil {
		return nil, err
	}
	return &unsteadySource{source.(writable), u}, nil
}

// lost reports whether this answer is to be lost.
func (u *unsteady) lost() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lose--
	return u.lose >= 0
}

// Enrol implements provider.DeductionWriter.
func (s *unsteadySource) Enrol(ctx context.Context, write, key string, list []provider.Enrolment) ([]provider.Outcome, error) {
	outcomes, err := s.writable.Enrol(ctx, write, key, list)
	if s.connector.lost() {
		return nil, errors.New("the answer was lost")
	}
	return outcomes, err
}

// CreateDeduction implements provider.DeductionWriter.
func (s *unsteadySource) CreateDeduction(ctx context.Context, write string, d perch.Deduction) (string, error) {
	key, err := s.writable.CreateDeduction(ctx, write, d)
	if s.connector.lost() {
		return "", errors.New("the answer was lost")
	}
	return key, err
}

func TestAWriteThatIsTriedAgainIsAppliedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		u := new(unsteady)
		config.Connectors = []provider.Connector{u}
		s := start(t, config)
		u.mu.Lock()
		u.inner = employer.Connector{Ledger: &sandbox.Ledger{Store: s.Store, Keyring: s.Keyring, Now: time.Now}}
		u.mu.Unlock()
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":20}`).AccessToken
		who := s.employeesOf(t, token)[:2]
		lose := func(n int) {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.lose = n
		}
		lose(1)
		made := s.write(t, token, http.MethodPost, "/employer/benefits", acme401k)
		if got := s.codes(t, token, made.JobID); !slices.Equal(got, []int{201}) {
			t.Errorf("the creation ended as %v", got)
		}
		lose(1)
		path := "/employer/benefits/" + made.BenefitID + "/individuals"
		job := s.write(t, token, http.MethodPost, path, []any{enrolment(who[0], 100), enrolment(who[1], 200)}).JobID
		if got := s.codes(t, token, job); !slices.Equal(got, []int{201, 201}) {
			t.Errorf("the enrolment ended as %v: it was applied twice", got)
		}
		var list []perch.Deduction
		s.get(t, token, "/employer/benefits").into(t, &list)
		count := 0
		for _, d := range list {
			if d.Description != nil && *d.Description == "Acme 401(k)" {
				count++
			}
		}
		if count != 1 {
			t.Errorf("the deduction is there %d times", count)
		}
	})
}

// late is the connector of simulated employers, which makes no deduction before it is told to, and whose
// list of deductions may be old by the time that it arrives.
type late struct {
	inner  atomic.Pointer[employer.Connector]
	create chan struct{}
	// listed is called once, between the reading of a list and its arrival.
	listed atomic.Pointer[func()]
}

type lateSource struct {
	writable
	connector *late
}

// Name implements provider.Connector.
func (l *late) Name() string { return employer.Name }

// Open implements provider.Connector.
func (l *late) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	source, err := l.inner.Load().Open(ctx, account)
	if err != nil {
		return nil, err
	}
	return &lateSource{source.(writable), l}, nil
}

// Deductions implements provider.DeductionReader.
func (s *lateSource) Deductions(ctx context.Context) ([]provider.Deduction, error) {
	list, err := s.writable.Deductions(ctx)
	if listed := s.connector.listed.Swap(nil); listed != nil {
		(*listed)()
	}
	return list, err
}

// CreateDeduction implements provider.DeductionWriter.
func (s *lateSource) CreateDeduction(ctx context.Context, write string, d perch.Deduction) (string, error) {
	select {
	case <-s.connector.create:
		return s.writable.CreateDeduction(ctx, write, d)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// The job does not have to complete, nor to be under way still, for its deduction to be used.
func TestADeductionCanBeUsedWhileItIsMade(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		l := &late{create: make(chan struct{})}
		l.inner.Store(&employer.Connector{})
		config.Connectors = []provider.Connector{l}
		s := start(t, config)
		l.inner.Store(&employer.Connector{Ledger: &sandbox.Ledger{Store: s.Store, Keyring: s.Keyring, Now: time.Now}})
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":3}`).AccessToken
		made := s.write(t, token, http.MethodPost, "/employer/benefits", acme401k)
		path := "/employer/benefits/" + made.BenefitID
		before := s.write(t, token, http.MethodPost, path, `{"description":"While it is made"}`)
		completed := func() {
			close(l.create)
			s.codes(t, token, made.JobID)
		}
		l.listed.Store(&completed)
		after := s.write(t, token, http.MethodPost, path, `{"description":"Just made"}`)
		for _, job := range []string{made.JobID, before.JobID, after.JobID} {
			if got := s.codes(t, token, job); len(got) != 1 || got[0] >= 300 {
				t.Errorf("a job ended as %v", got)
			}
		}
	})
}

func TestDeductionsBelongToOneConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		mine, yours := s.ready(t, client, `{"provider_id":"gusto","employee_size":10}`), s.ready(t, client, `{"provider_id":"gusto","employee_size":10}`)
		made := s.write(t, mine.AccessToken, http.MethodPost, "/employer/benefits", acme401k)
		s.codes(t, mine.AccessToken, made.JobID)
		benefit := "/employer/benefits/" + made.BenefitID
		for _, path := range []string{benefit, benefit + "/enrolled", benefit + "/individuals"} {
			s.get(t, yours.AccessToken, path).fails(t, 404, perch.NameNotFound, "benefit_not_found")
		}
		s.get(t, yours.AccessToken, "/jobs/manual/"+made.JobID).fails(t, 404, perch.NameNotFound, "item_not_found")
		stranger := s.employeesOf(t, yours.AccessToken)[0]
		job := s.write(t, mine.AccessToken, http.MethodPost, benefit+"/individuals", []any{enrolment(stranger, 100)}).JobID
		if got := s.codes(t, mine.AccessToken, job); !slices.Equal(got, []int{404}) {
			t.Errorf("enrolling somebody else's employee: %v", got)
		}
		var page struct {
			Events []struct {
				Body struct {
					Type string `json:"event_type"`
					Data struct {
						JobID string `json:"job_id"`
					}
				}
			}
		}
		s.request(t, http.MethodGet, "/events?event_types=job.benefit_create.completed,job.benefit_enroll.completed", nil, client.basic).into(t, &page)
		if len(page.Events) != 2 || page.Events[0].Body.Type != "job.benefit_create.completed" || page.Events[1].Body.Data.JobID != job {
			t.Errorf("events %+v", page.Events)
		}

		unscoped := s.ready(t, client, `{"provider_id":"gusto","products":["directory"],"employee_size":3}`)
		s.get(t, unscoped.AccessToken, "/employer/benefits").fails(t, 403, perch.NameInsufficientScope, "")

		s.post(t, mine.AccessToken, "/disconnect", nil).into(t, &struct{}{})
		s.get(t, mine.AccessToken, benefit).fails(t, 401, perch.NameInvalidToken, "")
		eventually(t, "what was written is deleted", func() bool {
			deductions, err := s.Store.KnownDeductions(t.Context(), mine.EntityID)
			if err != nil {
				t.Fatal(err)
			}
			ledger, err := s.Store.LedgerDeductions(t.Context(), nil, mine.EntityID)
			if err != nil {
				t.Fatal(err)
			}
			return len(deductions)+len(ledger) == 0
		})
	})
}

func TestAssistedDeductionsWaitForPeople(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		made := s.connect(t, s.application(t, perch.ClientSandbox), `{"provider_id":"isolved","authentication_type":"assisted","employee_size":20}`)
		token := made.AccessToken
		s.post(t, token, "/employer/benefits", acme401k).fails(t, 202, perch.NameAuthorizationPending, "pending")
		var status struct{}
		s.request(t, http.MethodPut, "/sandbox/connections/accounts", `{"connection_status":"connected"}`, bearer(token)).into(t, &status)
		who := s.employeesOf(t, token)[0]
		for _, path := range []string{"/employer/benefits", "/employer/benefits/" + nobody, "/employer/benefits/" + nobody + "/enrolled", "/employer/benefits/" + nobody + "/individuals"} {
			s.get(t, token, path).fails(t, 501, perch.NameNotImplemented, "")
		}
		registered := s.write(t, token, http.MethodPost, "/employer/benefits/register", acme401k)
		again := s.write(t, token, http.MethodPost, "/employer/benefits/register", acme401k)
		if again.BenefitID != registered.BenefitID {
			t.Errorf("registered again under another id: %+v, %+v", registered, again)
		}
		job := s.write(t, token, http.MethodPost, "/employer/benefits/"+registered.BenefitID+"/individuals", []any{enrolment(who, 300), enrolment(nobody, 300)}).JobID
		if _, due, _, err := s.Desk.Due(t.Context(), store.DueQuery{Kind: "deduction", Sandbox: true, Limit: 10}); due != 3 || err != nil {
			t.Errorf("%d deductions are due, want 3, %v", due, err)
		}
		if got := s.manualJob(t, token, job); got.Status != perch.JobPending || got.Body != nil {
			t.Errorf("before people did it: %+v", got)
		}
		var refreshed struct {
			JobID *string `json:"job_id"`
		}
		s.post(t, token, "/sandbox/jobs", `{"type":"data_sync_all"}`).into(t, &refreshed)
		if refreshed.JobID != nil {
			t.Errorf("an assisted refresh has a job: %s", *refreshed.JobID)
		}
		if got := s.codes(t, token, job); !slices.Equal(got, []int{201, 404}) {
			t.Errorf("after people did it: %v", got)
		}
		if got := s.codes(t, token, registered.JobID); !slices.Equal(got, []int{201}) {
			t.Errorf("the registration: %v", got)
		}
		if _, left, _, err := s.Desk.Due(t.Context(), store.DueQuery{Kind: "deduction", Sandbox: true, Limit: 10}); left != 0 || err != nil {
			t.Errorf("%d deductions are still due, %v", left, err)
		}
	})
}
