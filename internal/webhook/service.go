package webhook

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

const (
	// maxEndpoints is how many an application may have.
	maxEndpoints = 50
	// maxDescription bounds a description, in bytes.
	maxDescription = 200
	// DefaultOverlap is how long an old secret is used beside a new one, and MaxOverlap the longest.
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
	// maxSecrets bounds the signatures of a message.
	maxSecrets = 10
	// MaxPage and DefaultPage are the sizes of a page of deliveries.
	MaxPage     = 500
	DefaultPage = 50
	// maxNotes is how much of an endpoint's history is shown.
	maxNotes = 50
	// failWaitingMost bounds one transaction that gives deliveries up.
	failWaitingMost = 2000
)

// Service manages the endpoints of applications. Its fields are set once, before use.
type Service struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Sender  *Sender
	Policy  Policy
	Now     func() time.Time
	// Wake is told of applications that something is to be sent for.
	Wake func(application perch.ID)
}

// Endpoint is an endpoint as its application sees it.
type Endpoint struct {
	ID          perch.ID          `json:"id"`
	URL         string            `json:"url" doc:"Where events are sent."`
	Events      []perch.EventType `json:"events" nullable:"false" doc:"Types that are sent; an empty list stands for all."`
	Description string            `json:"description"`
	State       State             `json:"state"`
	// Reason is why it is disabled.
	Reason       *string    `json:"reason" doc:"Why it is disabled: requested, gone (the receiver answered 410) or failing (nothing was delivered for five days)."`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DisabledAt   *time.Time `json:"disabled_at"`
	FailingSince *time.Time `json:"failing_since" doc:"The first failed attempt since the last delivery."`
	PausedUntil  *time.Time `json:"paused_until" doc:"The receiver asked for nothing to be sent before."`
}

// State is whether an endpoint is sent anything.
type State = store.WebhookState

// EndpointDetail is an endpoint with its secrets' ages, what is before it, and what happened to it.
type EndpointDetail struct {
	Endpoint
	Secrets []EndpointSecret `json:"secrets" nullable:"false" doc:"The secrets in use, newest first."`
	Waiting int64            `json:"waiting" doc:"Deliveries that failed so far and are tried again."`
	Failed  int64            `json:"failed" doc:"Deliveries that were given up."`
	Unread  int64            `json:"unread" doc:"Events that were not looked at for this endpoint yet."`
	History []EndpointNote   `json:"history" nullable:"false" doc:"What happened to the endpoint, newest first."`
}

// EndpointSecret tells the secrets of an endpoint apart.
type EndpointSecret struct {
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// EndpointNote is one thing that happened to an endpoint.
type EndpointNote struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Detail string    `json:"detail"`
}

// EndpointWithSecret is an endpoint with the secret that it was just given. It is shown this once.
type EndpointWithSecret struct {
	Endpoint
	Secret string `json:"secret" doc:"Base64 of the key that messages are signed with. It is shown this once."`
}

// New asks for an endpoint.
type New struct {
	URL         string
	Events      []perch.EventType
	Description string
	// Secret is base64 of 24 to 64 bytes; empty makes one.
	Secret string
}

// Create makes an endpoint. It is sent what happens from now on.
func (s *Service) Create(ctx context.Context, application perch.ID, n New) (EndpointWithSecret, error) {
	kind, err := s.kind(ctx, application)
	if err != nil {
		return EndpointWithSecret{}, err
	}
	key, text := newSecret()
	if n.Secret != "" {
		if key, err = parseSecret(n.Secret); err != nil {
			return EndpointWithSecret{}, err
		}
		text = n.Secret
	}
	e := store.WebhookEndpoint{ID: perch.NewID(), ApplicationID: application, State: store.WebhookEnabled, CreatedAt: s.Now()}
	e.UpdatedAt = e.CreatedAt
	change := Change{URL: &n.URL, Events: &n.Events, Description: &n.Description}
	if err := s.apply(ctx, kind, &e, change); err != nil {
		return EndpointWithSecret{}, err
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		made, err := s.Store.InsertWebhookEndpoint(ctx, tx, e, maxEndpoints)
		if err != nil {
			return err
		}
		if !made {
			return perch.Invalid("", "An application may have %d endpoints.", maxEndpoints)
		}
		if err := s.addSecret(ctx, tx, application, e.ID, key, time.Time{}); err != nil {
			return err
		}
		return s.note(ctx, tx, e.ID, "created", "")
	})
	if err != nil {
		return EndpointWithSecret{}, err
	}
	view, err := s.view(ctx, e)
	return EndpointWithSecret{Endpoint: view, Secret: text}, err
}

func (s *Service) kind(ctx context.Context, application perch.ID) (perch.ClientType, error) {
	found, _, err := s.Store.Application(ctx, application)
	return found.Type, err
}

func parseSecret(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < 24 || len(key) > 64 || encodeSecret(key) != text {
		return nil, perch.Invalid("secret", "must be the base64 of 24 to 64 bytes.")
	}
	return key, nil
}

