package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/clientip"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/connectui"
	"github.com/perchhq/perch/internal/console"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/deduction"
	"github.com/perchhq/perch/internal/document"
	"github.com/perchhq/perch/internal/employment"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/httpapi"
	"github.com/perchhq/perch/internal/jobs"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/internal/operator"
	"github.com/perchhq/perch/internal/payitem"
	"github.com/perchhq/perch/internal/payroll"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/webhook"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Config says how to run. The zero value of every field but Data has a sensible meaning.
type Config struct {
	// Data is the folder of the key files and, without DatabaseURL, of the database.
	Data string
	// DatabaseURL is a postgres:// URL, or empty for a SQLite file in Data.
	DatabaseURL string
	// Seed makes simulated employers the same on every start; 0 makes each one anew.
	Seed uint64
	// NoRateLimits switches the application rate limits off.
	NoRateLimits bool
	// PublicURL is where employers and providers reach this installation, as https://perch.example.com.
	// Empty means the address that a request came to; OAuth with providers needs it set.
	PublicURL string
	// ListenURL is where this process itself is reached. It stands in for PublicURL in events, which no
	// request brings an address for.
	ListenURL string
	// TrustedProxies are the networks of proxies whose word on a client's address is taken.
	TrustedProxies clientip.Proxies
	// DropFolder is below which a folder for each connection is watched for files, and SFTPAddr where files
	// are taken in over SFTP. Empty does neither.
	DropFolder, SFTPAddr string
	// Patience is how long a read waits for a first sync.
	Patience time.Duration
	// CacheBytes bounds the memory for opened records; 0 means records.DefaultCacheBytes.
	CacheBytes int64
	// Lease is how long a sync is held without a sign of life; 0 means sync.DefaultLease.
	Lease time.Duration
	// StopPatience is how long requests and syncs under way may go on after a stop was asked for; 0
	// means 20 seconds.
	StopPatience time.Duration
	// WebhookLoopback lets sandbox applications receive webhooks on this machine.
	WebhookLoopback bool
	// WebhookAllow lists networks that webhooks may be sent to although they are not public.
	WebhookAllow []netip.Prefix
	// Connectors are used beside Perch's own.
	Connectors []provider.Connector
	Log        *slog.Logger
	Now        func() time.Time
	Version    string
}

// App is a running Perch.
type App struct {
	Access      *access.Service
	Connections *connection.Service
	Connect     *connect.Service
	Sandbox     *sandbox.Service
	Importer    *assist.Importer
	Desk        *assist.Desk
	Uploads     *assist.Uploads
	Operators   *operator.Service
	Syncs       *syncengine.Engine
	Queue       *jobs.Queue
	Deductions  *deduction.Service
	Jobs        *automated.Service
	Events      *event.Log
	Webhooks    *webhook.Service
	Courier     *webhook.Courier
	Store       *store.Store
	Keyring     *secret.Keyring
	Records     *records.Reader
	PayItems    *payitem.Service
	API         *httpapi.API

	pages   *connectui.Handler
	console *console.Handler
	// sftp is where files are taken in, and stopDrops ends that and the watching of folders.
	sftp      net.Listener
	stopDrops func()
	config    Config
	log       *slog.Logger
	database  *db.DB
	keys      *db.DB
	closing   sync.Once
	// stopWatching is set once jobs run.
	stopWatching func()
}

// Open opens the databases, migrates them and wires everything. Jobs do not run before Start.
func Open(ctx context.Context, config Config) (*App, error) {
	config = config.withDefaults()
	a := &App{config: config, log: config.Log}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = records.DefaultCacheBytes
	}
	if c.Lease == 0 {
		c.Lease = syncengine.DefaultLease
	}
	if c.StopPatience == 0 {
		c.StopPatience = defaultStopPatience
	}
	return c
}

func (a *App) open(ctx context.Context) (err error) {
	c := a.config
	if a.database, err = db.Open(ctx, c.databaseURL("perch.db")); err != nil {
		return err
	}
	if err := a.database.Migrate(ctx); err != nil {
		return err
	}
	if a.keys, err = db.OpenKeys(ctx, c.databaseURL(filepath.Join("keys", "keys.db"))); err != nil {
		return err
	}
	if err := a.keys.MigrateKeys(ctx); err != nil {
		return err
	}
	if a.Store, err = store.New(ctx, a.database); err != nil {
		return err
	}
	identity, err := a.openKeys(ctx)
	if err != nil {
		return err
	}
	return a.wire(identity)
}

func (c Config) databaseURL(name string) string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL
	}
	return filepath.Join(c.Data, name)
}

