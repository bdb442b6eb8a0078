package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/webhook"
)

type devCommand struct {
	place
	reach
	Addr         string `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8686" env:"PERCH_ADDR"`
	Seed         uint64 `help:"Make the same simulated employers on every fresh start." default:"1"`
	Webhook      string `help:"Send events to this URL." placeholder:"URL"`
	NoRateLimits bool   `help:"Switch the application rate limits off."`
	behind
	arrive
}

// Validate checks the proxies and the webhook URL before anything is made.
func (c *devCommand) Validate() error {
	if err := errors.Join(c.check(), c.checkArrival()); err != nil {
		return err
	}
	if c.Webhook == "" {
		return nil
	}
	policy := webhook.Policy{Loopback: true, Allow: c.WebhookAllow}
	if err := policy.CheckURL(perch.ClientSandbox, c.Webhook); err != nil {
		return fmt.Errorf("--webhook: %s", explain(err))
	}
	return nil
}

// Run serves until a signal, with a sandbox application ready to use.
func (c *devCommand) Run(ctx context.Context, t *terminal) error {
	config := c.config(t)
	config.Patience, config.Seed, config.NoRateLimits, config.TrustedProxies = patience, c.Seed, c.NoRateLimits, c.proxies
	config.WebhookLoopback, config.WebhookAllow = true, c.WebhookAllow
	c.arriving(&config)
	a, listener, err := start(ctx, config, c.Addr)
	if err != nil {
		return err
	}
	dev, err := a.PrepareDev(ctx, "http://"+origin(listener.Addr()), c.Webhook)
	if err != nil {
		_ = listener.Close()
		_ = a.Close()
		return err
	}
	console, err := a.DevConsoleLink(ctx, dev.APIURL)
	if err != nil {
		_ = listener.Close()
		_ = a.Close()
		return err
	}
	banner(t, config, dev, console)
	return a.Serve(ctx, listener)
}

// origin is the address as a client on this machine reaches it.
func origin(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func banner(t *terminal, config app.Config, dev app.DevFile, console string) {
	fmt.Fprintf(t.out, `
  Perch %s is ready.

  API        %s
  Reference  %s/docs
  Keys       %s
  Console    %s
             (signs you in once, on this machine; start again for another)

  Connect a simulated employer and read its people:

    TOKEN=$(curl -s %s/sandbox/connections -u %s:%s \
      -H 'Content-Type: application/json' -d '{"provider_id":"gusto"}' \
      | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    curl -s %s/employer/directory -H "Authorization: Bearer $TOKEN" -H 'Finch-API-Version: %s'

  Stop with Ctrl-C; started again on the same folder, everything is still there.

`, config.Version, dev.APIURL, dev.APIURL, filepath.Join(config.Data, "dev.json"), console,
		dev.APIURL, dev.ClientID, dev.ClientSecret, dev.APIURL, perch.APIVersion)
}
