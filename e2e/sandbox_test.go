package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/provider"
)

func (s *server) put(t *testing.T, token, path string, body any) answer {
	t.Helper()
	return s.request(t, http.MethodPut, path, body, bearer(token))
}

// syncSandbox syncs a simulated connection and waits for the end.
func (s *server) syncSandbox(t *testing.T, token string) {
	t.Helper()
	var started struct {
		JobID *perch.ID `json:"job_id"`
	}
	s.post(t, token, "/sandbox/jobs", `{"type":"data_sync_all"}`).into(t, &started)
	if started.JobID == nil {
		return
	}
	eventually(t, "the job is over", func() bool {
		var job perch.AutomatedJob
		s.get(t, token, "/jobs/automated/"+started.JobID.String()).into(t, &job)
		return job.Status != perch.JobPending && job.Status != perch.JobInProgress
	})
}

func (s *server) jobOf(t *testing.T, token, individual string) (e perch.Employment) {
	t.Helper()
	var b batch
	s.post(t, token, "/employer/employment", people(individual)).into(t, &b)
	answer{status: b.Responses[0].Code, body: b.Responses[0].Body}.into(t, &e)
	return e
}

func (s *server) personOf(t *testing.T, token, individual string) (v perch.Individual) {
	t.Helper()
	var b batch
	s.post(t, token, "/employer/individual", people(individual)).into(t, &b)
	answer{status: b.Responses[0].Code, body: b.Responses[0].Body}.into(t, &v)
	return v
}

func TestABadEditIsRefusedWholeAndChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		made := s.ready(t, client, `{"provider_id":"paycor","employee_size":8}`)
		stranger := s.everyone(t, s.ready(t, client, `{"provider_id":"paycor","employee_size":8}`).AccessToken)[0]
		token, ids := made.AccessToken, s.everyone(t, made.AccessToken)
		before := s.snapshot(t, token)
		chief, head := ids[0], ids[1]
		for name, c := range map[string]struct{ method, path, body, field string }{
			"a manager who does not exist": {"PUT", "/sandbox/employment/" + head, `{"title":"X","manager":{"id":"` + nobody + `"}}`, "manager.id"},
			"a manager of another company": {"PUT", "/sandbox/employment/" + head, `{"title":"X","manager":{"id":"` + stranger + `"}}`, "manager.id"},
			"their own manager":            {"PUT", "/sandbox/employment/" + head, `{"title":"X","manager":{"id":"` + head + `"}}`, "manager.id"},
			"a circle of managers":         {"PUT", "/sandbox/employment/" + chief, `{"title":"X","manager":{"id":"` + head + `"}}`, "manager.id"},
			"negative pay":                 {"PUT", "/sandbox/employment/" + head, `{"title":"X","income":{"amount":-1}}`, "income.amount"},
			"the last of three people":     {"POST", "/sandbox/directory", `[{"first_name":"A"},{},{"gender":"unknown"}]`, "[2].gender"},
			"the manager of a new one":     {"POST", "/sandbox/directory", `[{},{"manager":{"id":"` + nobody + `"}}]`, "[1].manager.id"},
			"a company's country":          {"PUT", "/sandbox/company", `{"legal_name":"X","locations":[{"line1":"1"},{"country":"usa"}]}`, "locations[1].country"},
			"a payment of a stranger":      {"POST", "/sandbox/payment", `{"pay_statements":[{"individual_id":"` + head + `"},{"individual_id":"` + stranger + `"}]}`, "pay_statements[1].individual_id"},
			"a payment that ends early":    {"POST", "/sandbox/payment", `{"start_date":"2026-01-02","end_date":"2026-01-01"}`, "end_date"},
			"a payment out of time":        {"POST", "/sandbox/payment", `{"start_date":"9999-12-31"}`, "start_date"},
			"amounts that add up too high": {"POST", "/sandbox/payment", `{"pay_statements":[{"individual_id":"` + head + `","gross_pay":9007199254740991},{"individual_id":"` + head + `","gross_pay":1}]}`, "pay_statements"},
			"a status that does not exist": {"PUT", "/sandbox/connections/accounts", `{"connection_status":"happy"}`, "connection_status"},
			"a job that does not exist":    {"POST", "/sandbox/jobs", `{"type":"w4_form_employee_sync"}`, "type"},
			"no job":                       {"POST", "/sandbox/jobs", `{}`, "type"},
			"an outcome of a job":          {"PUT", "/sandbox/jobs/configuration", `{"type":"data_sync_all","completion_status":"in_progress"}`, "completion_status"},
			"an account that is not hers":  {"PUT", "/sandbox/company?entity_ids=" + nobody, `{"legal_name":"X"}`, "entity_ids"},
		} {
			message := s.request(t, c.method, c.path, c.body, bearer(token)).fails(t, 400, perch.NameInvalidRequest, "invalid_request")
			if !strings.HasPrefix(message, c.field+": ") {
				t.Errorf("%s: %q does not name %s", name, message, c.field)
			}
		}
		for _, path := range []string{"/sandbox/individual/", "/sandbox/employment/"} {
			for _, id := range []string{nobody, stranger, "x"} {
				s.put(t, token, path+id, `{"first_name":"X"}`).fails(t, 404, perch.NameNotFound, "individual_not_found")
			}
		}
		s.syncSandbox(t, token)
		before.sameAs(t, s.snapshot(t, token))
	})
}

