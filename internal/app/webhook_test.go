package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/webhook"
)

// receipt is one message as a receiver got it.
type receipt struct {
	header http.Header
	body   string
	at     time.Time
}

// receiver is a server that takes webhooks. answer, if set, decides on the answer.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []receipt
	seen   map[string]int // by event
	answer http.HandlerFunc
	came   chan struct{} // told of each message, as far as there is room
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{seen: map[string]int{}, answer: answer, came: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.got = append(r.got, receipt{request.Header.Clone(), string(body), time.Now()})
		r.seen[request.Header.Get("Webhook-Id")]++
		r.mu.Unlock()
		select {
		case r.came <- struct{}{}:
		default:
		}
		if r.answer != nil {
			r.answer(w, request)
		}
	}))
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) distinct() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *receiver) all() []receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]receipt(nil), r.got...)
}

// hooked is an app that sends webhooks for one sandbox application.
type hooked struct {
	t      *testing.T
	app    *app.App
	client access.Application
	origin event.Origin
}

func hook(t *testing.T, config app.Config) *hooked {
	t.Helper()
	config.WebhookLoopback, config.NoRateLimits = true, true
	a, err := app.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	h := &hooked{t: t, app: a}
	h.client, _, err = a.Access.CreateApplication(t.Context(), "test", perch.ClientSandbox)
	must(t, err)
	h.origin = h.connect(h.client, false)
	return h
}

// connect makes a connection and says whose its events are.
func (h *hooked) connect(client access.Application, assisted bool) event.Origin {
	h.t.Helper()
	authentication := perch.AuthOAuth
	if assisted {
		authentication = perch.AuthAssisted
	}
	made, err := h.app.Connections.Create(h.t.Context(), connection.Request{Application: client, ProviderID: "gusto", Type: perch.ConnectionProvider,
		Authentication: authentication, Status: perch.StatusConnected, Products: allProducts, Connector: "sandbox", Settings: []byte("{}"),
	}, func(*sql.Tx, connection.Created) error { return nil })
	must(h.t, err)
	return event.Origin{ApplicationID: client.ID, ConnectionID: made.Connection.ID, CompanyID: made.Connection.CompanyID, EntityID: made.EntityID, Assisted: assisted}
}

func (h *hooked) start() {
	h.t.Helper()
	must(h.t, h.app.Start(h.t.Context()))
}

func (h *hooked) endpoint(url string, events ...perch.EventType) webhook.EndpointWithSecret {
	h.t.Helper()
	made, err := h.app.Webhooks.Create(h.t.Context(), h.client.ID, webhook.New{URL: url, Events: events})
	must(h.t, err)
	return made
}

// publish commits one batch of n changes of people.
func (h *hooked) publish(n int) {
	h.t.Helper()
	var list []event.Event
	for range n {
		list = append(list, event.Person(perch.EventIndividualUpdated, perch.NewID()))
	}
	h.record(h.origin, list...)
}

func (h *hooked) record(origin event.Origin, list ...event.Event) {
	h.t.Helper()
	ctx := context.WithoutCancel(h.t.Context())
	must(h.t, h.app.Store.Tx(ctx, func(tx *sql.Tx) error { return h.app.Events.Record(ctx, tx, origin, list...) }))
}

func TestEventsArriveOnceAndSigned(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		r := receive(t, nil)
		h.endpoint(r.URL)
		h.start()
		h.publish(1)
		eventually(t, "the event arrives", func() bool { return r.distinct() == 1 })
		h.publish(1500)
		eventually(t, "all events arrive", func() bool { return r.distinct() == 1501 })
		if got := len(r.all()); got != 1501 {
			t.Errorf("%d messages for 1501 events", got)
		}
	})
}

// movable is a clock that a test moves on.
type movable struct{ offset atomic.Int64 }

func (m *movable) now() time.Time          { return time.Now().Add(time.Duration(m.offset.Load())) }
func (m *movable) advance(d time.Duration) { m.offset.Add(int64(d)) }

func (h *hooked) detail(endpoint perch.ID) webhook.EndpointDetail {
	h.t.Helper()
	d, err := h.app.Webhooks.Detail(h.t.Context(), h.client.ID, endpoint)
	must(h.t, err)
	return d
}

