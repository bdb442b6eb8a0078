package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/webhook"
)

type webhookCommands struct {
	Create     webhookCreateCommand     `cmd:"" help:"Send an application's events to a URL, and print the secret that signs them, once."`
	List       webhookListCommand       `cmd:"" help:"List an application's endpoints."`
	Show       webhookShowCommand       `cmd:"" help:"Show an endpoint: what waits for it, how old its secrets are, and what happened to it."`
	Update     webhookUpdateCommand     `cmd:"" help:"Change, disable or enable an endpoint."`
	Delete     webhookDeleteCommand     `cmd:"" help:"Delete an endpoint."`
	Rotate     webhookRotateCommand     `cmd:"" help:"Give an endpoint another secret. The old one is used beside it for a while."`
	Test       webhookTestCommand       `cmd:"" help:"Send a test event and print how the receiver answered."`
	Deliveries webhookDeliveriesCommand `cmd:"" help:"List what an endpoint was sent, or the attempts of one event."`
	Resend     webhookResendCommand     `cmd:"" help:"Send one event to an endpoint again. The server sends it; when none runs, the next one does."`
	Replay     webhookReplayCommand     `cmd:"" help:"Send an endpoint everything since a time again."`
}

// reach says which addresses webhooks may be sent to.
type reach struct {
	WebhookAllow networks `help:"Network that webhooks may be sent to although it is not public, as 10.1.0.0/16; may be repeated." name:"webhook-allow" placeholder:"CIDR" env:"PERCH_WEBHOOK_ALLOW"`
}

// ofApplication are the flags of every command about webhooks.
type ofApplication struct {
	place
	reach
	App  string `help:"Client id or name of the application; the one of perch dev if left out."`
	JSON bool   `help:"Print the result as JSON on one line."`
}

// run opens the app, finds the application and calls fn.
func (c *ofApplication) run(ctx context.Context, t *terminal, fn func(a *app.App, application perch.ID) error) error {
	c.LogLevel = "warn" // the result is what the person wants to see
	config := c.config(t)
	config.WebhookAllow = c.WebhookAllow
	name := c.App
	if name == "" {
		dev, err := app.ReadDev(config.Data)
		if err != nil {
			return err
		}
		if dev.ClientID == "" {
			return fmt.Errorf("say which application with --app: %s holds no dev.json", config.Data)
		}
		// What perch dev allows, its application may be given from here.
		name, config.WebhookLoopback = dev.ClientID, true
	}
	return withConfig(ctx, config, func(a *app.App) error {
		found, err := findApplication(ctx, a, name)
		if err != nil {
			return err
		}
		return fn(a, found.ID)
	})
}

// ofEndpoint are those of a command about one endpoint.
type ofEndpoint struct {
	ofApplication
	Endpoint string `arg:"" help:"Id of the endpoint."`
}

func (c *ofEndpoint) run(ctx context.Context, t *terminal, fn func(a *app.App, application, endpoint perch.ID) error) error {
	id, err := perch.ParseID(c.Endpoint)
	if err != nil {
		return fmt.Errorf("%q is not the id of an endpoint: perch webhook list shows them", c.Endpoint)
	}
	return c.ofApplication.run(ctx, t, func(a *app.App, application perch.ID) error { return fn(a, application, id) })
}

// print prints a value as JSON, or text.
func (c *ofApplication) print(t *terminal, value any, format string, args ...any) error {
	if c.JSON {
		return json.NewEncoder(t.out).Encode(value)
	}
	_, err := fmt.Fprintf(t.out, format, args...)
	return err
}

type webhookCreateCommand struct {
	ofApplication
	URL         string   `arg:"" help:"Where to send events: https, or http on localhost under perch dev." name:"url"`
	Events      []string `help:"Types of events to send, separated by commas; all if left out."`
	Description string   `help:"What the endpoint is for."`
}

// Run makes the endpoint.
func (c *webhookCreateCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application perch.ID) error {
		made, err := a.Webhooks.Create(ctx, application, webhook.New{URL: c.URL, Events: eventTypes(c.Events), Description: c.Description})
		if err != nil {
			return err
		}
		return c.print(t, made, "endpoint: %s\nsecret:   %s\n\nThe secret is shown this once.\n", made.ID, made.Secret)
	})
}

