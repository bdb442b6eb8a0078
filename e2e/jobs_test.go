package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
)

// jobRequested is the answer of POST /jobs/automated.
type jobRequested struct {
	JobID     perch.ID `json:"job_id"`
	JobURL    string   `json:"job_url"`
	Allowed   int      `json:"allowed_refreshes"`
	Remaining int      `json:"remaining_refreshes"`
	RetryAt   string   `json:"retry_at"`
}

type jobList struct {
	Data []perch.AutomatedJob `json:"data"`
}

// refresh asks for a refresh, which has to be answered with the given status.
func (s *server) refresh(t *testing.T, token string, status int) (got jobRequested) {
	t.Helper()
	answer := s.post(t, token, "/jobs/automated", `{"type":"data_sync_all"}`)
	if err := json.Unmarshal(answer.body, &got); err != nil || answer.status != status {
		t.Fatalf("a refresh answers %d %s, want %d: %v", answer.status, answer.body, status, err)
	}
	return got
}

func (s *server) job(t *testing.T, token string, id perch.ID) (got perch.AutomatedJob) {
	t.Helper()
	s.get(t, token, "/jobs/automated/"+id.String()).into(t, &got)
	return got
}

func (s *server) jobs(t *testing.T, token string) (got jobList) {
	t.Helper()
	s.get(t, token, "/jobs/automated").into(t, &got)
	return got
}

// TestJobsWithThePublishedSDK walks the job endpoints with the published client library and holds every
// answer against the contract.
func TestJobsWithThePublishedSDK(t *testing.T) {
	t.Parallel()
	testneed.Need(t, testneed.Node)
	onBoth(t, func(t *testing.T, config app.Config) {
		g := newGate("paychex_flex", atCompany)
		config.Connectors = []provider.Connector{g}
		s := start(t, config)
		control := httptest.NewServer(g.control())
		defer control.Close()
		answers := s.script(t, "jobs.mjs", "PERCH_CONTROL="+control.URL)
		faithful(t, answers, "get-jobs-automated", "get-jobs-job_id")
		seen, c := map[string]bool{}, openContract(t)
		for _, one := range answers {
			seen[c.find(one).id+" "+http.StatusText(one.Status)] = true
		}
		for _, want := range []string{"post-jobs-automated Created", "post-jobs-automated Accepted", "post-jobs-automated Too Many Requests",
			"post-jobs-automated Bad Request", "post-jobs-automated Unauthorized", "get-jobs-automated OK", "get-jobs-automated Unauthorized",
			"get-jobs-job_id OK", "get-jobs-job_id Not Found"} {
			if !seen[want] {
				t.Errorf("the walk saw no %s", want)
			}
		}
	})
}

func TestJobRequestsAreRefusedWithTheFieldAtFault(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), held).AccessToken
		before := len(s.jobs(t, token).Data)
		for _, test := range []struct{ name, body, field string }{
			{"nothing", ``, "body"},
			{"no object", `[]`, "body"},
			{"no type", `{}`, "type"},
			{"null for a type", `{"type":null}`, "type"},
			{"a number for a type", `{"type":5}`, "type"},
			{"an unknown type", `{"type":"benefit_create"}`, "type"},
			{"a type in capitals", `{"type":"DATA_SYNC_ALL"}`, "type"},
			{"two types", `{"type":"data_sync_all","type":"data_sync_all"}`, "type"},
			{"more after it", `{"type":"data_sync_all"}{}`, "body"},
			{"a form of nobody", `{"type":"w4_form_employee_sync"}`, "params.individual_id"},
			{"a form of null", `{"type":"w4_form_employee_sync","params":null}`, "params.individual_id"},
			{"params without an individual", `{"type":"w4_form_employee_sync","params":{}}`, "params.individual_id"},
			{"params that are no object", `{"type":"w4_form_employee_sync","params":"x"}`, "params"},
			{"an individual that is a number", `{"type":"w4_form_employee_sync","params":{"individual_id":7}}`, "params.individual_id"},
			{"an individual that is no id", `{"type":"w4_form_employee_sync","params":{"individual_id":"someone"}}`, "params.individual_id"},
		} {
			got := s.post(t, token, "/jobs/automated", test.body)
			var body struct {
				StatusCode, Status, Code int
				Name, Message            string
			}
			if err := json.Unmarshal(got.body, &body); err != nil {
				t.Fatalf("%s: %s", test.name, got.body)
			}
			if got.status != 400 || body.StatusCode != 400 || body.Status != 400 || body.Code != 400 || body.Name != perch.NameInvalidRequest ||
				!strings.HasPrefix(body.Message, test.field+": ") {
				t.Errorf("%s: %d %s", test.name, got.status, got.body)
			}
		}
		for path, field := range map[string]string{"?limit=x": "limit", "?limit=-1": "limit", "?offset=1.5": "offset", "?limit=1&limit=2": "limit"} {
			if message := s.get(t, token, "/jobs/automated"+path).fails(t, 400, perch.NameInvalidRequest, "invalid_request"); !strings.HasPrefix(message, field) {
				t.Errorf("%s: %s", path, message)
			}
		}
		s.get(t, token, "/jobs/automated?limit=1001").fails(t, 422, perch.NameUnprocessableEntity, "page_size_limit_exceeded")
		if after := len(s.jobs(t, token).Data); after != before {
			t.Errorf("%d jobs came of refused requests", after-before)
		}
	})
}
