package e2e

import (
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// sandboxOperations are the operations that the walk through the sandbox has to reach.
var sandboxOperations = []string{
	"post-sandbox-connections", "post-sandbox-connections-accounts", "put-sandbox-connections-accounts", "put-sandbox-company",
	"post-sandbox-directory", "put-sandbox-individual-individual_id", "put-sandbox-employment-individual_id", "post-sandbox-payment",
	"post-sandbox-job", "get-sandbox-jobs-configuration", "put-sandbox-jobs-configuration",
}

func TestTheSandboxPageWithThePublishedSDK(t *testing.T) {
	t.Parallel()
	var lists judgements
	lists.load(t, "sandbox")
	t.Run("stores", func(t *testing.T) {
		onBoth(t, func(t *testing.T, config app.Config) {
			s := start(t, config)
			real := s.application(t, perch.ClientDevelopment)
			answers := s.script(t, "sandbox.mjs", "PERCH_REAL_CLIENT_ID="+real.id, "PERCH_REAL_CLIENT_SECRET="+real.secret)
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
