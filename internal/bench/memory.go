package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
)

// Linux hands the peak of a process that getrusage tells on to the programs that it starts, so peaks are
// read from /proc, which begins anew with each program.

// forgetPeak makes peakMemory begin anew.
func forgetPeak() error {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
		return fmt.Errorf("forgetting the peak of memory: %w", err)
	}
	return nil
}

// peakMemory returns, in MiB, how much memory this process has held at the most.
func peakMemory() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("reading the peak of memory: %w", err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0, fmt.Errorf("this system does not tell the peak of memory")
	}
	kibibytes, err := strconv.Atoi(string(fields[0]))
	return float64(kibibytes) / 1024, err
}
