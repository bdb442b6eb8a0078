package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// withDocuments is a provider whose documents can be read.
const withDocuments = `{"provider_id":"adp_run","employee_size":20}`

// documents is the body of GET /employer/documents.
type documents struct {
	Paging struct {
		Count  int `json:"count"`
		Offset int `json:"offset"`
	} `json:"paging"`
	Documents []perch.Document `json:"documents"`
}

// form is the body of GET /employer/documents/{document_id}, whichever form it is.
type form struct {
	Type perch.DocumentType `json:"type"`
	Year int                `json:"year"`
	Data json.RawMessage    `json:"data"`
}

func (s *server) documents(t *testing.T, token, query string) documents {
	t.Helper()
	var d documents
	s.get(t, token, "/employer/documents"+query).into(t, &d)
	return d
}

// w4 is the request for a job that fetches somebody's W-4.
func w4(individual string) map[string]any {
	return map[string]any{"type": perch.JobW4Sync, "params": map[string]string{"individual_id": individual}}
}

// startW4 starts such a job and returns its address.
func (s *server) startW4(t *testing.T, token, individual string) string {
	t.Helper()
	answer := s.post(t, token, "/jobs/automated", w4(individual))
	var started struct {
		JobURL string `json:"job_url"`
	}
	if err := json.Unmarshal(answer.body, &started); err != nil || answer.status != http.StatusCreated && answer.status != http.StatusAccepted {
		t.Fatalf("asking for the W-4 of %s: %d %s", individual, answer.status, answer.body)
	}
	return strings.TrimPrefix(started.JobURL, s.url)
}

// complete waits until a job is over, and wants it to have succeeded.
func (s *server) complete(t *testing.T, token, address string) {
	t.Helper()
	var job perch.AutomatedJob
	eventually(t, "the job is over", func() bool {
		s.get(t, token, address).into(t, &job)
		return job.CompletedAt != nil
	})
	if job.Status != perch.JobComplete || job.Type != perch.JobW4Sync || job.Params == nil || job.Params.IndividualID == nil {
		t.Errorf("the job ended as %+v", job)
	}
}

// fetchW4s fetches the W-4 of everybody, many at once, so that publications overtake each other.
func (s *server) fetchW4s(t *testing.T, token string, individuals ...string) {
	t.Helper()
	var started []string
	for _, id := range individuals {
		started = append(started, s.startW4(t, token, id))
	}
	for _, address := range started {
		s.complete(t, token, address)
	}
}

func TestDocumentsAreListedOnceTheyWereFetched(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		made := s.ready(t, client, withDocuments)
		everyone := s.everyone(t, made.AccessToken)
		for _, path := range []string{"/employer/documents", "/employer/documents/" + nobody} {
			got := s.get(t, made.AccessToken, path)
			got.fails(t, 400, perch.NameBadRequest, "w4_sync_required")
			if want := fmt.Sprintf(`"context":{"docs_url":"%s/docs#post-jobs-automated"}`, s.url); !strings.Contains(string(got.body), want) {
				t.Errorf("%s: %s has no %s", path, got.body, want)
			}
		}

		s.fetchW4s(t, made.AccessToken, everyone...)
		all := s.documents(t, made.AccessToken, "")
		employees := s.employees(t, made.AccessToken, everyone)
		if all.Paging.Count != len(all.Documents) || len(all.Documents) != len(employees) || len(employees) == len(everyone) {
			t.Fatalf("%d of %d documents for %d employees among %d people", len(all.Documents), all.Paging.Count, len(employees), len(everyone))
		}
		for _, d := range all.Documents {
			if !slices.Contains(employees, d.IndividualID.String()) || d.URL != s.url+"/employer/documents/"+d.ID.String() {
				t.Errorf("an entry of the list: %+v", d)
			}
			s.checkForm(t, made.AccessToken, d)
		}
		s.checkFilters(t, made.AccessToken, all)

		// Again: the ids stay, and nothing is there twice.
		s.fetchW4s(t, made.AccessToken, everyone...)
		if again := s.documents(t, made.AccessToken, ""); fmt.Sprint(ids(again)) != fmt.Sprint(ids(all)) {
			t.Errorf("after a second time the list is %v, before it was %v", ids(again), ids(all))
		}
		s.get(t, made.AccessToken, "/employer/documents/"+nobody).fails(t, 404, perch.NameNotFound, "item_not_found")
		s.get(t, made.AccessToken, "/employer/documents/x").fails(t, 404, perch.NameNotFound, "item_not_found")
	})
}

