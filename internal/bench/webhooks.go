package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/webhook"
)

const (
	// hookEvents are sent to one endpoint, hookBacklog wait for one that does not answer.
	hookEvents  = 10_000
	hookBacklog = 100_000
	// hookSenders is the concurrency of the yardstick, which is that of one endpoint.
	hookSenders = 16
	hookRounds  = 40
	hookBatches = 3
	// jobPoll is how often Perch's own queue looks for jobs.
	jobPoll = 100 * time.Millisecond
)

// webhooks measures deliveries beside a job of the same queue and beside a bare client, on SQLite and,
// where PERCH_BENCH_POSTGRES names a database that may be written to, on PostgreSQL.
func (b bench) webhooks(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "perch-bench-webhooks-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := webhooksOn(ctx, "SQLite", app.Config{Data: folder}); err != nil {
		return err
	}
	server := os.Getenv("PERCH_BENCH_POSTGRES")
	if server == "" {
		fmt.Println("\nWebhooks on PostgreSQL: not measured; PERCH_BENCH_POSTGRES names no database")
		return nil
	}
	schema := fmt.Sprintf("perch_bench_%d", os.Getpid())
	drop, err := benchSchema(ctx, server, schema)
	if err != nil {
		return err
	}
	separator := map[bool]string{true: "&", false: "?"}[strings.Contains(server, "?")]
	err = webhooksOn(ctx, "PostgreSQL", app.Config{Data: filepath.Join(folder, "postgres"), DatabaseURL: server + separator + "search_path=" + schema})
	return errors.Join(err, drop())
}

// benchSchema makes a schema of its own and returns how to remove it.
func benchSchema(ctx context.Context, server, schema string) (drop func() error, err error) {
	database, err := db.Open(ctx, server)
	if err != nil {
		return nil, err
	}
	if _, err := database.Write.ExecContext(ctx, `CREATE SCHEMA `+schema); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	return func() error {
		_, err := database.Write.ExecContext(context.WithoutCancel(ctx), `DROP SCHEMA IF EXISTS `+schema+`, `+schema+`_keys CASCADE`)
		return errors.Join(err, database.Close())
	}, nil
}

// hookBench is an app that sends to a receiver of this process.
type hookBench struct {
	app      *app.App
	origin   event.Origin
	receiver *httptest.Server
	// first carries when each message of the latency measurement came.
	first chan time.Time
	count atomic.Int64
	// hold, while open, keeps the receiver from answering.
	hold atomic.Pointer[chan struct{}]
}

func webhooksOn(ctx context.Context, engine string, config app.Config) (err error) {
	config.WebhookLoopback = true
	a, err := app.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	h := &hookBench{app: a, first: make(chan time.Time, 1)}
	h.receiver = httptest.NewServer(http.HandlerFunc(h.receive))
	defer h.receiver.Close()
	client, _, err := a.Access.CreateApplication(ctx, "bench", perch.ClientSandbox)
	if err != nil {
		return err
	}
	made, err := a.Connections.Create(ctx, connection.Request{Application: client, ProviderID: "gusto", Type: perch.ConnectionProvider,
		Authentication: perch.AuthOAuth, Status: perch.StatusConnected, Products: everything, Connector: "sandbox", Settings: []byte("{}"),
	}, func(*sql.Tx, connection.Created) error { return nil })
	if err != nil {
		return err
	}
	h.origin = event.Origin{ApplicationID: client.ID, ConnectionID: made.Connection.ID, CompanyID: made.Connection.CompanyID, EntityID: made.EntityID}
	if _, err := a.Webhooks.Create(ctx, client.ID, webhook.New{URL: h.receiver.URL}); err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("\nWebhooks, %s\n", engine)
	if err := h.latency(ctx, config); err != nil {
		return err
	}
	if err := h.throughput(ctx); err != nil {
		return err
	}
	return h.backlog(ctx)
}

func (h *hookBench) receive(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case h.first <- at:
	default:
	}
	if hold := h.hold.Load(); hold != nil {
		<-*hold
	}
	h.count.Add(1)
	w.WriteHeader(http.StatusOK)
}

// publish commits one batch.
func (h *hookBench) publish(ctx context.Context, n int) error {
	list := make([]event.Event, n)
	for i := range list {
		list[i] = event.Person(perch.EventIndividualUpdated, perch.NewID())
	}
	return h.app.Store.Tx(ctx, func(tx *sql.Tx) error { return h.app.Events.Record(ctx, tx, h.origin, list...) })
}

// emptyArgs is a job that does nothing.
type emptyArgs struct{}

// Kind implements river.JobArgs.
func (emptyArgs) Kind() string { return "bench_empty" }

type emptyWorker struct {
	river.WorkerDefaults[emptyArgs]
	began chan time.Time
}

