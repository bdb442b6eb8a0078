package e2e

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// times repeats a list.
func times(n int, list ...string) (all []string) {
	for range n {
		all = append(all, list...)
	}
	return all
}

func TestBatchesOfTheLargestSize(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":1000}`).AccessToken
		everyone := s.everyone(t, token)
		if len(everyone) != 1000 {
			t.Fatalf("%d people", len(everyone))
		}
		const unknown = 5
		ids := append(times(10, everyone...)[unknown:], times(unknown, nobody)...)
		for _, path := range []string{"/employer/individual", "/employer/employment"} {
			var b batch
			s.post(t, token, path, people(ids...)).into(t, &b)
			inOrder(t, path, ids, b)
			s.post(t, token, path, people(append(ids, nobody)...)).fails(t, 422, perch.NameUnprocessableEntity, "batch_limit_exceeded")
		}
		payment := s.payments(t, token)[0].ID.String()
		var b batch
		s.post(t, token, "/employer/pay-statement", statements(times(10, payment)...)).into(t, &b)
		if len(b.Responses) != 10 || b.Responses[9].Code != http.StatusOK {
			t.Errorf("%d entries for ten payments", len(b.Responses))
		}
		s.post(t, token, "/employer/pay-statement", statements(times(11, payment)...)).fails(t, 422, perch.NameUnprocessableEntity, "batch_limit_exceeded")
	})
}

// inOrder checks that each id has its own entry at its own place.
func inOrder(t *testing.T, path string, ids []string, b batch) {
	t.Helper()
	if len(b.Responses) != len(ids) {
		t.Fatalf("%s: %d entries for %d ids", path, len(b.Responses), len(ids))
	}
	for i, one := range b.Responses {
		want := http.StatusOK
		if ids[i] == nobody {
			want = http.StatusNotFound
		}
		var body struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(one.Body, &body); err != nil {
			t.Fatal(err)
		}
		if one.IndividualID != ids[i] || one.Code != want || want == http.StatusOK && body.ID != ids[i] {
			t.Fatalf("%s: entry %d is for %s with code %d and body of %s, want %s", path, i, one.IndividualID, one.Code, body.ID, ids[i])
		}
	}
}

func TestPagesOfTheLargestSize(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		const size = 1200
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":`+strconv.Itoa(size)+`}`).AccessToken
		if got := len(s.everyone(t, token)); got != size {
			t.Errorf("a page of ten thousand has %d people", got)
		}
		s.get(t, token, "/employer/directory?limit=10001").fails(t, 422, perch.NameUnprocessableEntity, "page_size_limit_exceeded")

		payment := s.payments(t, token)[0].ID.String()
		ask := func(limit, offset int) answer {
			return s.post(t, token, "/employer/pay-statement", map[string]any{"requests": []any{
				map[string]any{"payment_id": payment, "limit": limit, "offset": offset}}})
		}
		whole := statementPage(t, ask(5000, 0))
		if len(whole.PayStatements) != whole.Paging.Count || whole.Paging.Count < 500 {
			t.Errorf("a page of five thousand has %d statements of %d", len(whole.PayStatements), whole.Paging.Count)
		}
		var paged []json.RawMessage
		for offset := 0; offset < whole.Paging.Count; offset += 300 {
			paged = append(paged, statementPage(t, ask(300, offset)).PayStatements...)
		}
		if !reflect.DeepEqual(paged, whole.PayStatements) {
			t.Errorf("%d statements in pages are not the %d in one", len(paged), len(whole.PayStatements))
		}
		ask(5001, 0).fails(t, 422, perch.NameUnprocessableEntity, "page_size_limit_exceeded")
	})
}

// pageOfStatements is the body of one entry of pay statements.
type pageOfStatements struct {
	Paging struct {
		Count int `json:"count"`
	} `json:"paging"`
	PayStatements []json.RawMessage `json:"pay_statements"`
}

func statementPage(t *testing.T, a answer) (page pageOfStatements) {
	t.Helper()
	var b batch
	a.into(t, &b)
	if err := json.Unmarshal(b.Responses[0].Body, &page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestDefaultPageHasAHundred(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		token := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":230}`).AccessToken
		var first, last directory
		s.get(t, token, "/employer/directory").into(t, &first)
		s.get(t, token, "/employer/directory?offset=200").into(t, &last)
		if len(first.Individuals) != 100 || first.Paging.Count != 230 || len(last.Individuals) != 30 {
			t.Errorf("pages of %d and %d people out of %d", len(first.Individuals), len(last.Individuals), first.Paging.Count)
		}
		payment := s.payments(t, token)[0].ID.String()
		var b batch
		s.post(t, token, "/employer/pay-statement", statements(payment)).into(t, &b)
		if got := strings.Count(string(b.Responses[0].Body), `"individual_id"`); got != 100 {
			t.Errorf("the page of statements has %d", got)
		}
	})
}