func TestSandboxEndpointsAreForSimulatedConnections(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		tokens := map[string]string{
			"a development application": s.realConnection(t, s.application(t, perch.ClientDevelopment), perch.ConnectionProvider),
			"a connection by file":      s.realConnection(t, s.application(t, perch.ClientSandbox), perch.ConnectionProvider),
			"another connector":         s.realConnection(t, s.application(t, perch.ClientSandbox), perch.ConnectionSimulated),
		}
		for name, token := range tokens {
			for _, r := range []struct{ method, path, body string }{
				{"PUT", "/sandbox/connections/accounts", `{"connection_status":"reauth"}`}, {"PUT", "/sandbox/company", `{}`}, {"POST", "/sandbox/directory", `[{}]`},
				{"PUT", "/sandbox/individual/" + nobody, `{}`}, {"PUT", "/sandbox/employment/" + nobody, `{}`}, {"POST", "/sandbox/payment", `{}`},
			} {
				message := s.request(t, r.method, r.path, r.body, bearer(token)).fails(t, 400, perch.NameInvalidRequest, "invalid_request")
				if !strings.HasPrefix(message, "access_token: ") {
					t.Errorf("%s %s with %s: %q", r.method, r.path, name, message)
				}
			}
			if name == "another connector" {
				continue
			}
			for _, r := range []struct{ method, path, body string }{
				{"POST", "/sandbox/jobs", `{"type":"data_sync_all"}`}, {"GET", "/sandbox/jobs/configuration", ""},
				{"PUT", "/sandbox/jobs/configuration", `{"type":"data_sync_all","completion_status":"error"}`},
			} {
				s.request(t, r.method, r.path, r.body, bearer(token)).fails(t, 400, perch.NameInvalidRequest, "invalid_request")
			}
		}
	})
}

// realConnection makes a connection whose data comes from a file.
func (s *server) realConnection(t *testing.T, client credentials, kind perch.ConnectionType) string {
	t.Helper()
	id, err := perch.ParseID(client.id)
	if err != nil {
		t.Fatal(err)
	}
	application, _, err := s.Store.Application(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.Connections.Create(t.Context(), connection.Request{Application: application, ProviderID: "gusto", Type: kind,
		Authentication: perch.AuthAssisted, Status: perch.StatusConnected, Products: []perch.Product{perch.ProductCompany}, Connector: "file", Settings: []byte("{}")},
		func(*sql.Tx, connection.Created) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return made.AccessToken
}

// Two processes edit one employer at once.
func TestEditsOfSeveralProcessesAllCount(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		servers := []*server{start(t, config), start(t, config)}
		s := servers[0]
		made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":8}`)
		token, ids := made.AccessToken, s.everyone(t, made.AccessToken)
		var work sync.WaitGroup
		at := func(n int, fn func(s *server)) {
			work.Go(func() { fn(servers[n%2]) })
		}
		fields := []string{"title", "class_code", "union_code", "union_local", "source_id", "first_name", "middle_name", "last_name"}
		for n, field := range fields {
			at(n, func(s *server) {
				s.put(t, token, "/sandbox/employment/"+ids[4], map[string]any{field: "edited " + field})
			})
		}
		added := make([]string, 8)
		ends := make([]perch.Date, 8)
		for n := range added {
			at(n, func(s *server) {
				var list []struct{ ID string }
				s.post(t, token, "/sandbox/directory", fmt.Sprintf(`[{"first_name":"New %d"}]`, n)).into(t, &list)
				added[n] = list[0].ID
			})
			at(n, func(s *server) {
				var payment sandbox.PaymentAdded
				s.post(t, token, "/sandbox/payment", `{}`).into(t, &payment)
				ends[n] = payment.PayDate
			})
		}
		circle := make([]int, 2)
		for n := range circle {
			at(n, func(s *server) {
				circle[n] = s.put(t, token, "/sandbox/employment/"+ids[5+n], `{"manager":{"id":"`+ids[6-n]+`"}}`).status
			})
		}
		work.Wait()
		s.syncSandbox(t, token)
		job := s.jobOf(t, token, ids[4])
		for n, got := range []*string{job.Title, job.ClassCode, job.UnionCode, job.UnionLocal, job.SourceID, job.FirstName, job.MiddleName, job.LastName} {
			if masked := n > 0 && n < 5; got == nil && !masked || got != nil && *got != "edited "+fields[n] {
				t.Errorf("%s is %v", fields[n], got)
			}
		}
		if everyone := s.everyone(t, token); len(everyone) != 16 || !slices.Equal(everyone[:8], ids) {
			t.Errorf("%d people", len(everyone))
		}
		for n, id := range added {
			if got := s.personOf(t, token, id); got.FirstName == nil || *got.FirstName != fmt.Sprintf("New %d", n) {
				t.Errorf("person %d: %+v", n, got)
			}
		}
		slices.Sort(ends)
		if len(slices.Compact(ends)) != 8 {
			t.Errorf("payments without dates have the same pay dates: %v", ends)
		}
		if slices.Sort(circle); circle[0] != 200 || circle[1] != 400 {
			t.Errorf("two halves of a circle: %v", circle)
		}
	})
}

