package browser

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/testneed"
)

// patience bounds one program of the driver. It is generous: the machine may be busy.
const patience = 8 * time.Minute

// drive runs a program of driver/ and shows what it says.
func drive(t *testing.T, program string, environment ...string) {
	t.Helper()
	testneed.Need(t, testneed.Node)
	chromium := testneed.ChromiumPath(t)
	install(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", program)
	node.Dir = "driver"
	node.Env = append(os.Environ(), "PERCH_CHROMIUM="+chromium, "PERCH_PICTURES="+pictures(t))
	node.Env = append(node.Env, environment...)
	output, err := node.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
}

// pictures is the folder that screenshots go to.
func pictures(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PERCH_PICTURES")
	if folder == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// installed says once per run of the tests whether the driver's packages are there.
var installed = sync.OnceValues(func() ([]byte, error) {
	if _, err := os.Stat(filepath.FromSlash("driver/node_modules/@tryfinch/react-connect/package.json")); err == nil {
		return nil, nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = "driver"
	return npm.CombinedOutput()
})

func install(t *testing.T) {
	t.Helper()
	if output, err := installed(); err != nil {
		t.Fatalf("installing the driver: %v\n%s", err, output)
	}
}

// hostPage serves an application that embeds Connect, on the name localhost: another site than
// 127.0.0.1, where Connect is.
func hostPage(t *testing.T, pages http.Handler) (origin string) {
	t.Helper()
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + port
}
