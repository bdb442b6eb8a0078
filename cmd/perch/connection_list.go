package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/automated"
)

// listPage is how many connections are read at a time.
const listPage = 500

// ofApp names the application whose connections a command is about.
type ofApp struct {
	place
	App string `help:"Client id or name of the application that the employer connected to." required:""`
}

// ofConnection names one connection.
type ofConnection struct {
	ofApp
	Connection string `arg:"" help:"Id of the connection, as perch connection list shows it."`
}

// find returns the application and the id of the connection.
func (c *ofConnection) find(ctx context.Context, a *app.App) (found access.Application, connection perch.ID, err error) {
	if found, err = findApplication(ctx, a, c.App); err != nil {
		return found, connection, err
	}
	if connection, err = perch.ParseID(c.Connection); err != nil {
		return found, connection, fmt.Errorf("%q is not the id of a connection", c.Connection)
	}
	if _, err = a.Store.OverviewOf(ctx, found.ID, connection); err != nil {
		return found, connection, fmt.Errorf("the application has no connection %s (perch connection list shows them)", connection)
	}
	return found, connection, nil
}

type connectionListCommand struct{ ofApp }

// Run lists the connections of an application.
func (c *connectionListCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		found, err := findApplication(ctx, a, c.App)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CONNECTION\tPROVIDER\tMETHOD\tSTATUS\tCUSTOMER\tNEXT DATA")
		for offset := 0; ; offset += listPage {
			page, err := a.Store.Overview(ctx, found.ID, listPage, offset)
			if err != nil {
				return err
			}
			for _, one := range page {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", one.ID, one.ProviderID, one.Authentication, one.Status, text(one.CustomerID),
					nextData(one.Connection, one.NextSync, one.LastFile))
			}
			if len(page) < listPage {
				return table.Flush()
			}
		}
	})
}

// nextData says when newer data is to come and how.
func nextData(c access.Connection, sync, file time.Time) string {
	switch {
	case !sync.IsZero():
		return sync.Format(time.RFC3339)
	case !file.IsZero():
		return "file due " + file.Add(assist.RefreshTime).Format(time.DateOnly)
	case c.Type == perch.ConnectionSimulated:
		return "on request"
	case c.Authentication == perch.AuthAssisted:
		return "first file"
	}
	return "-"
}

// text is what an application wrote, without what a terminal would obey.
func text(s *string) string {
	if s == nil {
		return "-"
	}
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, *s)
	return cmp.Or(printable, "-")
}

type connectionShowCommand struct{ ofConnection }

// shownJobs is how many jobs are shown of a connection.
const shownJobs = 10

// Run shows a connection, its entities and its last syncs.
func (c *connectionShowCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		found, id, err := c.find(ctx, a)
		if err != nil {
			return err
		}
		one, err := a.Store.OverviewOf(ctx, found.ID, id)
		if err != nil {
			return err
		}
		entities, err := a.Store.LiveEntities(ctx, found.ID, id)
		if err != nil {
			return err
		}
		list, err := a.Jobs.Recent(ctx, found.ID, id, shownJobs)
		if err != nil {
			return err
		}
		p := printer{w: t.out}
		p.line("connection_id: %s", one.ID)
		p.line("provider:      %s (%s)", one.ProviderID, one.Authentication)
		p.line("status:        %s", one.Status)
		if one.StatusMessage != "" {
			p.line("               %s", one.StatusMessage)
		}
		p.line("customer:      %s", text(one.CustomerID))
		p.line("since:         %s", one.CreatedAt.Format(time.RFC3339))
		p.line("next data:     %s", nextData(one.Connection, one.NextSync, one.LastFile))
		p.line("\nEntities")
		for _, e := range entities {
			p.line("  %s  %-12s %s", e.ID, e.Status, text(e.Name))
		}
		p.line("\nJobs")
		for _, j := range list {
			p.line("  %s  %-22s %-17s %s", j.ID, j.Type, j.Status, jobTimes(j))
		}
		return p.err
	})
}

func jobTimes(j automated.Job) string {
	switch {
	case !j.CompletedAt.IsZero():
		return "ended " + j.CompletedAt.Format(time.RFC3339)
	case j.StartedAt.IsZero():
		return "begins " + j.ScheduledAt.Format(time.RFC3339)
	}
	return "queued " + j.StartedAt.Format(time.RFC3339)
}

type connectionSyncCommand struct{ ofConnection }

// Run queues a sync, which a running server takes up.
func (c *connectionSyncCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		found, id, err := c.find(ctx, a)
		if err != nil {
			return err
		}
		queued, err := a.Jobs.SyncNow(ctx, found.ID, id)
		if err != nil {
			return err
		}
		what := "Queued"
		if queued.Outcome == automated.Running {
			what = "Under way already"
		}
		_, err = fmt.Fprintf(t.out, "%s: job %s. Perch reads the data while it serves.\n", what, queued.JobID)
		return err
	})
}