func TestEditsAreSealedOutliveARestartAndEndWithTheConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":8}`)
		token := made.AccessToken
		id := s.everyone(t, token)[3]
		s.put(t, token, "/sandbox/individual/"+id, `{"first_name":"Wilhelmina","ssn":"900-45-6789"}`)
		s.put(t, token, "/sandbox/individual/"+id, `{"last_name":"Quackenbush"}`)
		s.put(t, token, "/sandbox/company", `{"accounts":[{"account_number":"5550001112"}]}`)
		rows, err := s.Store.SandboxEdits(t.Context(), made.EntityID)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d edits, %v", len(rows), err)
		}
		for _, row := range rows {
			if row.Identifiers == nil {
				t.Errorf("the identifiers of the %s are not kept apart", row.Kind)
			}
			for _, plain := range []string{"Wilhelmina", "Quackenbush", "456789", "5550001112", "name"} {
				if bytes.Contains(row.Body, []byte(plain)) || bytes.Contains(row.Identifiers, []byte(plain)) {
					t.Errorf("%q can be read in the database", plain)
				}
			}
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s = start(t, config)
		s.syncSandbox(t, token)
		request := people(id)
		request["options"] = map[string]any{"include": []string{"ssn"}}
		got := string(s.post(t, token, "/employer/individual", request).body)
		for _, want := range []string{`"first_name":"Wilhelmina"`, `"last_name":"Quackenbush"`, `"ssn":"900456789"`} {
			if !strings.Contains(got, want) {
				t.Errorf("after a restart %s is missing in %s", want, got)
			}
		}
		s.post(t, token, "/disconnect", nil).into(t, &struct{}{})
		eventually(t, "the edits are deleted", func() bool {
			rows, err := s.Store.SandboxEdits(t.Context(), made.EntityID)
			return err == nil && len(rows) == 0
		})
		s.put(t, token, "/sandbox/company", `{"legal_name":"X"}`).fails(t, 401, perch.NameInvalidToken, "")
	})
}

func TestAStatusThatIsSetStaysWhenASyncUnderWayEnds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		g := newGate("gusto", atCompany)
		config.Connectors = []provider.Connector{g}
		s := start(t, config)
		made := s.connect(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":8}`)
		receive(t, "the first sync runs", g.reached(atCompany))
		s.put(t, made.AccessToken, "/sandbox/connections/accounts", `{"connection_status":"reauth"}`).into(t, &struct{}{})
		s.get(t, made.AccessToken, "/employer/company").fails(t, 401, perch.NameAuthentication, "reauthenticate_user")
		g.release(atCompany)
		eventually(t, "the first sync is over", func() bool {
			last, err := s.Store.LatestSync(t.Context(), made.EntityID)
			return err == nil && last.State == "complete"
		})
		s.get(t, made.AccessToken, "/employer/company").fails(t, 401, perch.NameAuthentication, "reauthenticate_user")
		s.put(t, made.AccessToken, "/sandbox/connections/accounts", `{"connection_status":"connected"}`).into(t, &struct{}{})
		s.get(t, made.AccessToken, "/employer/company").into(t, &perch.Company{})
	})
}

