package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
)

// sandboxOperations are the operations that the walk through the sandbox has to reach.
var sandboxOperations = []string{
	"post-sandbox-connections", "post-sandbox-connections-accounts", "put-sandbox-connections-accounts", "put-sandbox-company",
	"post-sandbox-directory", "put-sandbox-individual-individual_id", "put-sandbox-employment-individual_id", "post-sandbox-payment",
	"post-sandbox-job", "get-sandbox-jobs-configuration", "put-sandbox-jobs-configuration",
}

func TestTheSandboxPageWithThePublishedSDK(t *testing.T) {
	t.Parallel()
	testneed.Need(t, testneed.Node)
	installSDK(t)
	var lists judgements
	lists.load(t, "sandbox")
	t.Run("stores", func(t *testing.T) {
		onBoth(t, func(t *testing.T, config app.Config) {
			answers := walkSandbox(t, start(t, config))
			c := openContract(t) // skips where the reference files are absent
			for _, one := range answers {
				c.check(t, one, &lists)
			}
			for _, operation := range sandboxOperations {
				if !c.succeeded[operation] {
					t.Errorf("no call of %s succeeded", operation)
				}
			}
		})
	})
	lists.unused(t)
}

func walkSandbox(t *testing.T, s *server) []recorded {
	t.Helper()
	record := filepath.Join(t.TempDir(), "answers.jsonl")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "sandbox.mjs")
	node.Dir = "sdk"
	node.Env = append(os.Environ(), "PERCH_URL="+s.url, "PERCH_RECORD="+record)
	for prefix, kind := range map[string]perch.ClientType{"PERCH": perch.ClientSandbox, "PERCH_REAL": perch.ClientDevelopment} {
		c := s.application(t, kind)
		node.Env = append(node.Env, prefix+"_CLIENT_ID="+c.id, prefix+"_CLIENT_SECRET="+c.secret)
	}
	if output, err := node.CombinedOutput(); err != nil {
		t.Fatalf("the walk failed: %v\n%s", err, output)
	}
	return readAnswers(t, record)
}
