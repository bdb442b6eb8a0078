package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
)

type triggerCommand struct {
	running
	Event      string `arg:"" optional:"" help:"Type of the event, as individual.updated."`
	Connection string `help:"Id of the connection to change; the newest one to a simulated employer if left out."`
	List       bool   `help:"List the events that can be triggered."`
	JSON       bool   `help:"Print the result as JSON on one line."`
}

// Validate checks what the parser cannot.
func (c *triggerCommand) Validate() error {
	if err := c.running.Validate(); err != nil {
		return err
	}
	switch {
	case c.List:
		return nil
	case c.Event == "":
		return errors.New("say which event; --list shows them")
	case !slices.Contains(perch.EventType("").Values(), perch.EventType(c.Event)):
		return fmt.Errorf("%.60q is no type of event; --list shows them", c.Event)
	}
	return nil
}

// Run makes the change and waits for the event.
func (c *triggerCommand) Run(ctx context.Context, t *terminal) error {
	if c.List {
		return c.list(t)
	}
	dev, err := c.dev()
	if err != nil {
		return err
	}
	body := map[string]string{"event_type": c.Event}
	if c.Connection != "" {
		body["connection_id"] = c.Connection
	}
	var done sandbox.Triggered
	if err := ask(ctx, dev, http.MethodPost, "/sandbox/trigger", body, &done); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(done)
	}
	_, err = fmt.Fprintf(t.out, "%s on connection %s: event %s\n", done.Change, done.ConnectionID, done.EventID)
	return err
}

func (c *triggerCommand) list(t *terminal) error {
	if c.JSON {
		return json.NewEncoder(t.out).Encode(perch.EventType("").Values())
	}
	var names []string
	for _, kind := range perch.EventType("").Values() {
		names = append(names, string(kind))
	}
	_, err := fmt.Fprintln(t.out, strings.Join(names, "\n"))
	return err
}
