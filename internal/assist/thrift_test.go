package assist

import (
	"runtime/debug"
	"testing"
)

// gcPercent reads the setting by setting it.
func gcPercent() int {
	now := debug.SetGCPercent(100)
	debug.SetGCPercent(now)
	return now
}

// The setting is the process's: this test does not run beside others.
func TestGarbageIsCollectedSoonerWhileFilesAreRead(t *testing.T) {
	before := gcPercent()
	defer debug.SetGCPercent(before)
	for usual, want := range map[int]int{100: ReadingGCPercent, 20: 20, -1: ReadingGCPercent} {
		debug.SetGCPercent(usual)
		var saver thrift
		first := saver.begin()
		second := saver.begin()
		first()
		if got := gcPercent(); got != want {
			t.Errorf("with %d: %d while a job reads, want %d", usual, got, want)
		}
		if second(); gcPercent() != usual {
			t.Errorf("with %d: %d afterwards", usual, gcPercent())
		}
	}
}
