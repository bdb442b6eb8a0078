package console

import (
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
)

func sqlite(t *testing.T) app.Config { return app.Config{Data: t.TempDir()} }

func sandboxRequest(providerID string) sandbox.Request {
	return sandbox.Request{ProviderID: providerID, AuthenticationType: perch.AuthAssisted, Products: everything}
}

// eventually polls until something is so, or fails the test.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatal("it did not happen in time")
		case <-tick.C:
		}
	}
}
