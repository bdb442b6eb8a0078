package apierror_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/testneed"
)

// shared returns a file of the reference material beside the repository. Without it the test is
// skipped, except in CI.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testneed.Shared(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheTableHasEveryRowOfTheDocumentation(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` +\\| (?:`([a-z_]+)`)? +\\| ([0-9]{3}) +\\|")
	found := row.FindAllSubmatch(shared(t, "reference/finch-docs.txt"), -1)
	if len(found) < 26 {
		t.Fatalf("the documentation has %d rows, want 26 at least", len(found))
	}
	for _, match := range found {
		name, code := string(match[1]), string(match[2])
		want, _ := strconv.Atoi(string(match[3]))
		if got := apierror.Status(&perch.Error{Name: name, Code: code}); got != want {
			t.Errorf("%s/%s is %d, want %d", name, code, got, want)
		}
	}
}

func TestNoRowStandsTwice(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, row := range apierror.Rows() {
		key := row.Name + "/" + row.Code
		if seen[key] {
			t.Errorf("%s stands twice", key)
		}
		seen[key] = true
		if row.Meaning == "" || row.Status < 200 || row.Status > 599 {
			t.Errorf("%s is incomplete", key)
		}
	}
}

func TestPredefinedErrorsHaveTheirStatus(t *testing.T) {
	t.Parallel()
	for want, list := range map[int][]*perch.Error{
		202: {perch.ErrSyncInProgress, perch.ErrStatementsInProgress, perch.ErrPending, perch.ErrAccountantSetup},
		400: {perch.Invalid("a", "b")},
		401: {perch.ErrInvalidToken, perch.ErrMissingToken, perch.ErrInvalidClient, perch.ErrReauthenticate, perch.ErrAccountSetup},
		403: {perch.ErrPermissions, perch.InsufficientScope(perch.ProductSSN)},
		404: {perch.NotFound("individual_not_found", "x"), perch.NotFound("rule_not_found", "x")},
		409: {{Name: perch.NameConflict}},
		500: {perch.Internal(nil), {Name: "unheard_of"}, {Name: perch.NameServer, Code: "x"}},
	} {
		for _, e := range list {
			if got := apierror.Status(e); got != want {
				t.Errorf("%v is %d, want %d", e, got, want)
			}
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	missing := perch.NotFound("individual_not_found", "No \"such\" <individual>\n\x00.")
	for name, test := range map[string]struct{ got, want string }{
		"an error": {string(apierror.Append(nil, perch.ErrInvalidToken)),
			`{"code":401,"name":"invalid_token_error","finch_code":"","message":"The access token is not valid: it is unknown, or its connection was disconnected."}`},
		"an answer that is not ready": {string(apierror.Append([]byte("x"), perch.ErrPending)),
			`x{"code":202,"name":"authorization_pending","finch_code":"pending","message":"Authorization to this company's data is pending"}`},
		"a failed entry": {string(apierror.AppendItem(nil, "payment_id", []byte(`a"b`), perch.NotFound("payment_not_found", "No."))),
			`{"payment_id":"a\"b","code":404,"body":{"code":404,"name":"not_found_error","finch_code":"payment_not_found","message":"No.","error_name":"not_found_error","error_message":"No."}}`},
		"an entry that is not ready": {string(apierror.AppendItem([]byte("x"), "payment_id", []byte("a"), perch.ErrStatementsInProgress)),
			`x{"payment_id":"a","code":202,"body":{"code":202,"name":"accepted","finch_code":"data_sync_in_progress","message":"The pay statements for this payment are being fetched. Please check back later."}}`},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s", name, test.got)
		}
	}
	var decoded struct{ Message string }
	if err := json.Unmarshal(apierror.Append(nil, missing), &decoded); err != nil || decoded.Message != missing.Message {
		t.Errorf("the message did not survive: %q, %v", decoded.Message, err)
	}
}