func (h *hooked) deliveries(endpoint perch.ID, state webhook.DeliveryState) []webhook.Delivery {
	h.t.Helper()
	list, err := h.app.Webhooks.Deliveries(h.t.Context(), h.client.ID, endpoint, webhook.Page{State: state, Limit: 500})
	must(h.t, err)
	return list
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestADeliveryIsRetriedOnScheduleAndThenGivenUp(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		var clock movable
		config.Now = clock.now
		h := hook(t, config)
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("out of order"))
		})
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(1)
		// The first two attempts follow each other at once, the others when they are due.
		eventually(t, "two attempts are made", func() bool { return len(r.all()) == 2 })
		for i, wait := range []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour} {
			var d webhook.Delivery
			eventually(t, "the outcome is stored", func() bool {
				list := h.deliveries(endpoint.ID, "waiting")
				if len(list) == 1 {
					d = list[0]
				}
				return len(list) == 1 && d.Attempts == i+2
			})
			if left := d.NextAt.Sub(*d.AttemptedAt); left < wait-time.Second || left > wait+time.Second {
				t.Errorf("after attempt %d the next is due after %v, want %v", d.Attempts, left, wait)
			}
			clock.advance(wait)
			eventually(t, "the next attempt is made", func() bool { return len(r.all()) == i+3 })
		}
		eventually(t, "the delivery is given up", func() bool { return len(h.deliveries(endpoint.ID, "failed")) == 1 })
		given := h.deliveries(endpoint.ID, "failed")[0]
		detail, err := h.app.Webhooks.Delivery(t.Context(), h.client.ID, endpoint.ID, given.EventID)
		must(t, err)
		if len(detail.Tried) != 6 || detail.Attempts != 6 || *detail.Status != 500 || *detail.Error != "answered 500" {
			t.Errorf("the delivery is %+v", detail)
		}
		ids := map[string]bool{}
		for i, one := range detail.Tried {
			if one.Number != i+1 || one.Answer != "out of order" || *one.Status != 500 {
				t.Errorf("attempt %d is %+v", i+1, one)
			}
		}
		for _, one := range r.all() {
			ids[one.header.Get("Finch-Event-Id")] = true
		}
		if len(ids) != 1 {
			t.Errorf("the id of the event changed from attempt to attempt: %v", ids)
		}
		if d := h.detail(endpoint.ID); d.Failed != 1 || d.Waiting != 0 || d.FailingSince == nil {
			t.Errorf("the endpoint is %+v", d)
		}

		// Asked for again, it is sent again, from the beginning of the schedule.
		r.answer = nil
		must(t, h.app.Webhooks.Resend(t.Context(), h.client.ID, endpoint.ID, given.EventID))
		eventually(t, "it is delivered", func() bool { return len(h.deliveries(endpoint.ID, "delivered")) == 1 })
		detail, err = h.app.Webhooks.Delivery(t.Context(), h.client.ID, endpoint.ID, given.EventID)
		must(t, err)
		if len(detail.Tried) != 7 || detail.Cause != "resend" || detail.State != "delivered" {
			t.Errorf("after it was sent again it is %+v", detail)
		}
		eventually(t, "the endpoint no longer fails", func() bool { return h.detail(endpoint.ID).FailingSince == nil })
	})
}

func TestGoneDisablesAnEndpointAndEnablingBeginsAnew(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		var code atomic.Int64
		code.Store(http.StatusGone)
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) })
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(1)
		eventually(t, "the endpoint is disabled", func() bool { return h.detail(endpoint.ID).State == "disabled" })
		d := h.detail(endpoint.ID)
		if d.Reason == nil || *d.Reason != "gone" || d.DisabledAt == nil || d.History[0].What != "disabled" || !strings.Contains(d.History[0].Detail, "410") {
			t.Errorf("the endpoint is %+v", d)
		}
		if failed := h.deliveries(endpoint.ID, "failed"); len(failed) != 1 || *failed[0].Status != http.StatusGone {
			t.Errorf("the delivery is %+v", failed)
		}
		h.publish(3) // while it is disabled
		if err := h.app.Webhooks.Resend(t.Context(), h.client.ID, endpoint.ID, h.deliveries(endpoint.ID, "")[0].EventID); err == nil {
			t.Error("an event is queued for an endpoint that is disabled")
		}
		code.Store(http.StatusOK)
		yes := true
		_, err := h.app.Webhooks.Update(t.Context(), h.client.ID, endpoint.ID, webhook.Change{Enabled: &yes})
		must(t, err)
		h.publish(1)
		eventually(t, "what happens from now on arrives", func() bool { return r.distinct() == 2 })
		events, err := h.app.Webhooks.Replay(t.Context(), h.client.ID, endpoint.ID, time.Now().Add(-time.Hour))
		must(t, err)
		eventually(t, "the rest arrives when it is replayed", func() bool {
			return r.distinct() == int(events) && len(h.deliveries(endpoint.ID, "delivered")) == int(events)
		})
		if events != 6 { // that of the connection included
			t.Errorf("%d events are replayed", events)
		}
	})
}

