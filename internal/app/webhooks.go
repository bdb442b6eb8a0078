package app

import (
	"context"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/jobs"
	"github.com/perchhq/perch/internal/webhook"
)

// wireWebhooks makes what sends events. It sends nothing before Start.
func (a *App) wireWebhooks() {
	c := a.config
	policy := webhook.Policy{Loopback: c.WebhookLoopback, Allow: c.WebhookAllow}
	sender := webhook.NewSender(policy, nil, c.Version, c.Now)
	a.Courier = &webhook.Courier{
		Store: a.Store, Keyring: a.Keyring, Sender: sender, Now: c.Now, Log: a.log,
		Owner: jobs.Owner() + "/" + perch.NewID().String(), LeaseFor: min(c.Lease, webhook.DefaultLease),
	}
	a.Webhooks = &webhook.Service{Store: a.Store, Keyring: a.Keyring, Sender: sender, Policy: policy, Now: c.Now, Wake: a.Courier.Wake}
	a.Events.Announcer = a.Courier
}

// stopWork lets jobs and webhooks finish what they do, at the same time, until ctx ends.
func (a *App) stopWork(ctx context.Context) error {
	couriers := make(chan error, 1)
	go func() {
		if a.Courier == nil {
			couriers <- nil
			return
		}
		couriers <- a.Courier.Stop(ctx)
	}()
	var err error
	if a.Queue != nil {
		err = a.Queue.Stop(ctx)
	}
	return errors.Join(err, <-couriers)
}

// prepareWebhook gives the application of a development folder the endpoint that --webhook asked for,
// now or at an earlier start.
func (a *App) prepareWebhook(ctx context.Context, dev *DevFile) error {
	if dev.WebhookURL == "" {
		return nil
	}
	application, err := perch.ParseID(dev.ClientID)
	if err != nil {
		return fmt.Errorf("dev.json: client_id: %w", err)
	}
	known, err := perch.ParseID(dev.WebhookEndpointID)
	if err != nil {
		known = perch.NewID() // there is none with this id
	}
	endpoint, err := a.Webhooks.Ensure(ctx, application, known, webhook.New{URL: dev.WebhookURL, Secret: dev.WebhookSecret, Description: "perch dev --webhook"})
	if err != nil {
		return fmt.Errorf("sending events to the URL of --webhook: %w", err)
	}
	dev.WebhookEndpointID = endpoint.String()
	return nil
}