func eventTypes(names []string) []perch.EventType {
	list := make([]perch.EventType, len(names))
	for i, name := range names {
		list[i] = perch.EventType(strings.TrimSpace(name))
	}
	return list
}

type webhookListCommand struct{ ofApplication }

// Run lists the endpoints.
func (c *webhookListCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application perch.ID) error {
		list, err := a.Webhooks.List(ctx, application)
		if err != nil || c.JSON {
			return firstError(err, func() error { return json.NewEncoder(t.out).Encode(list) })
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(t.out, "There is no endpoint yet. Make one: perch webhook create https://app.example.com/webhooks")
			return err
		}
		table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ENDPOINT\tSTATE\tEVENTS\tURL")
		for _, one := range list {
			state := string(one.State)
			if one.Reason != nil {
				state += " (" + *one.Reason + ")"
			}
			events := "all"
			if len(one.Events) > 0 {
				events = fmt.Sprint(len(one.Events))
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.ID, state, events, one.URL)
		}
		return table.Flush()
	})
}

func firstError(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

type webhookShowCommand struct{ ofEndpoint }

// Run shows the endpoint.
func (c *webhookShowCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		d, err := a.Webhooks.Detail(ctx, application, endpoint)
		if err != nil || c.JSON {
			return firstError(err, func() error { return json.NewEncoder(t.out).Encode(d) })
		}
		p := printer{w: t.out}
		p.line("url:      %s", d.URL)
		p.line("state:    %s", d.State)
		if d.FailingSince != nil {
			p.line("failing:  since %s", d.FailingSince.Format(time.RFC3339))
		}
		p.line("waiting:  %d to be sent again, %d given up, %d not looked at", d.Waiting, d.Failed, d.Unread)
		for _, one := range d.Secrets {
			until := "in use"
			if one.ExpiresAt != nil {
				until = "until " + one.ExpiresAt.Format(time.RFC3339)
			}
			p.line("secret:   of %s, %s", one.CreatedAt.Format(time.RFC3339), until)
		}
		for _, one := range d.History {
			p.line("%s  %s %s", one.At.Format(time.RFC3339), one.What, one.Detail)
		}
		return p.err
	})
}

type webhookUpdateCommand struct {
	ofEndpoint
	URL         *string  `help:"Send to this URL from now on." name:"url"`
	Events      []string `help:"Send these types of events, separated by commas." xor:"events"`
	AllEvents   bool     `help:"Send all types of events." xor:"events"`
	Description *string  `help:"What the endpoint is for."`
	Enable      bool     `help:"Send again, from now on." xor:"state"`
	Disable     bool     `help:"Send nothing more." xor:"state"`
}

// Run changes the endpoint.
func (c *webhookUpdateCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		change := webhook.Change{URL: c.URL, Description: c.Description}
		if c.AllEvents || len(c.Events) > 0 {
			list := eventTypes(c.Events)
			change.Events = &list
		}
		if c.Enable || c.Disable {
			change.Enabled = &c.Enable
		}
		e, err := a.Webhooks.Update(ctx, application, endpoint, change)
		if err != nil {
			return err
		}
		return c.print(t, e, "The endpoint is %s.\n", e.State)
	})
}

type webhookDeleteCommand struct{ ofEndpoint }

// Run deletes the endpoint.
func (c *webhookDeleteCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		if err := a.Webhooks.Delete(ctx, application, endpoint); err != nil {
			return err
		}
		return c.print(t, map[string]string{"status": "success"}, "The endpoint is deleted.\n")
	})
}

type webhookRotateCommand struct {
	ofEndpoint
	Overlap time.Duration `help:"How long the old secret is used beside the new one." default:"24h"`
}

// Run rotates the secret.
func (c *webhookRotateCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		rotated, err := a.Webhooks.Rotate(ctx, application, endpoint, c.Overlap)
		if err != nil {
			return err
		}
		return c.print(t, rotated, "secret: %s\n\nThe secret is shown this once. The old one is used for another %s.\n", rotated.Secret, c.Overlap)
	})
}

type webhookTestCommand struct{ ofEndpoint }

