package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/testneed"
)

// script runs a script of the folder sdk against a server with a sandbox application, and returns the
// answers that the published client library received. environment is given to it as well.
func (s *server) script(t *testing.T, name string, environment ...string) []recorded {
	t.Helper()
	testneed.Need(t, testneed.Node)
	installSDK(t)
	record := filepath.Join(t.TempDir(), "answers.jsonl")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", name)
	node.Dir = "sdk"
	c := s.application(t, perch.ClientSandbox)
	node.Env = append(os.Environ(), "PERCH_URL="+s.url, "PERCH_RECORD="+record, "PERCH_CLIENT_ID="+c.id, "PERCH_CLIENT_SECRET="+c.secret)
	node.Env = append(node.Env, environment...)
	if output, err := node.CombinedOutput(); err != nil {
		t.Fatalf("%s failed: %v\n%s", name, err, output)
	}
	return readAnswers(t, record)
}

// faithful holds answers against the contract and wants each of the operations to have succeeded.
func faithful(t *testing.T, answers []recorded, operations ...string) {
	t.Helper()
	faithfulIn(t, "", answers, operations...)
}

// faithfulIn is faithful for a walk with departures of its own, all of which have to be needed.
func faithfulIn(t *testing.T, walk string, answers []recorded, operations ...string) {
	t.Helper()
	var lists judgements
	lists.load(t, walk)
	checkHeaders(t, answers)
	c := openContract(t) // skips where the reference files are absent
	for _, one := range answers {
		c.check(t, one, &lists)
	}
	for _, operation := range operations {
		if !c.succeeded[operation] {
			t.Errorf("no call of %s succeeded", operation)
		}
	}
	if walk != "" {
		lists.unused(t)
	}
}
