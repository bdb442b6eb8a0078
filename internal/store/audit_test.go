package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The audit log has no method that changes or removes an entry, and no statement of another does.
func TestTheAuditLogOnlyGrows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	changes := regexp.MustCompile(`(?i)(update|delete\s+from|drop\s+table|truncate)\s+audit_log`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "audit_test.go" && changes.Match(text) {
			t.Errorf("%s changes the audit log", name)
		}
	}
}
