package assist

import (
	"runtime/debug"
	"sync"
)

// ReadingGCPercent is how much garbage may lie about while files are read, in percent of what is in use.
// Reading makes much of it beside the text of a file; with the usual 100 a large census would take half
// as much memory again, and no less time.
const ReadingGCPercent = 40

// thrift collects garbage sooner while at least one job reads files. The setting is the process's, so
// that jobs which overlap share it.
type thrift struct {
	mu    sync.Mutex
	jobs  int
	usual int
}

// begin is called when a job begins to read, and what it returns when the job has ended.
func (t *thrift) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs++; t.jobs == 1 {
		t.usual = debug.SetGCPercent(ReadingGCPercent)
		if t.usual >= 0 && t.usual < ReadingGCPercent {
			debug.SetGCPercent(t.usual) // whoever runs this wants it tighter
		}
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.jobs--; t.jobs == 0 {
			debug.SetGCPercent(t.usual)
		}
	}
}
