package testneed

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a test may need.
const (
	// Node is Node.js with npm.
	Node = "node"
	// PostgresServer is a server whose database "test" may be written.
	PostgresServer = "postgres"
	// RedisServer is a server on 127.0.0.1:6379 or at PERCH_TEST_REDIS.
	RedisServer = "redis"
	// Chromium is a browser; ChromiumPath returns it.
	Chromium = "chromium"
	// SharedFiles are the reference files beside the repository; Shared returns their folder.
	SharedFiles = "shared"
)

// require lists the needs that must be met here, separated by commas.
const require = "PERCH_TEST_REQUIRE"

// dialTimeout bounds the question whether a server is there.
const dialTimeout = 3 * time.Second

// Need skips the test when the machine lacks what it needs, or fails it when that was asked for.
func Need(t testing.TB, needs ...string) {
	t.Helper()
	for _, need := range needs {
		if err := available(need); err != nil {
			missing(t, need, err)
		}
	}
}

func missing(t testing.TB, need string, err error) {
	t.Helper()
	if Required(need) {
		t.Fatalf("this test needs %s, which %s asks for: %v", need, asker(need), err)
	}
	t.Skipf("this test needs %s: %v", need, err)
}

// Required reports whether a test may not be skipped for lack of the need.
func Required(need string) bool { return asker(need) != "" }

// asker names the variable that asks for the need, or returns nothing.
func asker(need string) string {
	asked := strings.FieldsFunc(os.Getenv(require), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(asked, need) {
		return require
	}
	if need == SharedFiles && os.Getenv("CI") == "true" {
		return "CI=true"
	}
	return ""
}

func available(need string) error {
	switch need {
	case Node:
		return errors.Join(inPath("node"), inPath("npm"))
	case PostgresServer:
		_, err := postgresServer()
		return err
	case RedisServer:
		return answers(RedisAddress())
	case Chromium:
		_, err := browser()
		return err
	case SharedFiles:
		_, err := sharedFolder()
		return err
	}
	return fmt.Errorf("%q is not a need that this package knows", need)
}

func inPath(program string) error {
	_, err := exec.LookPath(program)
	return err
}

// RedisAddress returns the host and port of the Redis server for tests.
func RedisAddress() string {
	given := os.Getenv("PERCH_TEST_REDIS")
	if u, err := url.Parse(given); err == nil && u.Host != "" {
		return u.Host
	}
	if given != "" {
		return given
	}
	return "127.0.0.1:6379"
}

func answers(address string) error {
	connection, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return fmt.Errorf("nothing answers at %s", address)
	}
	return connection.Close()
}

// ChromiumPath needs Chromium and returns its path.
func ChromiumPath(t testing.TB) string {
	t.Helper()
	path, err := browser()
	if err != nil {
		missing(t, Chromium, err)
	}
	return path
}

func browser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no chromium, chromium-browser or google-chrome in the path")
}

// Shared needs the reference files and returns their folder, which lies beside the repository.
func Shared(t testing.TB) string {
	t.Helper()
	folder, err := sharedFolder()
	if err != nil {
		missing(t, SharedFiles, err)
	}
	return folder
}

var sharedFolder = sync.OnceValues(func() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(filepath.Dir(root), "shared")
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", errors.New("there is no folder ../shared beside the repository")
	}
	return folder, nil
})

// Root returns the root of the repository: the first folder upwards with a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("the test does not run inside the repository")
		}
		folder = parent
	}
}