// openKeys loads the key files, which it makes at the first start only, and refuses to go on with ones
// that belong to another database.
func (a *App) openKeys(ctx context.Context) (*secret.Identity, error) {
	folder := filepath.Join(a.config.Data, "keys")
	_, err := a.Store.Installation(ctx)
	first := errors.Is(err, store.ErrNotFound)
	if err != nil && !first {
		return nil, err
	}
	masterKey, err := a.loadKey(filepath.Join(folder, "master.key"), first)
	if err != nil {
		return nil, err
	}
	idKey, err := a.loadKey(filepath.Join(folder, "id.key"), first)
	if err != nil {
		return nil, err
	}
	master, err := secret.NewLocal(masterKey)
	if err != nil {
		return nil, err
	}
	identity := secret.NewIdentity(idKey)
	mine := store.Installation{ID: perch.NewID(), IDKeyCheck: identity.Check(), MasterCheck: master.Check()}
	kept, err := a.Store.EnsureInstallation(ctx, mine, db.Micros(a.config.Now()))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(kept.IDKeyCheck, mine.IDKeyCheck) || !bytes.Equal(kept.MasterCheck, mine.MasterCheck) {
		return nil, a.wrongKeys(folder)
	}
	a.Keyring = secret.NewKeyring(master, store.NewKeys(a.keys, a.config.Now))
	return identity, nil
}

func (a *App) loadKey(path string, first bool) ([secret.KeySize]byte, error) {
	key, err := secret.LoadKeyFile(path, first)
	if !first && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w (%s is missing)", a.wrongKeys(filepath.Dir(path)), filepath.Base(path))
	}
	return key, err
}

func (a *App) wrongKeys(folder string) error {
	return fmt.Errorf("the key files in %s do not belong to the database %s: start with the folder it was made with, or restore its keys", folder, a.database.URL)
}

func (a *App) wire(identity *secret.Identity) (err error) {
	c := a.config
	a.Events = &event.Log{Store: a.Store, Now: c.Now, PublicURL: cmp.Or(c.PublicURL, c.ListenURL)}
	a.Store.StatusChanged = a.Events.StatusChanged
	a.wireWebhooks()
	connectors := map[string]provider.Connector{}
	book := &sandbox.Book{Store: a.Store, Keyring: a.Keyring}
	ledger := &sandbox.Ledger{Store: a.Store, Keyring: a.Keyring, Now: c.Now}
	for _, connector := range append([]provider.Connector{employer.Connector{Book: book, Ledger: ledger}, file.Connector{}}, c.Connectors...) {
		connectors[connector.Name()] = connector
	}
	a.Syncs = &syncengine.Engine{
		Store: a.Store, Keyring: a.Keyring, Identity: identity, Connectors: connectors,
		Events: a.Events, Log: a.log, Now: c.Now, Owner: jobs.Owner(), LeaseFor: c.Lease,
		Ending: func(ctx context.Context, connection perch.ID) (perch.JobStatus, error) {
			return a.Store.JobOutcome(ctx, connection, perch.JobDataSyncAll)
		},
	}
	if a.Queue, err = jobs.New(a.database, a.Syncs, a.Store, c.Now, a.log); err != nil {
		return err
	}
	a.Jobs = &automated.Service{Store: a.Store, Queue: a.Queue, Events: a.Events, Tasks: map[perch.JobType]automated.Task{},
		Owner: jobs.Owner(), Now: c.Now, Log: a.log}
	a.Syncs.Jobs = a.Jobs
	a.Queue.Oversee(a.Jobs)
	a.Records = records.NewReader(a.Store, a.Keyring, c.CacheBytes)
	a.PayItems = &payitem.Service{Store: a.Store, Keyring: a.Keyring, Records: a.Records, Patience: c.Patience, Now: c.Now}
	a.Access = access.NewService(a.Store, a.Queue, isNotFound, a.forget, c.Now, a.log)
	a.PayItems.Gate = a.Access
	a.Jobs.Tasks[perch.JobW4Sync] = &document.Fetcher{Store: a.Store, Keyring: a.Keyring, Identity: identity, Records: a.Records,
		Accounts: a.Syncs, Gate: a.Access, Now: c.Now}
	a.Connections = &connection.Service{Store: a.Store, Keyring: a.Keyring, Identity: identity, Now: c.Now}
	providers := sync.OnceValues(catalog.Load)
	a.Sandbox = &sandbox.Service{Connections: a.Connections, Book: book, Ledger: ledger, Catalog: providers, Syncs: a.Jobs, Jobs: a.Jobs, Now: c.Now, Seed: c.Seed}
	a.Sandbox.Tasks = a.Jobs
	a.Deductions = &deduction.Service{Store: a.Store, Keyring: a.Keyring, Identity: identity, Records: a.Records, Accounts: a.Syncs, Catalog: providers,
		Gate: a.Access, Queue: a.Queue, Events: a.Events, Patience: c.Patience, Owner: jobs.Owner(), Now: c.Now, Log: a.log}
	a.Queue.WriteDeductions(a.Deductions)
	a.Sandbox.Waiting, a.Sandbox.Deductions = a.Deductions, a.Deductions
	a.Importer = &assist.Importer{Store: a.Store, Keyring: a.Keyring, Connections: a.Connections, Engine: a.Syncs, Catalog: providers, Now: c.Now}
	var limits limit.Limiter
	if !c.NoRateLimits {
		limits = limit.NewMemory(c.Now)
	}
	a.Connect = &connect.Service{
		Store: a.Store, Keyring: a.Keyring, Connections: a.Connections, Catalog: providers, Connectors: connectors, Syncs: a.Jobs,
		Limits: limits, CallbackURL: c.PublicURL + "/connect/oauth/callback", Now: c.Now, Log: a.log, Seed: c.Seed,
	}
	if a.pages, err = connectui.New(a.Connect, c.TrustedProxies.Client, a.log); err != nil {
		return err
	}
	a.Deductions.People = &assist.Desk{Store: a.Store, Now: c.Now}
	if err := a.wireConsole(providers); err != nil {
		return err
	}
	network := &catalogue{load: providers}
	a.Access.Serves = network.serves
	a.API = &httpapi.API{
		Connect: a.Connect, Entities: a.Access, Events: a.Events, ConnectURL: c.PublicURL, Limits: limits,
		Access:     a.Access,
		Employment: &employment.Service{Records: a.Records, Gate: a.Access, Patience: c.Patience},
		Payroll:    &payroll.Service{Records: a.Records, Gate: a.Access, Rules: a.PayItems, Patience: c.Patience},
		PayItems:   a.PayItems,
		Jobs:       a.Jobs,
		Deductions: a.Deductions,
		Documents:  &document.Service{Records: a.Records, Gate: a.Access},
		Controls:   a.Sandbox,
		Triggers:   a.Sandbox,
		Webhooks:   a.Webhooks,
		Sandbox:    a.Sandbox, Catalogue: network, Health: a, Log: a.log, Version: c.Version,
	}
	return nil
}

