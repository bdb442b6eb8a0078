package testneed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// PrivatePostgres is a PostgreSQL server that a test may stop and start.
type PrivatePostgres struct {
	// URL is its database.
	URL string

	t      testing.TB
	tools  string
	data   string
	port   string
	log    *os.File
	as     *syscall.SysProcAttr
	server *exec.Cmd
}

// startTimeout bounds the wait for a private server.
const startTimeout = 60 * time.Second

// StartPrivatePostgres needs the programs of PostgreSQL and starts a server of the test's own, which
// ends with the test.
func StartPrivatePostgres(t testing.TB) *PrivatePostgres {
	t.Helper()
	tools, err := postgresTools()
	if err != nil {
		missing(t, PostgresServer, err)
	}
	p := &PrivatePostgres{t: t, tools: tools, data: filepath.Join(t.TempDir(), "postgres"), as: new(syscall.SysProcAttr)}
	must := func(doing string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
	}
	must("making the folder of the server", os.Mkdir(p.data, 0o700))
	if os.Getuid() == 0 { // the server refuses to run as root
		must("giving the folder to the server", p.become("postgres"))
	}
	p.log, err = os.Create(filepath.Join(t.TempDir(), "postgres.log"))
	must("making the log of the server", err)
	initdb := p.command("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D", p.data)
	must("making the database", initdb.Run())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must("finding a free port", err)
	_, p.port, _ = net.SplitHostPort(listener.Addr().String())
	must("finding a free port", listener.Close())
	p.URL = "postgres://postgres@127.0.0.1:" + p.port + "/postgres?sslmode=disable"
	p.Start()
	t.Cleanup(func() {
		if p.server != nil {
			p.Stop()
		}
		_ = p.log.Close()
	})
	return p
}

// postgresTools returns the folder of the newest server's programs.
func postgresTools() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
				return filepath.Dir(path), nil
			}
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("there is no initdb"), err)
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// become lets the server run as another user.
func (p *PrivatePostgres) become(name string) error {
	account, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	p.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for folder := filepath.Dir(p.data); folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			return err
		}
	}
	return os.Chown(p.data, uid, gid)
}

func (p *PrivatePostgres) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(p.tools, name), args...)
	c.Dir, c.Stdout, c.Stderr, c.SysProcAttr = p.data, p.log, p.log, p.as
	return c
}

// Start starts the server and waits until it answers.
func (p *PrivatePostgres) Start() {
	p.t.Helper()
	p.server = p.command("postgres", "-D", p.data, "-p", p.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	if err := p.server.Start(); err != nil {
		p.t.Fatalf("starting PostgreSQL: %v", err)
	}
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for execute(p.URL, "SELECT 1") != nil {
		select {
		case <-deadline.C:
			p.t.Fatalf("PostgreSQL does not answer after %v; its log is %s", startTimeout, p.log.Name())
		case <-ticker.C:
		}
	}
}

// Stop stops the server at once, in the middle of whatever it does: clients lose their connections, and
// the next start recovers what was committed.
func (p *PrivatePostgres) Stop() {
	p.t.Helper()
	if err := p.server.Process.Signal(syscall.SIGQUIT); err != nil {
		p.t.Errorf("stopping PostgreSQL: %v", err)
	}
	err := p.server.Wait()
	p.server = nil
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Errorf("stopping PostgreSQL: %v", fmt.Errorf("waiting for it: %w", err))
	}
}
