package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/clientip"
)

// patience is how long a read waits for a first sync.
const patience = 20 * time.Second

type serveCommand struct {
	place
	reach
	Addr         string `help:"Address to listen on." default:"127.0.0.1:8686" env:"PERCH_ADDR"`
	PublicURL    string `help:"Where employers and providers reach this Perch, as https://perch.example.com." env:"PERCH_PUBLIC_URL" name:"public-url"`
	NoRateLimits bool   `help:"Switch the application rate limits off."`
	behind
	arrive
}

// behind says which proxies stand before Perch.
type behind struct {
	TrustedProxies []string `help:"Networks of proxies whose Forwarded or X-Forwarded-For header says where a request came from, as 10.0.0.0/8,192.0.2.7." name:"trusted-proxies" env:"PERCH_TRUSTED_PROXIES" placeholder:"CIDR,…"`

	proxies clientip.Proxies
}

// check reads the networks before anything is opened. Commands call it from Validate: a hook of its own
// would hide that of place.
func (b *behind) check() (err error) {
	if b.proxies, err = clientip.Parse(b.TrustedProxies); err != nil {
		return fmt.Errorf("--trusted-proxies: %w", err)
	}
	return nil
}

// Validate checks the public URL and the proxies before anything is opened.
func (c *serveCommand) Validate() error {
	if err := errors.Join(c.check(), c.checkArrival()); err != nil {
		return err
	}
	if c.PublicURL == "" {
		return nil
	}
	if origin, ok := access.Origin(c.PublicURL); !ok || origin != strings.ToLower(strings.TrimSuffix(c.PublicURL, "/")) {
		return fmt.Errorf("--public-url: %q is not an address such as https://perch.example.com", c.PublicURL)
	}
	return nil
}

// Run serves until a signal.
func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	config := c.config(t)
	config.Patience, config.NoRateLimits, config.TrustedProxies = patience, c.NoRateLimits, c.proxies
	config.WebhookAllow = c.WebhookAllow
	c.arriving(&config)
	config.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	a, listener, err := start(ctx, config, c.Addr)
	if err != nil {
		return err
	}
	config.Log.InfoContext(ctx, "serving", "addr", listener.Addr().String(), "version", config.Version)
	return a.Serve(ctx, listener)
}

// start listens first, so that a taken port is known before anything is made.
func start(ctx context.Context, config app.Config, addr string) (*app.App, net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listening on %s: %w (is Perch running already? choose another port with --addr)", addr, err)
	}
	config.ListenURL = "http://" + origin(listener.Addr())
	a, err := app.Open(ctx, config)
	if err != nil {
		_ = listener.Close()
		return nil, nil, err
	}
	if err := launch(ctx, a, listener); err != nil {
		return nil, nil, err
	}
	return a, listener, nil
}

// program is what launch needs of an app.
type program interface {
	Start(ctx context.Context) error
	Close() error
}

// launch starts a program that is open, or leaves neither it nor the listener open.
func launch(ctx context.Context, p program, listener io.Closer) error {
	err := p.Start(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(err, listener.Close(), p.Close())
}

type migrateCommand struct{ place }

// Run migrates by opening.
func (c *migrateCommand) Run(ctx context.Context, t *terminal) error {
	a, err := app.Open(ctx, c.config(t))
	if err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, "The schema is up to date.")
	return err
}