// addSecret stores a key; those before it are used until a time.
func (s *Service) addSecret(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID, key []byte, othersExpire time.Time) error {
	cipher, err := s.Keyring.Cipher(ctx, application)
	if err != nil {
		return err
	}
	n := store.WebhookSecret{ID: perch.NewID(), CreatedAt: s.Now()}
	n.Sealed = cipher.Seal(nil, key, secretPlace(n.ID))
	if othersExpire.IsZero() {
		othersExpire = n.CreatedAt
	}
	return s.Store.InsertWebhookSecret(ctx, tx, application, endpoint, n, othersExpire)
}

func (s *Service) note(ctx context.Context, tx *sql.Tx, endpoint perch.ID, what, detail string) error {
	return s.Store.InsertWebhookNote(ctx, tx, endpoint, store.WebhookNote{At: s.Now(), What: what, Detail: detail})
}

// Change changes what is not nil.
type Change struct {
	URL         *string
	Events      *[]perch.EventType
	Description *string
	Enabled     *bool
}

// apply checks a change whole before it touches the endpoint.
func (s *Service) apply(ctx context.Context, kind perch.ClientType, e *store.WebhookEndpoint, c Change) error {
	if c.URL != nil {
		if err := s.Policy.CheckURL(kind, *c.URL); err != nil {
			return err
		}
	}
	if c.Description != nil && (len(*c.Description) > maxDescription || strings.ContainsRune(*c.Description, 0)) {
		return perch.Invalid("description", "must have %d bytes at most.", maxDescription)
	}
	if c.Events != nil {
		for i, one := range *c.Events {
			if !slices.Contains(perch.EventType("").Values(), one) {
				return perch.Invalid(fmt.Sprintf("events[%d]", i), "%.60q is no type of event.", string(one))
			}
		}
		e.Events = slices.Compact(slices.Sorted(slices.Values(*c.Events)))
	}
	if c.Description != nil {
		e.Description = *c.Description
	}
	if c.URL != nil {
		cipher, err := s.Keyring.Create(ctx, e.ApplicationID)
		if err != nil {
			return err
		}
		e.URL = cipher.Seal(nil, []byte(*c.URL), urlPlace(e.ID))
	}
	return nil
}

// Update changes an endpoint. Enabling one that was disabled lets it begin anew: what happened meanwhile
// is not sent, unless it is replayed.
func (s *Service) Update(ctx context.Context, application, endpoint perch.ID, c Change) (Endpoint, error) {
	kind, err := s.kind(ctx, application)
	if err != nil {
		return Endpoint{}, err
	}
	wanted, err := s.find(ctx, application, endpoint)
	if err != nil {
		return Endpoint{}, err
	}
	if err := s.apply(ctx, kind, &wanted, c); err != nil {
		return Endpoint{}, err
	}
	if c.Enabled != nil && *c.Enabled && wanted.State == store.WebhookDisabled {
		if err := s.giveUp(ctx, application, endpoint); err != nil {
			return Endpoint{}, err
		}
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error { return s.update(ctx, tx, wanted, c) })
	if err != nil {
		return Endpoint{}, s.missing(err)
	}
	return s.Endpoint(ctx, application, endpoint)
}

// update changes what c names to what is wanted. The rest stays as it is now: somebody else may have
// changed it meanwhile, or the courier have disabled the endpoint.
func (s *Service) update(ctx context.Context, tx *sql.Tx, wanted store.WebhookEndpoint, c Change) error {
	e, err := s.Store.LockWebhookEndpoint(ctx, tx, wanted.ApplicationID, wanted.ID)
	if err != nil {
		return err
	}
	if c.URL != nil {
		e.URL = wanted.URL
	}
	if c.Events != nil {
		e.Events = wanted.Events
	}
	if c.Description != nil {
		e.Description = wanted.Description
	}
	e.UpdatedAt = s.Now()
	what := "updated"
	switch {
	case c.Enabled == nil:
	case *c.Enabled && e.State == store.WebhookDisabled:
		what = "enabled"
		e.State, e.Reason, e.DisabledAt = store.WebhookEnabled, "", time.Time{}
		if err := s.Store.RestartWebhookEndpoint(ctx, tx, e.ApplicationID, e.ID); err != nil {
			return err
		}
	case !*c.Enabled && e.State == store.WebhookEnabled:
		what = "disabled"
		e.State, e.Reason, e.DisabledAt = store.WebhookDisabled, ReasonRequest, e.UpdatedAt
	}
	if err := s.Store.UpdateWebhookEndpoint(ctx, tx, e); err != nil {
		return err
	}
	return s.note(ctx, tx, e.ID, what, e.Reason)
}

