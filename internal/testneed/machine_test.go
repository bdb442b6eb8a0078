package testneed

import "testing"

// TestThisMachine says what is here, so that whoever reads the output of the tests knows what did
// not run. Where a need was asked for and is missing it fails, before anything else has taken time.
func TestThisMachine(t *testing.T) {
	for _, need := range []string{PostgresServer, RedisServer, Node, Chromium, SharedFiles} {
		switch err := available(need); {
		case err == nil:
			t.Logf("%-9s here", need)
		case Required(need):
			t.Errorf("%-9s missing, and %s asks for it: %v", need, asker(need), err)
		default:
			t.Logf("%-9s missing, tests that need it are skipped: %v", need, err)
		}
	}
}
