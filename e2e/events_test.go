package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/perchhq/perch/internal/app"
)

func TestEventsWithThePublishedSDK(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		answers := start(t, config).script(t, "events.mjs")
		// How the sandbox answers to edits is the matter of its own test.
		answers = slices.DeleteFunc(answers, func(one recorded) bool { return strings.HasPrefix(one.Path, "/sandbox/") })
		faithful(t, answers, "get-directory", "get-individual", "get-employment", "get-payment", "post-disconnect")
	})
}
