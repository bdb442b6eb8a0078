package app_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/webhook"
)

func TestASecretIsRotatedWithAnOverlap(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		ctx := t.Context()
		var clock movable
		config.Now = clock.now
		h := hook(t, config)
		r := receive(t, nil)
		endpoint := h.endpoint(r.URL)
		signatures := func() int {
			t.Helper()
			before := len(r.all())
			_, err := h.app.Webhooks.Test(ctx, h.client.ID, endpoint.ID)
			must(t, err)
			return len(strings.Fields(r.all()[before].header.Get("Finch-Signature")))
		}
		if got := signatures(); got != 1 {
			t.Fatalf("%d signatures at first", got)
		}
		rotated, err := h.app.Webhooks.Rotate(ctx, h.client.ID, endpoint.ID, 24*time.Hour)
		must(t, err)
		if rotated.Secret == endpoint.Secret || signatures() != 2 {
			t.Error("the old secret is not used beside the new one")
		}
		clock.advance(25 * time.Hour)
		if got := signatures(); got != 1 {
			t.Errorf("%d signatures after the overlap", got)
		}
		_, err = h.app.Webhooks.Rotate(ctx, h.client.ID, endpoint.ID, 0)
		must(t, err)
		if got := signatures(); got != 1 {
			t.Errorf("%d signatures after a rotation without overlap", got)
		}
		if _, err := h.app.Webhooks.Rotate(ctx, h.client.ID, endpoint.ID, 1000*time.Hour); err == nil {
			t.Error("an overlap of six weeks is accepted")
		}
		// A rotation is seen by what is under way.
		h.start()
		h.publish(1)
		eventually(t, "an event arrives under the newest secret", func() bool { return r.distinct() == 5 })
	})
}

func TestTheWebhookOfDevIsSignedWithTheSecretOfItsFile(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		ctx := t.Context()
		h := hook(t, config)
		first, second := receive(t, nil), receive(t, nil)
		dev, err := h.app.PrepareDev(ctx, "http://localhost:1", first.URL)
		must(t, err)
		application, err := perch.ParseID(dev.ClientID)
		must(t, err)
		endpoint, err := perch.ParseID(dev.WebhookEndpointID)
		must(t, err)
		key, err := base64.StdEncoding.DecodeString(dev.WebhookSecret)
		must(t, err)
		signed := func(r *receiver) {
			t.Helper()
			_, err := h.app.Webhooks.Test(ctx, application, endpoint)
			must(t, err)
			got := r.all()[len(r.all())-1]
			seconds, err := strconv.ParseInt(got.header.Get("Finch-Timestamp"), 10, 64)
			must(t, err)
			want := webhook.Headers(got.header.Get("Finch-Event-Id"), time.Unix(seconds, 0), []byte(got.body), key)
			if got.header.Get("Finch-Signature") != want.Get("Finch-Signature") {
				t.Error("the signature is under another secret")
			}
		}
		signed(first)
		// Another start without the flag keeps it, one with another URL moves it, and a disabled one is enabled.
		no := false
		_, err = h.app.Webhooks.Update(ctx, application, endpoint, webhook.Change{Enabled: &no})
		must(t, err)
		again, err := h.app.PrepareDev(ctx, "http://localhost:1", "")
		must(t, err)
		moved, err := h.app.PrepareDev(ctx, "http://localhost:1", second.URL)
		must(t, err)
		if again.WebhookEndpointID != dev.WebhookEndpointID || moved.WebhookEndpointID != dev.WebhookEndpointID || moved.WebhookSecret != dev.WebhookSecret {
			t.Errorf("the endpoint changed: %+v", moved)
		}
		signed(second)
		list, err := h.app.Webhooks.List(ctx, application)
		must(t, err)
		if len(list) != 1 || list[0].State != "enabled" {
			t.Errorf("the endpoints are %+v", list)
		}
	})
}
