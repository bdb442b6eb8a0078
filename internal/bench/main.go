// Command bench measures Perch against the bare machine in one run and prints the ratios.
//
// Reads are compared with a net/http handler that answers the same bytes (for batches: after it has
// decoded the same request body with encoding/json), over 16 keep-alive connections. The first sync is
// compared with a plain prepared insert of the same rows into the same table. Steps of Connect are
// measured by themselves. Nothing here fails on a
// number: machines are noisy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"time"
)

func main() {
	people := flag.Int("people", 100_000, "people of the simulated employer")
	seconds := flag.Duration("for", 3*time.Second, "how long each read is measured")
	child := flag.String("sync", "", "internal: sync into this folder and report")
	files := flag.String("files", "", "internal: read the files of this folder and report")
	only := flag.String("only", "", "run only: sync, reads, connect, changes, rules, files, deductions, layout or webhooks")
	cpu := flag.String("cpuprofile", "", "write a CPU profile; with -sync, of the syncs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := bench{people: *people, window: *seconds}
	err := profiled(*cpu, func() error {
		if *child != "" {
			return b.childSync(ctx, *child)
		}
		if *files != "" {
			return b.childFiles(*files)
		}
		return b.run(ctx, *only)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	people int
	window time.Duration
}

// profiled writes a CPU profile of fn where one is asked for.
func profiled(path string, fn func() error) error {
	if path == "" {
		return fn()
	}
	profile, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = profile.Close() }()
	if err := pprof.StartCPUProfile(profile); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return fn()
}

func (b bench) run(ctx context.Context, only string) error {
	switch only {
	case "layout":
		return b.layouts(ctx)
	case "changes":
		return b.changes(ctx)
	case "webhooks":
		return b.webhooks(ctx)
	case "files":
		return b.files(ctx)
	case "deductions":
		return b.deductions(ctx)
	}
	folder, err := os.MkdirTemp("", "perch-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if only == "connect" {
		return b.connects(ctx, folder)
	}
	fmt.Printf("Perch bench: %d people, SQLite, sealed records, %d connections\n", b.people, connections)
	if err := b.syncs(ctx, folder, only != "reads" && only != "rules"); err != nil {
		return err
	}
	if only == "sync" {
		return nil
	}
	if only == "rules" {
		return b.rules(ctx, folder)
	}
	if err := b.reads(ctx, folder); err != nil || only != "" {
		return err
	}
	if err := b.rules(ctx, folder); err != nil {
		return err
	}
	if err := b.changes(ctx); err != nil {
		return err
	}
	if err := b.webhooks(ctx); err != nil {
		return err
	}
	if err := b.files(ctx); err != nil {
		return err
	}
	if err := b.deductions(ctx); err != nil {
		return err
	}
	return b.connects(ctx, folder)
}
