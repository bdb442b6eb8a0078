package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
)

// recorded is one answer as the published client library received it.
type recorded struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   string            `json:"query"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// endpoints are the operations that the walk has to reach, by their ids in the contract.
var endpoints = []string{
	"get-company", "get-directory", "get-individual", "get-employment", "get-payment", "get-pay-statement",
	"get-all-pay-groups", "get-pay-group", "get-providers", "get-introspect", "post-disconnect", "post-sandbox-connections",
}

func TestPublishedSDK(t *testing.T) {
	t.Parallel()
	testneed.Need(t, testneed.Node)
	installSDK(t)
	var lists judgements
	lists.load(t, "")
	// The lists are judged after both stores were walked, whichever order they run in.
	t.Run("stores", func(t *testing.T) {
		onBoth(t, func(t *testing.T, config app.Config) {
			var log logBuffer
			config.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			answers := walk(t, config)
			checkHeaders(t, answers)
			checkLog(t, log.String(), answers)
			c := openContract(t) // skips where the reference files are absent
			for _, one := range answers {
				c.check(t, one, &lists)
			}
			for _, operation := range endpoints {
				if !c.succeeded[operation] {
					t.Errorf("no call of %s succeeded", operation)
				}
			}
		})
	})
	lists.unused(t)
}

// installSDK installs what the lock file says, unless it is there.
func installSDK(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("sdk", "node_modules", "@tryfinch", "finch-api", "package.json")); err == nil {
		return
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	install.Dir = "sdk"
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("installing the client library: %v\n%s", err, output)
	}
}

// walk runs sdk/walk.mjs against a Perch and returns the answers that it received.
func walk(t *testing.T, config app.Config) []recorded {
	t.Helper()
	g := newGate("paychex_flex", atCompany, atStatements)
	config.NoRateLimits = false
	config.Connectors = []provider.Connector{g}
	s := start(t, config)
	control := httptest.NewServer(g.control())
	defer control.Close()

	record := filepath.Join(t.TempDir(), "answers.jsonl")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "walk.mjs")
	node.Dir = "sdk"
	node.Env = append(os.Environ(), "PERCH_URL="+s.url, "PERCH_CONTROL="+control.URL, "PERCH_RECORD="+record)
	for prefix, kind := range map[string]perch.ClientType{
		"PERCH": perch.ClientSandbox, "PERCH_WIDE": perch.ClientSandbox, "PERCH_LIMITED": perch.ClientSandbox, "PERCH_REAL": perch.ClientDevelopment,
	} {
		c := s.application(t, kind)
		node.Env = append(node.Env, prefix+"_CLIENT_ID="+c.id, prefix+"_CLIENT_SECRET="+c.secret)
	}
	if output, err := node.CombinedOutput(); err != nil {
		t.Fatalf("the walk failed: %v\n%s", err, output)
	}
	return readAnswers(t, record)
}

func readAnswers(t *testing.T, path string) (list []recorded) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var one recorded
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

var (
	requestID  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	headerTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// checkHeaders looks at what every answer, and every answer with an employer's data, has to carry.
func checkHeaders(t *testing.T, answers []recorded) {
	t.Helper()
	seen := map[string]bool{}
	for _, one := range answers {
		id := one.Headers["finch-request-id"]
		if !requestID.MatchString(id) || seen[id] {
			t.Errorf("%s %s: Finch-Request-Id is %q, which is no new UUID", one.Method, one.Path, id)
		}
		seen[id] = true
		if one.Headers["content-type"] != "application/json" {
			t.Errorf("%s %s: content type %q", one.Method, one.Path, one.Headers["content-type"])
		}
		if strings.HasPrefix(one.Path, "/employer/") && one.Headers["cache-control"] != "no-store" && one.Status != 404 {
			t.Errorf("%s %s: an answer about an employer may be cached", one.Method, one.Path)
		}
		checkFreshness(t, one)
	}
}

// checkFreshness wants the three headers on an employer's data and nowhere else.
func checkFreshness(t *testing.T, one recorded) {
	t.Helper()
	write := strings.HasPrefix(one.Path, "/employer/pay-statement-item/rule") || // the application's own data
		strings.HasPrefix(one.Path, "/employer/benefits") && one.Method != "GET"
	data := strings.HasPrefix(one.Path, "/employer/") && (one.Status == 200 || one.Status == 207) && !write
	for _, name := range []string{"finch-data-retrieved", "finch-last-attempted-update-date"} {
		if value, ok := one.Headers[name]; ok != data || data && !headerTime.MatchString(value) {
			t.Errorf("%s %s (%d): %s is %q", one.Method, one.Path, one.Status, name, value)
		}
	}
	if value := one.Headers["finch-last-attempted-update-result"]; (value == "success") != data {
		t.Errorf("%s %s (%d): Finch-Last-Attempted-Update-Result is %q", one.Method, one.Path, one.Status, value)
	}
}

// checkLog sees to it that the log, at its most talkative, quotes no number, token or secret.
func checkLog(t *testing.T, log string, answers []recorded) {
	t.Helper()
	secret := regexp.MustCompile(`"(?:ssn|access_token|account_number)":"([^"]+)"`)
	found := 0
	for _, one := range answers {
		for _, match := range secret.FindAllStringSubmatch(one.Body, -1) {
			found++
			if strings.Contains(log, match[1]) {
				t.Errorf("the log quotes a secret of %s %s", one.Method, one.Path)
			}
		}
	}
	if found == 0 {
		t.Error("the walk saw no number and no token, so this check says nothing")
	}
}

// logBuffer collects a log from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was logged so far.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
