package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
)

type appCommands struct {
	Create appCreateCommand `cmd:"" help:"Make an application and print its client id and secret, once."`
	Update appUpdateCommand `cmd:"" help:"Change where an application's employers may be sent and which sites may embed Connect."`
	List   appListCommand   `cmd:"" help:"List the applications."`
}

type appCreateCommand struct {
	place
	Type string `help:"What the application is for: sandbox, development or production." enum:"sandbox,development,production" required:""`
	Name string `help:"Name that employers see." required:""`
	places
}

// places are the addresses that an application registers for Connect.
type places struct {
	RedirectURI   []string `help:"Where Connect may send employers with a code: https, or http on localhost; may be repeated." name:"redirect-uri" sep:"none" placeholder:"URL"`
	AllowedOrigin []string `help:"Site that may embed Connect, as https://app.example.com; may be repeated." name:"allowed-origin" sep:"none" placeholder:"ORIGIN"`
}

// Run makes the application.
func (c *appCreateCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		settings := access.Settings{RedirectURIs: c.RedirectURI, AllowedOrigins: c.AllowedOrigin}
		if err := settings.Check(); err != nil {
			return err
		}
		made, secret, err := a.Access.CreateApplication(ctx, c.Name, perch.ClientType(c.Type))
		if err != nil {
			return err
		}
		if err := a.Store.ReplaceApplicationSettings(ctx, made.ID, settings); err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "client_id:     %s\nclient_secret: %s\n\nThe secret is shown this once: only its hash is kept.\n", made.ID, secret)
		return err
	})
}

type appUpdateCommand struct {
	place
	ClientID string `arg:"" help:"Client id or name of the application." name:"client-id"`
	places
	ClearRedirectURIs   bool  `help:"Forget the redirect URIs registered so far." name:"clear-redirect-uris"`
	ClearAllowedOrigins bool  `help:"Forget the allowed origins so far." name:"clear-allowed-origins"`
	Fallback            *bool `help:"Offer the assisted way after three refused passwords." negatable:""`
}

// Run adds to what is registered, and prints what is registered then.
func (c *appUpdateCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		found, err := findApplication(ctx, a, c.ClientID)
		if err != nil {
			return err
		}
		settings, err := a.Store.ApplicationSettings(ctx, found.ID)
		if err != nil {
			return err
		}
		c.apply(&settings)
		if err := settings.Check(); err != nil {
			return err
		}
		if err := a.Store.ReplaceApplicationSettings(ctx, found.ID, settings); err != nil {
			return err
		}
		p := printer{w: t.out}
		for _, uri := range settings.RedirectURIs {
			p.line("redirect_uri:   %s", uri)
		}
		for _, origin := range settings.AllowedOrigins {
			p.line("allowed_origin: %s", origin)
		}
		p.line("fallback:       %t", settings.FallbackEnabled)
		return p.err
	})
}

func (c *appUpdateCommand) apply(s *access.Settings) {
	if c.ClearRedirectURIs {
		s.RedirectURIs = nil
	}
	if c.ClearAllowedOrigins {
		s.AllowedOrigins = nil
	}
	s.RedirectURIs = merged(s.RedirectURIs, c.RedirectURI)
	s.AllowedOrigins = merged(s.AllowedOrigins, c.AllowedOrigin)
	if c.Fallback != nil {
		s.FallbackEnabled = *c.Fallback
	}
}

func merged(have, more []string) []string {
	for _, one := range more {
		if !slices.Contains(have, one) {
			have = append(have, one)
		}
	}
	return have
}

type appListCommand struct{ place }

// Run lists the applications.
func (c *appListCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		applications, err := a.Store.Applications(ctx)
		if err != nil {
			return err
		}
		if len(applications) == 0 {
			_, err := fmt.Fprintln(t.out, `There is no application yet. Make one: perch app create --type sandbox --name "My app"`)
			return err
		}
		table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CLIENT ID\tTYPE\tNAME\tCREATED")
		for _, one := range applications {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.ID, one.Type, one.Name, one.CreatedAt.Format(time.DateOnly))
		}
		return table.Flush()
	})
}

// with opens the app without running jobs, calls fn and closes it.
func with(ctx context.Context, p place, t *terminal, fn func(*app.App) error) error {
	return withConfig(ctx, p.config(t), fn)
}

func withConfig(ctx context.Context, config app.Config, fn func(*app.App) error) (err error) {
	a, err := app.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		if closing := a.Close(); err == nil {
			err = closing
		}
	}()
	return fn(a)
}
