package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
)

// answer is what came back over the wire.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// failure is the body of an error.
type failure struct {
	Code      int    `json:"code"`
	Name      string `json:"name"`
	FinchCode string `json:"finch_code"`
	Message   string `json:"message"`
}

// request sends one request. body is sent as it is if it is a string, and as JSON otherwise; nil
// means none. change may be nil.
func (s *server) request(t *testing.T, method, path string, body any, change func(*http.Request)) answer {
	t.Helper()
	var content io.Reader = http.NoBody
	switch body := body.(type) {
	case nil:
	case string:
		content = bytes.NewReader([]byte(body))
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Finch-API-Version", perch.APIVersion)
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return answer{response.StatusCode, response.Header, received}
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func (s *server) get(t *testing.T, token, path string) answer {
	t.Helper()
	return s.request(t, http.MethodGet, path, nil, bearer(token))
}

func (s *server) post(t *testing.T, token, path string, body any) answer {
	t.Helper()
	return s.request(t, http.MethodPost, path, body, bearer(token))
}

// into decodes an answer that has to have status 200.
func (a answer) into(t *testing.T, value any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %.300s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, value); err != nil {
		t.Fatalf("decoding %.300s: %v", a.body, err)
	}
}

// fails checks that the answer is the given error and returns its message.
func (a answer) fails(t *testing.T, status int, name, code string) string {
	t.Helper()
	var got failure
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatalf("status %d, the body is not JSON: %.300s", a.status, a.body)
	}
	if a.status != status || got.Code != status || got.Name != name || got.FinchCode != code {
		t.Errorf("status %d, error %+v; want %d %s/%s", a.status, got, status, name, code)
	}
	if a.header.Get("Finch-Request-Id") == "" {
		t.Error("the answer has no Finch-Request-Id")
	}
	return got.Message
}

// connect makes a simulated connection and returns it without waiting for its data.
func (s *server) connect(t *testing.T, client credentials, body string) sandbox.Created {
	t.Helper()
	var made sandbox.Created
	s.request(t, http.MethodPost, "/sandbox/connections", body, client.basic).into(t, &made)
	return made
}

func (c credentials) basic(r *http.Request) { r.SetBasicAuth(c.id, c.secret) }

// ready makes a simulated connection and waits until its first sync is over.
func (s *server) ready(t *testing.T, client credentials, body string) sandbox.Created {
	t.Helper()
	made := s.connect(t, client, body)
	s.connected(t, made.AccessToken)
	return made
}

func (s *server) connected(t *testing.T, token string) {
	t.Helper()
	eventually(t, "the connection is connected", func() bool {
		var in perch.Introspection
		s.get(t, token, "/introspect").into(t, &in)
		return in.ConnectionStatus.Status == perch.StatusConnected
	})
}

// allPayments asks for every payment there can be.
const allPayments = "/employer/payment?start_date=1970-01-01&end_date=2199-12-31"

// directory is the body of GET /employer/directory.
type directory struct {
	Paging struct {
		Count  int `json:"count"`
		Offset int `json:"offset"`
	} `json:"paging"`
	Individuals []perch.DirectoryEntry `json:"individuals"`
}

// batch is the body of an answer to a batch; the bodies of its entries stay as they came.
type batch struct {
	Responses []entry `json:"responses"`
}

type entry struct {
	IndividualID string          `json:"individual_id"`
	PaymentID    string          `json:"payment_id"`
	Code         int             `json:"code"`
	Body         json.RawMessage `json:"body"`
}

// people is the request for individuals or employments.
func people(ids ...string) map[string]any {
	requests := make([]map[string]string, len(ids))
	for i, id := range ids {
		requests[i] = map[string]string{"individual_id": id}
	}
	return map[string]any{"requests": requests}
}

// statements is the request for the pay statements of payments.
func statements(ids ...string) map[string]any {
	requests := make([]map[string]string, len(ids))
	for i, id := range ids {
		requests[i] = map[string]string{"payment_id": id}
	}
	return map[string]any{"requests": requests}
}

// everyone lists the ids of the directory.
func (s *server) everyone(t *testing.T, token string) []string {
	t.Helper()
	var d directory
	s.get(t, token, "/employer/directory?limit=10000").into(t, &d)
	ids := make([]string, len(d.Individuals))
	for i, person := range d.Individuals {
		ids[i] = person.ID.String()
	}
	return ids
}

// payments lists the payments of a token.
func (s *server) payments(t *testing.T, token string) []perch.Payment {
	t.Helper()
	var list []perch.Payment
	s.get(t, token, allPayments).into(t, &list)
	return list
}

// waiting sends a request that the server will not answer at once, and returns when the server has
// begun to read it.
func (s *server) waiting(t *testing.T, token string, r dataRequest) <-chan answer {
	t.Helper()
	fresh := *s // a connection of its own: one that was idle could be closed by a stop at any time
	fresh.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	before := s.reads.Load()
	got := make(chan answer, 1)
	go func() { got <- fresh.request(t, r.method, r.path, r.body, bearer(token)) }()
	eventually(t, "the request arrives", func() bool { return s.reads.Load() > before })
	return got
}