// Run sends a test event. The command fails if the receiver does not take it.
func (c *webhookTestCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		d, err := a.Webhooks.Test(ctx, application, endpoint)
		if err != nil {
			return err
		}
		if err := c.print(t, d, "%s\n", attemptText(d.Tried[0])); err != nil {
			return err
		}
		if d.Error != nil {
			return fmt.Errorf("the test event was not taken: %s", *d.Error)
		}
		return nil
	})
}

func attemptText(a webhook.DeliveryAttempt) string {
	text := fmt.Sprintf("%s  %d ms", a.At.Format(time.RFC3339), a.TookMS)
	if a.Status != nil {
		text += fmt.Sprintf("  %d", *a.Status)
	}
	if a.Error != nil {
		text += "  " + *a.Error
	}
	return text
}

type webhookDeliveriesCommand struct {
	ofEndpoint
	Event  string `help:"Show the attempts of this event."`
	State  string `help:"Only those that are waiting, delivered or failed." enum:",waiting,delivered,failed" default:""`
	Limit  int    `help:"How many to list." default:"50"`
	Before string `help:"Continue after the delivery of this event."`
}

// Run lists deliveries.
func (c *webhookDeliveriesCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		if c.Event != "" {
			return c.attempts(ctx, t, a, application, endpoint)
		}
		page := webhook.Page{State: webhook.DeliveryState(c.State), Limit: c.Limit}
		if c.Before != "" {
			var err error
			if page.Before, err = perch.ParseID(c.Before); err != nil {
				return fmt.Errorf("--before: %w", err)
			}
		}
		list, err := a.Webhooks.Deliveries(ctx, application, endpoint, page)
		if err != nil || c.JSON {
			return firstError(err, func() error { return json.NewEncoder(t.out).Encode(list) })
		}
		table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "EVENT\tTYPE\tSTATE\tATTEMPTS\tSTATUS\tNEXT\tERROR")
		for _, d := range list {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", d.EventID, d.EventType, d.State, d.Attempts, orDash(d.Status), nextTime(d.NextAt), orDash(d.Error))
		}
		return table.Flush()
	})
}

func (c *webhookDeliveriesCommand) attempts(ctx context.Context, t *terminal, a *app.App, application, endpoint perch.ID) error {
	event, err := perch.ParseID(c.Event)
	if err != nil {
		return fmt.Errorf("--event: %w", err)
	}
	d, err := a.Webhooks.Delivery(ctx, application, endpoint, event)
	if err != nil || c.JSON {
		return firstError(err, func() error { return json.NewEncoder(t.out).Encode(d) })
	}
	p := printer{w: t.out}
	p.line("%s %s %s", d.EventID, d.EventType, d.State)
	for _, one := range d.Tried {
		p.line("%s", attemptText(one))
		if one.Answer != "" {
			p.line("  %.500q", one.Answer)
		}
	}
	return p.err
}

func orDash[T any](value *T) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}

func nextTime(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format(time.RFC3339)
}

type webhookResendCommand struct {
	ofEndpoint
	Event string `arg:"" help:"Id of the event."`
}

// Run queues the event.
func (c *webhookResendCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		event, err := perch.ParseID(c.Event)
		if err != nil {
			return fmt.Errorf("%q is not the id of an event", c.Event)
		}
		if err := a.Webhooks.Resend(ctx, application, endpoint, event); err != nil {
			return err
		}
		return c.print(t, map[string]string{"status": "queued"}, "The event is queued.\n")
	})
}

type webhookReplayCommand struct {
	ofEndpoint
	Since string `help:"Beginning with what was published at this time: ISO 8601, or how long ago, as 3h." required:""`
}

// Run queues the events.
func (c *webhookReplayCommand) Run(ctx context.Context, t *terminal) error {
	since, err := time.Parse(time.RFC3339, c.Since)
	if err != nil {
		ago, wrong := time.ParseDuration(c.Since)
		if wrong != nil || ago < 0 {
			return fmt.Errorf("--since: %q is neither a time such as 2024-03-01T09:30:00Z nor a span such as 3h", c.Since)
		}
		since = time.Now().Add(-ago)
	}
	return c.run(ctx, t, func(a *app.App, application, endpoint perch.ID) error {
		events, err := a.Webhooks.Replay(ctx, application, endpoint, since)
		if err != nil {
			return err
		}
		return c.print(t, map[string]int64{"events": events}, "%d events are sent again, as far as the endpoint asks for them.\n", events)
	})
}
