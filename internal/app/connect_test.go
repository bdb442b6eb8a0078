package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connect"
)

// wire is an API over HTTP with a sandbox application.
type wire struct {
	t          *testing.T
	app        *app.App
	id, secret string
	url        string
}

func newWire(t *testing.T, config app.Config) *wire {
	t.Helper()
	a, err := app.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	made, secret, err := a.Access.CreateApplication(t.Context(), "Acme", perch.ClientSandbox)
	must(t, err)
	server := httptest.NewServer(a.API.Handler())
	t.Cleanup(server.Close)
	return &wire{t: t, app: a, id: made.ID.String(), secret: secret, url: server.URL}
}

// post sends JSON with Basic credentials, or with a bearer token if there is one.
func (w *wire) post(path, body, token string) (int, map[string]any) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Finch-API-Version", perch.APIVersion)
	} else if path != "/auth/token" {
		r.SetBasicAuth(w.id, w.secret)
	}
	answer, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	must(w.t, err)
	var decoded map[string]any
	must(w.t, json.Unmarshal(text, &decoded))
	return answer.StatusCode, decoded
}

// company reads the company of an entity, or of the default one, and returns the status.
func (w *wire) company(token, entity string) int {
	w.t.Helper()
	query := ""
	if entity != "" {
		query = "?entity_ids=" + entity
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/employer/company"+query, nil)
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Finch-API-Version", perch.APIVersion)
	answer, err := http.DefaultClient.Do(r)
	must(w.t, err)
	must(w.t, answer.Body.Close())
	return answer.StatusCode
}

// visit walks a session to its code.
func (w *wire) visit(session, password string, accounts ...string) string {
	w.t.Helper()
	view, err := w.app.Connect.Open(w.t.Context(), connect.OpenRequest{SessionID: session, Embedded: true, HostURL: "http://localhost:3000"})
	must(w.t, err)
	for _, step := range []struct {
		verb   connect.Verb
		values map[string][]string
	}{
		{connect.VerbAgree, nil}, {connect.VerbChoose, map[string][]string{"provider": {"alcott_hr"}}},
		{connect.VerbSubmit, map[string][]string{"username": {"good_user"}, "password": {password}}},
		{connect.VerbChoose, map[string][]string{"account": accounts}}, {connect.VerbFinish, nil},
	} {
		if step.verb == connect.VerbChoose && step.values["provider"] == nil && len(accounts) == 0 {
			continue
		}
		view, err = w.app.Connect.Do(w.t.Context(), connect.Action{SessionID: session, Nonce: view.Nonce, Verb: step.verb, Values: step.values})
		must(w.t, err)
	}
	if view.Outcome == nil {
		w.t.Fatalf("no outcome: %+v", view)
	}
	return view.Outcome.Code
}

func TestConnectOverTheWireAsTheContractHasIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := newWire(t, config)
		const ask = `{"customer_id":"c1","customer_name":"Blue","customer_email":null,"products":["company","deduction"],"redirect_uri":null,"sandbox":"finch","manual":null,"integration":null}`
		status, made := w.post("/connect/sessions", ask, "")
		session, _ := made["session_id"].(string)
		if status != http.StatusCreated || made["connect_url"] != w.url+"/authorize?session="+session {
			t.Fatalf("%d %v", status, made)
		}
		code := w.visit(session, "account_selection", "0", "1")
		status, token := w.post("/auth/token", `{"client_id":"`+w.id+`","client_secret":"`+w.secret+`","code":"`+code+`"}`, "")
		if status != 200 || token["token_type"] != "bearer" || token["customer_id"] != "c1" || len(token["entity_ids"].([]any)) != 2 ||
			token["products"].([]any)[1] != "benefits" || token["client_type"] != "sandbox" || token["connection_type"] != "finch" || token["provider_id"] != "alcott_hr" {
			t.Errorf("%d %v", status, token)
		}
		status, again := w.post("/auth/token", `{"client_id":"`+w.id+`","client_secret":"`+w.secret+`","code":"`+code+`"}`, "")
		if status != 400 || again["name"] != "invalid_grant_error" {
			t.Errorf("the second time: %d %v", status, again)
		}
		if status, wrong := w.post("/auth/token", `{"client_id":"`+w.id+`","client_secret":"x","code":"`+code+`"}`, ""); status != 401 || wrong["name"] != "invalid_client_error" {
			t.Errorf("a wrong secret: %d %v", status, wrong)
		}
		connection, _ := token["connection_id"].(string)
		status, exists := w.post("/connect/sessions", ask, "")
		context, _ := exists["context"].(map[string]any)
		if status != 400 || exists["finch_code"] != "connection_already_exists" || exists["name"] != "bad_request" || context["connection_id"] != connection || context["customer_id"] != "c1" {
			t.Errorf("%d %v", status, exists)
		}
		if status, reauth := w.post("/connect/sessions/reauthenticate", `{"connection_id":"`+connection+`"}`, ""); status != http.StatusCreated || reauth["session_id"] == "" {
			t.Errorf("%d %v", status, reauth)
		}
		for _, id := range []string{perch.NewID().String(), "x"} {
			if status, none := w.post("/connect/sessions/reauthenticate", `{"connection_id":"`+id+`"}`, ""); status != 400 || none["finch_code"] != "invalid_request" || none["message"] != "Connection not found" {
				t.Errorf("%d %v", status, none)
			}
		}
		w.disconnectEntities(token)
	})
}