// employees are those who hand in a W-4: everybody but contractors and people who are still to start.
func (s *server) employees(t *testing.T, token string, everyone []string) (list []string) {
	t.Helper()
	var b batch
	s.post(t, token, "/employer/employment", people(everyone...)).into(t, &b)
	for _, one := range b.Responses {
		var e perch.Employment
		if err := json.Unmarshal(one.Body, &e); err != nil {
			t.Fatal(err)
		}
		if e.Employment == nil || e.Employment.Type == nil || e.StartDate == nil {
			t.Fatalf("the provider does not say how %s is employed", one.IndividualID)
		}
		if *e.Employment.Type == perch.EmploymentEmployee && !e.StartDate.Time().After(time.Now()) {
			list = append(list, one.IndividualID)
		}
	}
	return list
}

// checkForm reads a document and compares it with its entry.
func (s *server) checkForm(t *testing.T, token string, d perch.Document) {
	t.Helper()
	var f form
	s.get(t, token, strings.TrimPrefix(d.URL, s.url)).into(t, &f)
	if f.Type != d.Type || f.Year != d.Year || (f.Year < 2020) != (f.Type == perch.DocumentW42005) {
		t.Errorf("the document is a %s of %d, its entry says %s of %d", f.Type, f.Year, d.Type, d.Year)
	}
	var data map[string]any
	if err := json.Unmarshal(f.Data, &data); err != nil {
		t.Fatal(err)
	}
	fields := []string{"additional_withholding", "exemption", "filing_status", "individual_id", "total_number_of_allowances"}
	if d.Type == perch.DocumentW42020 {
		fields = []string{"amount_for_other_dependents", "amount_for_qualifying_children_under_17", "deductions", "extra_withholding",
			"filing_status", "individual_id", "other_income", "total_claim_dependent_and_other_credits"}
	}
	var got []string
	for name := range data {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, fields) || data["individual_id"] != d.IndividualID.String() {
		t.Errorf("the form of %s says %s", d.IndividualID, f.Data)
	}
}

func ids(d documents) (list []perch.ID) {
	for _, one := range d.Documents {
		list = append(list, one.ID)
	}
	return list
}

func (s *server) checkFilters(t *testing.T, token string, all documents) {
	t.Helper()
	whole := ids(all)
	one, two := all.Documents[3], all.Documents[7]
	kinds := map[perch.DocumentType][]perch.ID{}
	for _, d := range all.Documents {
		kinds[d.Type] = append(kinds[d.Type], d.ID)
	}
	for query, want := range map[string]struct {
		count, offset int
		ids           []perch.ID
	}{
		"?limit=5":          {len(whole), 0, whole[:5]},
		"?limit=5&offset=5": {len(whole), 5, whole[5:10]},
		"?limit=0":          {len(whole), 0, nil},
		"?offset=10000":     {len(whole), 10_000, nil},
		"?individual_ids=" + two.IndividualID.String() + "," + one.IndividualID.String():                       {2, 0, []perch.ID{one.ID, two.ID}},
		"?individual_ids[]=" + one.IndividualID.String() + "&individual_ids[]=" + two.IndividualID.String():    {2, 0, []perch.ID{one.ID, two.ID}},
		"?individual_ids=" + one.IndividualID.String() + "," + two.IndividualID.String() + "&limit=1&offset=1": {2, 1, []perch.ID{two.ID}},
		"?individual_ids=" + nobody: {0, 0, nil},
		"?types=w4_2020":            {len(kinds[perch.DocumentW42020]), 0, kinds[perch.DocumentW42020]},
		"?types=w4_2005":            {len(kinds[perch.DocumentW42005]), 0, kinds[perch.DocumentW42005]},
		"?types=w4_2005,w4_2020":    {len(whole), 0, whole},
		"?types=" + string(one.Type) + "&individual_ids=" + one.IndividualID.String(): {1, 0, []perch.ID{one.ID}},
	} {
		got := s.documents(t, token, query)
		if got.Paging.Count != want.count || got.Paging.Offset != want.offset || !slices.Equal(ids(got), want.ids) || got.Documents == nil {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
}

func TestDocumentsBelongToOneConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		mine, yours := s.ready(t, client, withDocuments), s.ready(t, client, withDocuments)
		chief := s.everyone(t, mine.AccessToken)[0]
		s.fetchW4s(t, mine.AccessToken, chief)
		document := s.documents(t, mine.AccessToken, "").Documents[0]

		s.get(t, yours.AccessToken, "/employer/documents/"+document.ID.String()).fails(t, 400, perch.NameBadRequest, "w4_sync_required")
		s.post(t, yours.AccessToken, "/jobs/automated", w4(chief)).fails(t, 404, perch.NameNotFound, "individual_not_found")
		s.fetchW4s(t, yours.AccessToken, s.everyone(t, yours.AccessToken)[0])
		s.get(t, yours.AccessToken, "/employer/documents/"+document.ID.String()).fails(t, 404, perch.NameNotFound, "item_not_found")
		if got := s.documents(t, yours.AccessToken, "?individual_ids="+chief); got.Paging.Count != 0 {
			t.Errorf("another connection's individual has %d documents", got.Paging.Count)
		}

		// Another process sees the document, and its end.
		other := start(t, config)
		if got := other.documents(t, mine.AccessToken, ""); len(got.Documents) != 1 || got.Documents[0].ID != document.ID || got.Documents[0].URL != other.url+"/employer/documents/"+document.ID.String() {
			t.Errorf("the other process lists %+v", got)
		}
		s.post(t, mine.AccessToken, "/disconnect", nil).into(t, &struct{}{})
		for _, one := range []*server{s, other} {
			one.get(t, mine.AccessToken, "/employer/documents").fails(t, 401, perch.NameInvalidToken, "")
		}
		eventually(t, "the sealed documents are deleted", func() bool {
			left, err := s.Store.BlockNumbers(t.Context(), mine.EntityID, "documents", 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			return len(left) == 0
		})
	})
}