// An edit that comes while a sync runs is seen by the sync that is asked for after it.
func TestASandboxSyncMissesNoEdit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		g := newGate("gusto", atStatements)
		config.Connectors = []provider.Connector{g}
		s := start(t, config)
		g.book.Store(s.Sandbox.Book)
		made := s.connect(t, s.application(t, perch.ClientSandbox), `{"provider_id":"gusto","employee_size":8}`)
		receive(t, "the people were read", g.reached(atStatements))
		id := s.everyone(t, made.AccessToken)[2]
		s.put(t, made.AccessToken, "/sandbox/individual/"+id, `{"first_name":"Late"}`).into(t, &perch.Individual{})
		before := s.reads.Load()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.syncSandbox(t, made.AccessToken)
		}()
		eventually(t, "the request arrives", func() bool { return s.reads.Load() > before })
		g.release(atStatements)
		receive(t, "the refresh is over", done)
		if got := s.personOf(t, made.AccessToken, id); *got.FirstName != "Late" {
			t.Errorf("the name is %q", *got.FirstName)
		}
	})
}

func TestASandboxApplicationMayHaveAHundredConnections(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		const body = `{"provider_id":"isolved","employee_size":1}` // assisted: nothing is synced
		var last sandbox.Created
		for range connection.MaxSimulated {
			last = s.connect(t, client, body)
		}
		s.request(t, http.MethodPost, "/sandbox/connections", body, client.basic).fails(t, 422, perch.NameUnprocessableEntity, "connection_limit_exceeded")
		s.connect(t, s.application(t, perch.ClientSandbox), body)
		s.post(t, last.AccessToken, "/disconnect", nil).into(t, &struct{}{})
		s.connect(t, client, body)
	})
}

// A sync holds the edits of an employer, so they may not be of any size.
func TestTheEditsOfAnEmployerEndSomewhere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		s.Sandbox.EditBytes = 6000
		made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":8}`)
		token, ids := made.AccessToken, s.everyone(t, made.AccessToken)
		values := func(n int) string { return `{"custom_fields":[{"value":"` + strings.Repeat("x", n) + `"}]}` }
		s.put(t, token, "/sandbox/employment/"+ids[1], values(5000)).into(t, &perch.Employment{})
		for path, body := range map[string]string{"/sandbox/employment/" + ids[2]: values(2000), "/sandbox/employment/" + ids[1]: values(7000),
			"/sandbox/company": `{"accounts":[{"account_name":"` + strings.Repeat("x", 900) + `"}]}`} {
			s.put(t, token, path, body).fails(t, 422, perch.NameUnprocessableEntity, "edit_limit_exceeded")
		}
		s.put(t, token, "/sandbox/employment/"+ids[1], values(100)).into(t, &perch.Employment{})
		s.put(t, token, "/sandbox/employment/"+ids[2], values(2000)).into(t, &perch.Employment{})
		rows, err := s.Store.SandboxEdits(t.Context(), made.EntityID)
		if err != nil || len(rows) != 2 {
			t.Errorf("%d edits, %v", len(rows), err)
		}
	})
}

// Edits of few people among many cost what they are.
func TestEditsOfALargeEmployerAreMergedInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, app.Config{Data: t.TempDir(), NoRateLimits: true})
	made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":3000,"products":["directory","individual","employment"]}`)
	token, ids := made.AccessToken, s.everyone(t, made.AccessToken)
	for _, n := range []int{2999, 0, 1500} {
		s.put(t, token, "/sandbox/individual/"+ids[n], fmt.Sprintf(`{"middle_name":"Number %d"}`, n)).into(t, &perch.Individual{})
	}
	s.post(t, token, "/sandbox/directory", `[{"middle_name":"Number 3000"}]`).into(t, &[]any{})
	s.syncSandbox(t, token)
	after := s.everyone(t, token)
	if len(after) != 3001 || !slices.Equal(after[:3000], ids) {
		t.Fatalf("%d people", len(after))
	}
	for _, n := range []int{0, 1500, 2999, 3000} {
		got := s.personOf(t, token, after[n])
		if got.MiddleName == nil || *got.MiddleName != fmt.Sprintf("Number %d", n) {
			t.Errorf("person %d: %+v", n, got)
		}
	}
}
