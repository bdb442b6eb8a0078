package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestDocumentsAreAskedForAsTheRequestSays(t *testing.T) {
	t.Parallel()
	second := secondEntity.String()
	for name, test := range map[string]struct {
		target, want string
	}{
		"all documents":           {"/employer/documents", "documents 11 http://example.com 0 [] -1 0"},
		"a page":                  {"/employer/documents?limit=5&offset=10", "documents 11 http://example.com 0 [] 5 10"},
		"an empty page":           {"/employer/documents?limit=0", "documents 11 http://example.com 0 [] 0 0"},
		"of two people":           {"/employer/documents?individual_ids=" + anID + "," + second, "documents 11 http://example.com 2 [] -1 0"},
		"of people in brackets":   {"/employer/documents?individual_ids[]=" + anID + "&individual_ids[]=" + second, "documents 11 http://example.com 2 [] -1 0"},
		"of nobody in particular": {"/employer/documents?individual_ids=", "documents 11 http://example.com 0 [] -1 0"},
		"of both types":           {"/employer/documents?types=w4_2005&types=w4_2020", "documents 11 http://example.com 0 [w4_2005, w4_2020] -1 0"},
		"of no type":              {"/employer/documents?types=", "documents 11 http://example.com 0 [] -1 0"},
		"of an entity":            {"/employer/documents?entity_ids=" + second, "documents 22 http://example.com 0 [] -1 0"},
		"a document":              {"/employer/documents/" + anID, "document 11 " + anID},
	} {
		h := setup(t)
		if w := h.do(ask{target: test.target}); w.Code != http.StatusOK || h.last() != test.want {
			t.Errorf("%s: got %d, asked %q, want %q; body %s", name, w.Code, h.last(), test.want, w.Body)
		}
	}
	h := setup(t)
	h.api.ConnectURL = "https://perch.example.org"
	if h.do(ask{target: "/employer/documents"}); !strings.Contains(h.last(), " https://perch.example.org ") {
		t.Errorf("the configured address was not used: %s", h.last())
	}
}

func TestBadRequestsForDocumentsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]struct {
		status   int
		contains string
	}{
		"/employer/documents?individual_ids=" + anID + ",x": {400, "individual_ids: must be a UUID"},
		"/employer/documents?types=w2":                      {400, "types: each value must be one of w4_2020, w4_2005"},
		"/employer/documents?limit=-1":                      {400, "limit: must not be negative"},
		"/employer/documents?offset=x":                      {400, "offset: "},
		"/employer/documents/x":                             {404, "no document"},
	} {
		h := setup(t)
		w := h.do(ask{target: target})
		if f := readFailure(t, w); w.Code != want.status || !strings.Contains(f.Message, want.contains) || len(h.asked) != 0 {
			t.Errorf("%s: got %d %+v, asked %q", target, w.Code, f, h.asked)
		}
	}
}

func TestBeforeTheFirstFormTheAnswerSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/employer/documents", "/employer/documents/" + anID} {
		h := setup(t)
		h.fail = func() error { return perch.ErrW4SyncRequired }
		w := h.do(ask{target: target})
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		context, _ := body["context"].(map[string]any)
		if w.Code != 400 || len(body) != 5 || body["name"] != "bad_request" || body["finch_code"] != "w4_sync_required" || body["code"] != 400.0 ||
			body["message"] != "W4 documents are not available. Please trigger a W4 sync job first." || context["docs_url"] != "http://example.com/docs#post-jobs-automated" {
			t.Errorf("%s: got %d %s", target, w.Code, w.Body)
		}
	}
}
