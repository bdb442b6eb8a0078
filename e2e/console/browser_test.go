package console

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
)

// patience bounds the program that moves the browser. It is generous: the machine may be busy.
const patience = 10 * time.Minute

// A person works in the console in Chromium, and every page on the way is held against the accessibility
// rules, in light and dark, narrow and wide.
func TestAPersonServesAnEmployerInTheBrowser(t *testing.T) {
	t.Parallel()
	testneed.Need(t, testneed.Node)
	chromium := testneed.ChromiumPath(t)
	shared := filepath.FromSlash("../browser/driver")
	if _, err := os.Stat(filepath.Join(shared, "node_modules", "axe-core", "package.json")); err != nil {
		npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		npm.Dir = shared
		if output, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("installing the driver: %v\n%s", err, output)
		}
	}
	w := setup(t, app.Config{Data: t.TempDir(), DropFolder: t.TempDir()})
	e := w.connect(t, "netchex", "Blue Bakery")
	long := w.connect(t, "alphastaff", strings.Repeat("Verylongnamewithoutablank", 6))
	for i := range 3 {
		w.connect(t, "gusto", "Corner Cafe "+string(rune('A'+i)))
	}
	paths, err := json.Marshal(map[string]string{"connection": w.path(e), "long": w.path(long)})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "driver/console.mjs")
	node.Env = append(os.Environ(), "PERCH_CHROMIUM="+chromium, "PERCH_PICTURES="+pictures(t), "PERCH_URL="+w.server.URL, "PERCH_EMAIL="+email, "PERCH_PASSWORD="+password,
		"PERCH_TOKEN="+e.token, "PERCH_VERSION="+perch.APIVersion, "PERCH_PATHS="+string(paths))
	output, err := node.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatalf("the browser: %v\n%s", err, w.log)
	}
}

// pictures is the folder that screenshots go to.
func pictures(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PERCH_PICTURES")
	if folder == "" {
		return t.TempDir()
	}
	must(t, os.MkdirAll(folder, 0o755))
	return folder
}
