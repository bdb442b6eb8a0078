package app

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/console"
	"github.com/perchhq/perch/internal/drop"
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
		Secure: strings.HasPrefix(c.PublicURL, "https://"), DropFolder: c.DropFolder, SFTPAddr: c.SFTPAddr,
	})
	return err
}

// startDrops watches folders and takes files in over SFTP, where that is configured, until the returned
// function is called.
func (a *App) startDrops(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	stop = func() { cancel(); running.Wait() }
	c := a.config
	if c.DropFolder != "" {
		folders := &drop.Folders{Root: c.DropFolder, Store: a.Store, Uploads: a.Uploads, Now: c.Now, Log: a.log}
		running.Go(func() { folders.Watch(ctx) })
	}
	if c.SFTPAddr == "" {
		return stop, nil
	}
	key, err := drop.LoadHostKey(filepath.Join(c.Data, "keys", "sftp_host_key"))
	if err == nil {
		a.sftp, err = net.Listen("tcp", c.SFTPAddr)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("taking files in over SFTP: %w", err)
	}
	server := &drop.Server{Store: a.Store, Uploads: a.Uploads, Limits: limit.NewMemory(c.Now), Log: a.log, HostKey: key}
	running.Go(func() { server.Serve(ctx, a.sftp) })
	return stop, nil
}

// SFTPAddr returns where files are taken in over SFTP; empty where they are not.
func (a *App) SFTPAddr() string {
	if a.sftp == nil {
		return ""
	}
	return a.sftp.Addr().String()
}
