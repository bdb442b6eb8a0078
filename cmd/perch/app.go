package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

type appCommands struct {
	Create appCreateCommand `cmd:"" help:"Make an application and print its client id and secret, once."`
	List   appListCommand   `cmd:"" help:"List the applications."`
}

type appCreateCommand struct {
	place
	Type string `help:"What the application is for: sandbox, development or production." enum:"sandbox,development,production" required:""`
	Name string `help:"Name that employers see." required:""`
}

// Run makes the application.
func (c *appCreateCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		made, secret, err := a.Access.CreateApplication(ctx, c.Name, perch.ClientType(c.Type))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "client_id:     %s\nclient_secret: %s\n\nThe secret is shown this once: only its hash is kept.\n", made.ID, secret)
		return err
	})
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
func with(ctx context.Context, p place, t *terminal, fn func(*app.App) error) (err error) {
	a, err := app.Open(ctx, p.config(t))
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
