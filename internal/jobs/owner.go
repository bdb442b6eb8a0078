package jobs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Owner names this process in leases: host, process id.
func Owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s/%d", strings.ReplaceAll(host, "/", "-"), os.Getpid())
}

// ownerDied reports whether a lease belongs to a process of this host that no longer exists. When in
// doubt it lives: its lease runs out by itself.
func ownerDied(owner string) bool {
	parts := strings.Split(owner, "/")
	if len(parts) < 2 || !strings.HasPrefix(Owner(), parts[0]+"/") {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 1 {
		return false
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