func TestFiveDaysOfFailureDisableAnEndpoint(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		var clock movable
		config.Now = clock.now
		h := hook(t, config)
		r := receive(t, status(http.StatusBadGateway))
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(1)
		eventually(t, "the endpoint fails", func() bool { return h.detail(endpoint.ID).FailingSince != nil && len(r.all()) == 2 })
		clock.advance(4 * 24 * time.Hour)
		h.publish(1)
		eventually(t, "it is tried on the fourth day", func() bool { return len(r.all()) >= 4 })
		if d := h.detail(endpoint.ID); d.State != "enabled" {
			t.Fatalf("after four days it is %s", d.State)
		}
		clock.advance(25 * time.Hour)
		h.publish(1)
		eventually(t, "it is disabled on the sixth day", func() bool { return h.detail(endpoint.ID).State == "disabled" })
		if d := h.detail(endpoint.ID); *d.Reason != "failing" || d.History[0].What != "disabled" {
			t.Errorf("the endpoint is %+v", d)
		}
	})
}

func TestARetryAfterPausesTheWholeEndpoint(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		var clock movable
		config.Now = clock.now
		h := hook(t, config)
		var busy atomic.Bool
		busy.Store(true)
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			if busy.Load() {
				w.Header().Set("Retry-After", "600")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(1)
		eventually(t, "the endpoint pauses", func() bool { return h.detail(endpoint.ID).PausedUntil != nil })
		asked := len(r.all())
		h.publish(2)
		busy.Store(false)
		clock.advance(9 * time.Minute)
		<-time.After(700 * time.Millisecond) // longer than the courier takes to look
		if now := len(r.all()); now != asked {
			t.Errorf("%d requests during the pause", now-asked)
		}
		clock.advance(2 * time.Minute)
		eventually(t, "all arrives after the pause", func() bool { return len(h.deliveries(endpoint.ID, "delivered")) == 3 })
	})
}

func TestASlowReceiverDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		release := make(chan struct{})
		slow := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
		fast := receive(t, nil)
		h.endpoint(slow.URL)
		h.endpoint("http://127.0.0.1:1/") // refuses
		endpoint := h.endpoint(fast.URL)
		h.start()
		h.publish(300)
		eventually(t, "the fast one gets everything while the slow one hangs", func() bool { return fast.distinct() == 300 })
		if got := slow.distinct(); got > 16 {
			t.Errorf("the slow receiver has %d requests at a time", got)
		}
		eventually(t, "the fast one's outcomes are stored", func() bool { return len(h.deliveries(endpoint.ID, "delivered")) == 300 })
		close(release)
		eventually(t, "the slow one gets the rest", func() bool { return slow.distinct() == 300 })
	})
}

func TestEndpointsGetWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		assisted := h.connect(h.client, true)
		all, people, jobs := receive(t, nil), receive(t, nil), receive(t, nil)
		h.endpoint(all.URL)
		h.endpoint(people.URL, perch.EventIndividualUpdated, perch.EventCompanyUpdated)
		h.endpoint(jobs.URL, perch.EventDataSyncCompleted)
		h.start()
		types := func(r *receiver) string {
			var list []string
			for _, one := range r.all() {
				var e perch.Event
				must(t, json.Unmarshal([]byte(one.body), &e))
				source := "automated"
				if e.ConnectionID == assisted.ConnectionID {
					source = "assisted"
				}
				list = append(list, source+" "+string(e.Type))
			}
			slices.Sort(list)
			return strings.Join(list, ", ")
		}
		for _, origin := range []event.Origin{h.origin, assisted} {
			h.record(origin, event.Company(), event.Person(perch.EventDirectoryCreated, perch.NewID()),
				event.Account(perch.StatusConnected, perch.AuthOAuth), h.app.Events.AutomatedJob(perch.EventDataSyncCompleted, perch.NewID()),
				h.app.Events.ManualJob(perch.EventBenefitCreated, perch.NewID()))
		}
		eventually(t, "everything arrives", func() bool { return all.distinct() == 7 && people.distinct() == 2 && jobs.distinct() == 2 })
		for r, want := range map[*receiver]string{
			all: "assisted account.updated, assisted job.benefit_create.completed, automated account.updated, automated company.updated, " +
				"automated directory.created, automated job.benefit_create.completed, automated job.data_sync_all.completed",
			people: "assisted company.updated, automated company.updated",
			jobs:   "assisted job.data_sync_all.completed, automated job.data_sync_all.completed",
		} {
			if got := types(r); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	})
}

func TestAnApplicationSeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		ctx := t.Context()
		h := hook(t, config)
		mine, theirs := receive(t, nil), receive(t, nil)
		endpoint := h.endpoint(mine.URL)
		other, _, err := h.app.Access.CreateApplication(ctx, "other", perch.ClientSandbox)
		must(t, err)
		otherOrigin := h.connect(other, false)
		otherEndpoint, err := h.app.Webhooks.Create(ctx, other.ID, webhook.New{URL: theirs.URL})
		must(t, err)
		h.start()
		h.publish(2)
		eventually(t, "my events arrive", func() bool { return len(h.deliveries(endpoint.ID, "delivered")) == 2 })
		h.record(otherOrigin, event.Company())
		eventually(t, "their event arrives", func() bool { return theirs.distinct() == 1 })
		if mine.distinct() != 2 {
			t.Errorf("I got %d events", mine.distinct())
		}
		event := h.deliveries(endpoint.ID, "")[0].EventID
		s := h.app.Webhooks
		notFound := func(what string, err error) {
			t.Helper()
			var e *perch.Error
			if !errors.As(err, &e) || e.Name != perch.NameNotFound {
				t.Errorf("%s of another application's endpoint: %v", what, err)
			}
		}
		_, err = s.Endpoint(ctx, other.ID, endpoint.ID)
		notFound("reading", err)
		_, err = s.Detail(ctx, other.ID, endpoint.ID)
		notFound("detail", err)
		_, err = s.Update(ctx, other.ID, endpoint.ID, webhook.Change{URL: &theirs.URL})
		notFound("update", err)
		notFound("delete", s.Delete(ctx, other.ID, endpoint.ID))
		_, err = s.Rotate(ctx, other.ID, endpoint.ID, 0)
		notFound("rotation", err)
		_, err = s.Test(ctx, other.ID, endpoint.ID)
		notFound("test", err)
		_, err = s.Deliveries(ctx, other.ID, endpoint.ID, webhook.Page{Limit: 10})
		notFound("deliveries", err)
		_, err = s.Delivery(ctx, other.ID, endpoint.ID, event)
		notFound("delivery", err)
		notFound("resend", s.Resend(ctx, other.ID, endpoint.ID, event))
		_, err = s.Replay(ctx, other.ID, endpoint.ID, time.Now().Add(-time.Hour))
		notFound("replay", err)
		// Nor can it have my event sent to an endpoint of its own.
		notFound("resend to its own", s.Resend(ctx, other.ID, otherEndpoint.ID, event))
		list, err := s.List(ctx, other.ID)
		must(t, err)
		if len(list) != 1 || list[0].ID != otherEndpoint.ID {
			t.Errorf("it lists %+v", list)
		}
		if theirs.distinct() != 1 {
			t.Errorf("it got %d events", theirs.distinct())
		}
	})
}

func TestATestEventIsSentOnceAndShown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		var code atomic.Int64
		code.Store(200)
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) })
		endpoint := h.endpoint(r.URL)
		d, err := h.app.Webhooks.Test(t.Context(), h.client.ID, endpoint.ID)
		must(t, err)
		var body perch.Event
		must(t, json.Unmarshal([]byte(r.all()[0].body), &body))
		if d.State != "delivered" || d.EventType != "test" || body.Type != "test" || body.ConnectionID.IsZero() || len(body.Data) == 0 {
			t.Errorf("delivery %+v, body %s", d, r.all()[0].body)
		}
		code.Store(503)
		if d, err = h.app.Webhooks.Test(t.Context(), h.client.ID, endpoint.ID); err != nil || d.State != "failed" || *d.Status != 503 {
			t.Errorf("delivery %+v, %v", d, err)
		}
		h.start()
		h.publish(1)
		eventually(t, "an event arrives", func() bool { return r.distinct() == 3 })
	})
}

// A stop lets what is under way finish; what it breaks off has not failed.
func TestAStopIsNoFailedDelivery(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.StopPatience = 300 * time.Millisecond
		h := hook(t, config)
		release := make(chan struct{})
		r := receive(t, func(_ http.ResponseWriter, request *http.Request) {
			select {
			case <-release:
			case <-request.Context().Done():
			}
		})
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(40)
		eventually(t, "requests are under way", func() bool { return r.distinct() >= 4 })
		must(t, h.app.Close())
		close(release)

		again, err := app.Open(t.Context(), func() app.Config { c := config; c.WebhookLoopback = true; return c }())
		must(t, err)
		t.Cleanup(func() { must(t, again.Close()) })
		h.app = again
		if d := h.detail(endpoint.ID); d.FailingSince != nil || d.Failed != 0 {
			t.Errorf("after the stop the endpoint is %+v", d)
		}
		for _, one := range h.deliveries(endpoint.ID, "") {
			if one.State == "failed" || one.Error != nil || one.Attempts != 0 {
				t.Errorf("a delivery that was broken off is %+v", one)
			}
		}
		h.start()
		eventually(t, "everything arrives after the next start", func() bool { return len(h.deliveries(endpoint.ID, "delivered")) == 40 })
		if r.distinct() != 40 {
			t.Errorf("%d events arrived", r.distinct())
		}
	})
}