// giveUp ends what waits for an endpoint that was disabled, in small transactions.
func (s *Service) giveUp(ctx context.Context, application, endpoint perch.ID) error {
	for more := true; more; {
		err := s.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
			more, err = s.Store.FailWaiting(ctx, tx, application, endpoint, "the endpoint was disabled", failWaitingMost)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Endpoint returns an endpoint.
func (s *Service) Endpoint(ctx context.Context, application, endpoint perch.ID) (Endpoint, error) {
	e, err := s.find(ctx, application, endpoint)
	if err != nil {
		return Endpoint{}, err
	}
	return s.view(ctx, e)
}

// List returns the endpoints of an application, oldest first.
func (s *Service) List(ctx context.Context, application perch.ID) ([]Endpoint, error) {
	found, err := s.Store.WebhookEndpoints(ctx, application)
	if err != nil {
		return nil, err
	}
	list := make([]Endpoint, len(found))
	for i, e := range found {
		if list[i], err = s.view(ctx, e); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Detail returns all about an endpoint but what it was sent.
func (s *Service) Detail(ctx context.Context, application, endpoint perch.ID) (EndpointDetail, error) {
	e, err := s.Endpoint(ctx, application, endpoint)
	if err != nil {
		return EndpointDetail{}, err
	}
	d := EndpointDetail{Endpoint: e, Secrets: []EndpointSecret{}, History: []EndpointNote{}}
	secrets, err := s.Store.WebhookSecrets(ctx, application, endpoint, s.Now())
	if err != nil {
		return d, err
	}
	for _, one := range secrets {
		d.Secrets = append(d.Secrets, EndpointSecret{one.CreatedAt, unlessZero(one.ExpiresAt)})
	}
	notes, err := s.Store.WebhookNotes(ctx, application, endpoint, maxNotes)
	if err != nil {
		return d, err
	}
	for _, one := range notes {
		d.History = append(d.History, EndpointNote(one))
	}
	counts, err := s.Store.WebhookCounts(ctx, application, endpoint)
	if err != nil {
		return d, s.missing(err)
	}
	d.Waiting, d.Failed, d.Unread = counts.Waiting, counts.Failed, counts.Unread
	return d, nil
}

// Delete removes an endpoint at once; what it was sent is deleted later.
func (s *Service) Delete(ctx context.Context, application, endpoint perch.ID) error {
	err := s.Store.Tx(ctx, func(tx *sql.Tx) error { return s.Store.DeleteWebhookEndpoint(ctx, tx, application, endpoint) })
	return s.missing(err)
}

// Rotate gives an endpoint another secret. For overlap the old ones sign beside it.
func (s *Service) Rotate(ctx context.Context, application, endpoint perch.ID, overlap time.Duration) (EndpointWithSecret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return EndpointWithSecret{}, perch.Invalid("overlap_hours", "must be between 0 and %d.", MaxOverlap/time.Hour)
	}
	key, text := newSecret()
	if err := s.setSecret(ctx, application, endpoint, key, overlap); err != nil {
		return EndpointWithSecret{}, err
	}
	e, err := s.Endpoint(ctx, application, endpoint)
	return EndpointWithSecret{Endpoint: e, Secret: text}, err
}

func (s *Service) setSecret(ctx context.Context, application, endpoint perch.ID, key []byte, overlap time.Duration) error {
	if _, err := s.find(ctx, application, endpoint); err != nil {
		return err
	}
	now := s.Now()
	active, err := s.Store.WebhookSecrets(ctx, application, endpoint, now)
	if err != nil {
		return err
	}
	if len(active) >= maxSecrets && overlap > 0 {
		return perch.Invalid("overlap_hours", "%d secrets are in use already: wait until one has expired, or rotate with 0.", len(active))
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.addSecret(ctx, tx, application, endpoint, key, now.Add(overlap)); err != nil {
			return err
		}
		return s.note(ctx, tx, endpoint, "secret rotated", fmt.Sprintf("The old secret is used for another %s.", overlap))
	})
	return s.missing(err)
}

func (s *Service) find(ctx context.Context, application, endpoint perch.ID) (store.WebhookEndpoint, error) {
	e, err := s.Store.WebhookEndpoint(ctx, application, endpoint)
	return e, s.missing(err)
}

// missing turns the store's word for what is not there into the caller's.
func (s *Service) missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return perch.NotFound("item_not_found", "There is no webhook endpoint with this id.")
	}
	return err
}

func (s *Service) view(ctx context.Context, e store.WebhookEndpoint) (Endpoint, error) {
	cipher, err := s.Keyring.Cipher(ctx, e.ApplicationID)
	if err != nil {
		return Endpoint{}, err
	}
	address, err := cipher.Open(nil, e.URL, urlPlace(e.ID))
	if err != nil {
		return Endpoint{}, fmt.Errorf("opening the address of a webhook endpoint: %w", err)
	}
	v := Endpoint{ID: e.ID, URL: string(address), Events: e.Events, Description: e.Description, State: e.State,
		CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(), DisabledAt: unlessZero(e.DisabledAt), FailingSince: unlessZero(e.FailingSince)}
	if v.Events == nil {
		v.Events = []perch.EventType{}
	}
	if e.Reason != "" {
		v.Reason = &e.Reason
	}
	if e.PausedUntil.After(s.Now()) {
		v.PausedUntil = &e.PausedUntil
	}
	return v, nil
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