func (w *wire) disconnectEntities(token map[string]any) {
	w.t.Helper()
	text, _ := token["access_token"].(string)
	entities, _ := token["entity_ids"].([]any)
	first, _ := entities[0].(string)
	for _, bad := range []string{`{"entity_ids":[]}`, `{"entity_ids":["x"]}`, `{"entity_ids":[""]}`} {
		if status, refused := w.post("/disconnect-entity", bad, text); status != 400 || refused["message"] != "entity_ids must be a non-empty array of UUIDs." || refused["statusCode"] != 400.0 {
			w.t.Errorf("%s: %d %v", bad, status, refused)
		}
	}
	stranger := perch.NewID().String()
	status, unknown := w.post("/disconnect-entity", `{"entity_ids":["`+first+`","`+stranger+`"]}`, text)
	list, _ := unknown["errors"].([]any)
	if status != 400 || len(list) != 1 || list[0].(map[string]any)["entityId"] != stranger || list[0].(map[string]any)["error"] != "NOT_FOUND" {
		w.t.Errorf("%d %v", status, unknown)
	}
	if status, ended := w.post("/disconnect-entity", `{"entity_ids":["`+first+`"]}`, text); status != 200 || ended["status"] != "success" {
		w.t.Errorf("%d %v", status, ended)
	}
	if status, _ := w.post("/disconnect-entity", `{"entity_ids":["`+first+`"]}`, text); status != 400 {
		w.t.Errorf("an entity was disconnected twice: %d", status)
	}
	second, _ := entities[1].(string)
	for entity, want := range map[string]int{first: http.StatusUnauthorized, second: http.StatusAccepted, "": http.StatusAccepted} {
		if got := w.company(text, entity); got != want {
			w.t.Errorf("the company of entity %q answers %d, want %d", entity, got, want)
		}
	}
}

func TestConnectSessionsRefuseWithTheContractsBodies(t *testing.T) {
	t.Parallel()
	w := newWire(t, app.Config{Data: t.TempDir()})
	for name, body := range map[string]string{
		"products": `{"customer_id":"c","customer_name":"n"}`, "customer_id": `{"customer_name":"n","products":["company"]}`,
		"products[0]":          `{"customer_id":"c","customer_name":"n","products":["nonsense"]}`,
		"integration.provider": `{"customer_id":"c","customer_name":"n","products":["company"],"integration":{}}`,
		"minutes_to_expire":    `{"customer_id":"c","customer_name":"n","products":["company"],"minutes_to_expire":129601}`,
		"manual":               `{"customer_id":"c","customer_name":"n","products":["company"],"manual":"yes"}`,
		"redirect_uri":         `{"customer_id":"c","customer_name":"n","products":["company"],"redirect_uri":"https://evil.example"}`,
		"products: must name at least one product. Products are benefits, company": `{"customer_id":"c","customer_name":"n","products":[]}`,
		"sandbox": `{"customer_id":"c","customer_name":"n","products":["company"],"sandbox":true}`,
		"body":    `[`,
	} {
		status, refused := w.post("/connect/sessions", body, "")
		message, _ := refused["message"].(string)
		if _, has := refused["context"].(map[string]any); status != 400 || refused["finch_code"] != "invalid_request" || refused["name"] != "bad_request" || !has || !strings.HasPrefix(message, name) {
			t.Errorf("%s: %d %v", name, status, refused)
		}
	}
	if status, made := w.post("/connect/sessions", `{"customer_id":"c","customer_name":"n","products":["company"],"sandbox":false,"redirect_uri":""}`, ""); status != http.StatusCreated {
		t.Errorf("as the documentation's example has it: %d %v", status, made)
	}
	w.secret = "wrong"
	status, refused := w.post("/connect/sessions", `{}`, "")
	if status != 401 || refused["finch_code"] != "invalid_client" || refused["message"] != "Invalid client: Unable to validate credentials" || len(refused) != 3 {
		t.Errorf("%d %v", status, refused)
	}
}