func TestDocumentsAreReadWhereThereAreSome(t *testing.T) {
	t.Parallel()
	s := start(t, app.Config{Data: t.TempDir(), NoRateLimits: true})
	client := s.application(t, perch.ClientSandbox)
	without := s.ready(t, client, `{"provider_id":"gusto","products":["directory","documents"],"employee_size":3}`)
	s.get(t, without.AccessToken, "/employer/documents").fails(t, 501, perch.NameNotImplemented, "")
	s.get(t, without.AccessToken, "/employer/documents/"+nobody).fails(t, 501, perch.NameNotImplemented, "")

	unscoped := s.ready(t, client, `{"provider_id":"adp_run","products":["directory"],"employee_size":3}`)
	s.get(t, unscoped.AccessToken, "/employer/documents").fails(t, 403, perch.NameInsufficientScope, "")
	s.post(t, unscoped.AccessToken, "/jobs/automated", w4(s.everyone(t, unscoped.AccessToken)[0])).fails(t, 403, perch.NameInsufficientScope, "")
	s.post(t, without.AccessToken, "/jobs/automated", w4(s.everyone(t, without.AccessToken)[0])).fails(t, 501, perch.NameNotImplemented, "")
}

// A 202 would say that there is a job.
func TestNoFormIsFetchedBeforeItIsKnownWhoThereIs(t *testing.T) {
	t.Parallel()
	s := start(t, app.Config{Data: t.TempDir(), NoRateLimits: true})
	made := s.ready(t, s.application(t, perch.ClientSandbox), withDocuments)
	somebody := s.everyone(t, made.AccessToken)[0]
	for _, status := range []perch.ConnectionStatus{perch.StatusProcessing, perch.StatusPending} {
		s.request(t, http.MethodPut, "/sandbox/connections/accounts", map[string]any{"connection_status": status}, bearer(made.AccessToken)).into(t, &struct{}{})
		if got := s.post(t, made.AccessToken, "/jobs/automated", w4(somebody)); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), `"message":"cannot create automated job before`) {
			t.Errorf("%s: %d %s", status, got.status, got.body)
		}
		if jobs := s.jobs(t, made.AccessToken).Data; len(jobs) != 1 {
			t.Errorf("%s: %d jobs", status, len(jobs))
		}
	}
}

func TestThePublishedClientReadsDocuments(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		answers := start(t, config).script(t, "documents.mjs")
		faithful(t, answers, "list-documents", "get-document", "get-jobs-job_id")
	})
}