// Work implements river.Worker.
func (w *emptyWorker) Work(context.Context, *river.Job[emptyArgs]) error {
	w.began <- time.Now()
	return nil
}

// latency compares, in turn, how long after a commit a message arrives with how long after a commit an
// empty job begins, on the same database with the settings of Perch's queue.
func (h *hookBench) latency(ctx context.Context, config app.Config) error {
	target := config.DatabaseURL
	if target == "" {
		target = filepath.Join(config.Data, "perch.db")
	}
	database, err := db.Open(ctx, target)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	worker := &emptyWorker{began: make(chan time.Time, 1)}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, worker); err != nil {
		return err
	}
	client, err := river.NewClient(database.QueueDriver(), &river.Config{Queues: map[string]river.QueueConfig{"bench": {MaxWorkers: 4}},
		Workers: workers, FetchPollInterval: jobPoll, FetchCooldown: jobPoll, PollOnly: true})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	defer func() { _ = client.StopAndCancel(context.WithoutCancel(ctx)) }()
	var messages, jobs []time.Duration
	for range hookRounds {
		if err := database.Tx(ctx, func(tx *sql.Tx) error {
			_, err := client.InsertTx(ctx, tx, emptyArgs{}, &river.InsertOpts{Queue: "bench"})
			return err
		}); err != nil {
			return err
		}
		committed := time.Now()
		jobs = append(jobs, (<-worker.began).Sub(committed))
		select {
		case <-h.first:
		default:
		}
		if err := h.publish(ctx, 1); err != nil {
			return err
		}
		committed = time.Now()
		messages = append(messages, (<-h.first).Sub(committed))
	}
	message, job := median(messages), median(jobs)
	slowest := slices.Max(messages)
	fmt.Printf("commit to first byte %6.1f ms at the median, %.1f ms at most; an empty job begins after %.1f ms\n",
		millis(message), millis(slowest), millis(job))
	line("commit to first byte / start of an empty job", float64(message)/float64(job), "<= 2.00")
	line("commit to first byte (ms)", millis(message), "< 150")
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// throughput sends batches, each from its commit on, and in turn the same bytes with a bare client.
func (h *hookBench) throughput(ctx context.Context) error {
	var ours, bares, commits []time.Duration
	for range hookBatches {
		h.count.Store(0)
		started := time.Now()
		if err := h.publish(ctx, hookEvents); err != nil {
			return err
		}
		commits = append(commits, time.Since(started))
		started = time.Now()
		if err := h.await(ctx, hookEvents); err != nil {
			return err
		}
		ours = append(ours, time.Since(started))
		bare, err := h.bare(ctx)
		if err != nil {
			return err
		}
		bares = append(bares, bare)
	}
	rate, bareRate := hookEvents/median(ours).Seconds(), hookEvents/median(bares).Seconds()
	fmt.Printf("%d events %8.0f/s from their commit on, which took %.2f s; a bare client posts %.0f/s (medians of %d)\n",
		hookEvents, rate, median(commits).Seconds(), bareRate, hookBatches)
	line("deliveries / bare posts, rate", rate/bareRate, ">= 0.30")
	return nil
}

// await waits until the receiver has had so many messages.
func (h *hookBench) await(ctx context.Context, n int64) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for h.count.Load() < n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// bare posts bodies and headers of the same size in a loop.
func (h *hookBench) bare(ctx context.Context) (time.Duration, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: hookSenders}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	id := perch.NewID()
	body, err := sampleBody(h.origin)
	if err != nil {
		return 0, err
	}
	header := webhook.Headers(id.String(), time.Now(), body, make([]byte, 32))
	var left atomic.Int64
	left.Store(hookEvents)
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	started := time.Now()
	for range hookSenders {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := post(ctx, client, h.receiver.URL, header, body); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return time.Since(started), nil
}

func sampleBody(o event.Origin) ([]byte, error) {
	return []byte(fmt.Sprintf(`{"connection_id":%q,"company_id":%q,"account_id":%q,"entity_id":%q,"event_type":"individual.updated","data":{"individual_id":%q}}`,
		o.ConnectionID, o.CompanyID, o.EntityID, o.EntityID, perch.NewID())), nil
}

func post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

// backlog lets a hundred thousand events wait for a receiver that does not answer, and measures memory.
func (h *hookBench) backlog(ctx context.Context) error {
	hold := make(chan struct{})
	h.hold.Store(&hold)
	defer close(hold)
	before := heap()
	for range hookBacklog / hookEvents {
		if err := h.publish(ctx, hookEvents); err != nil {
			return err
		}
	}
	// Long enough for several seconds of requests that hang.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second):
	}
	after := heap()
	line(fmt.Sprintf("heap with %d deliveries waiting (MiB more)", hookBacklog), float64(after-before)/(1<<20), "flat: < 16")
	return nil
}

// heap is what is in use after a collection, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