// forget drops what is kept in memory of an entity that was disconnected.
func (a *App) forget(entity perch.ID) {
	a.Records.Forget(entity)
	a.PayItems.Forget(entity)
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// Start runs jobs and sends webhooks in this process until Close.
func (a *App) Start(ctx context.Context) error {
	if err := a.Queue.Start(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		a.Events.Watch(background, a.log)
	}()
	a.stopWatching = func() { stop(); <-watching }
	a.Courier.Start(ctx)
	var err error
	a.stopDrops, err = a.startDrops(ctx)
	return err
}

// Ready implements httpapi.Health.
func (a *App) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := a.database.Ping(ctx); err != nil {
		return errors.New("the database does not answer")
	}
	if err := a.keys.Ping(ctx); err != nil {
		return errors.New("the key database does not answer")
	}
	if !a.Queue.Running() {
		return errors.New("jobs do not run")
	}
	return nil
}

// Limits of one connection. A request of the largest size takes a while on a slow line; a batch of
// ten thousand is answered in far less than the write limit.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 2 * time.Minute
	writeTimeout  = 6 * time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	// readyTimeout is how long the databases may take to answer that they are ready.
	readyTimeout = 3 * time.Second
	// defaultStopPatience is shorter than the half minute that most supervisors give.
	defaultStopPatience = 20 * time.Second
)

// Handler answers what Serve answers: the API, and the pages of Connect and of the console.
func (a *App) Handler() http.Handler { return a.API.Handler(a.pages, a.console) }

// Serve answers requests on the listener until ctx ends, then lets those in flight finish, hands
// jobs back and closes the app.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), a.Close())
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.StopPatience)
	defer cancel()
	return errors.Join(server.Shutdown(patience), a.stop(patience))
}

// Close stops jobs and closes the databases. It may be called more than once.
func (a *App) Close() error {
	patience, cancel := context.WithTimeout(context.Background(), a.config.StopPatience)
	defer cancel()
	return a.stop(patience)
}

func (a *App) stop(ctx context.Context) (err error) {
	a.closing.Do(func() {
		if a.stopDrops != nil {
			a.stopDrops()
		}
		err = a.stopWork(ctx)
		if a.stopWatching != nil {
			a.stopWatching()
		}
		if a.Store != nil {
			err = errors.Join(err, a.Store.Close())
		}
		for _, open := range []*db.DB{a.database, a.keys} {
			if open != nil {
				err = errors.Join(err, open.Close())
			}
		}
	})
	return err
}
