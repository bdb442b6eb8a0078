package app

import (
	"strings"

	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/console"
	"github.com/perchhq/perch/internal/jobs"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/internal/operator"
	"github.com/perchhq/perch/provider/catalog"
)

// wireConsole makes what operators work with. Attempts to sign in are limited even where the rate limits
// of the API are off: those protect the machine, this one the people in its records.
func (a *App) wireConsole(providers func() (*catalog.Catalog, error)) (err error) {
	c := a.config
	a.Operators = operator.New(a.Store, limit.NewMemory(c.Now), c.Now)
	a.Desk = &assist.Desk{Store: a.Store, Keyring: a.Keyring, Catalog: providers, Syncs: a.Jobs, Now: c.Now}
	a.Uploads = &assist.Uploads{Store: a.Store, Keyring: a.Keyring, Desk: a.Desk, Importer: a.Importer, Catalog: providers, Queue: a.Queue,
		Now: c.Now, Log: a.log, Owner: jobs.Owner()}
	a.Queue.ServeUploads(a.Uploads)
	a.console, err = console.New(console.Config{
		Operators: a.Operators, Desk: a.Desk, Deductions: a.Deductions, Uploads: a.Uploads, Client: c.TrustedProxies.Client, Now: c.Now, Log: a.log,
		Secure: strings.HasPrefix(c.PublicURL, "https://"),
	})
	return err
}
