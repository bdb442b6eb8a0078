package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/perchhq/perch/internal/store"
)

// Causes of a delivery.
const (
	causeEvent  = "event"
	causeReplay = "replay"
	causeResend = "resend"
	causeTest   = "test"
)

// Reasons why an endpoint is disabled.
const (
	// ReasonRequest is that the application wanted it.
	ReasonRequest = "requested"
	// ReasonGone is that the receiver answered 410.
	ReasonGone = "gone"
	// ReasonFailing is that nothing succeeded for five days.
	ReasonFailing = "failing"
)

// settled takes an item back whose attempt is over. One that we broke off ourselves stays as it was.
func (l *lane) settled(one *item) {
	if one.attempt.Cancelled {
		delete(l.busy, one.EventID)
		return
	}
	if len(l.done) == 0 {
		l.firstDone = time.Now()
	}
	one.sent = true
	one.Attempts++
	one.Tries++
	settle(&one.WebhookDelivery, one.attempt, l.Now())
	if one.Lost {
		one.State, one.NextAt = store.DeliveryFailed, time.Time{}
	}
	l.done = append(l.done, one)
	l.doneBytes += len(one.attempt.Answer)
}

// passed says how far the place of a stretch may be stored, how many of its items lie behind that, and
// which of them need a row first because they are slow.
func (s *stretch) passed() (to store.WebhookCursor, items int, slowOnes []*item) {
	to = s.stored
	for _, m := range s.order {
		if !m.sent && !m.covered {
			if m.handed.IsZero() || time.Since(m.handed) < slow {
				return to, items, slowOnes
			}
			slowOnes = append(slowOnes, m.item)
		}
		to = m.after
		items++
	}
	return s.read, items, slowOnes
}

// unstored reports that there is something to be stored.
func (l *lane) unstored() bool {
	if len(l.done) > 0 {
		return true
	}
	for _, s := range []*stretch{l.feed, l.replay} {
		if s == nil {
			continue
		}
		if to, _, _ := s.passed(); to != s.stored {
			return true
		}
	}
	return l.replayDone()
}

func (l *lane) replayDone() bool {
	if l.replay == nil || !l.replay.end {
		return false
	}
	_, items, slowOnes := l.replay.passed()
	return items == len(l.replay.order) && len(slowOnes) == 0
}

// batch is what is stored in one transaction.
type batch struct {
	progress store.WebhookProgress
	items    []*item
	// taken is how many items of the feed and of the replay it passes.
	taken [2]int
	after store.WebhookEndpoint
}

// save begins to store what is done and to go on holding the endpoint. While the database does not
// answer it tries again, until the lease is over: what was sent and not stored is sent again by whoever
// is next.
func (l *lane) save() {
	b := &batch{items: l.done}
	b.progress, b.taken = l.progress()
	l.saving, l.done, l.doneBytes, l.mustStore = b, nil, 0, false
	go func() {
		// What is done is stored even if the rest was broken off.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.hard), l.LeaseFor)
		defer cancel()
		for {
			var err error
			b.progress.Lease.Until = l.Now().Add(l.LeaseFor)
			b.after, err = l.Store.RecordWebhook(ctx, b.progress)
			if err == nil || errors.Is(err, store.ErrNotFound) || l.soft.Err() != nil || ctx.Err() != nil {
				l.saves <- err
				return
			}
			l.pause(storeAgainAfter)
		}
	}()
}

// progress is what is to be stored, and how many items of each stretch it passes.
func (l *lane) progress() (p store.WebhookProgress, taken [2]int) {
	now := l.Now()
	e := &l.endpoint
	p = store.WebhookProgress{Lease: l.lease(l.work), Version: e.Version, FailingSince: e.FailingSince, PausedUntil: e.PausedUntil, Now: now}
	failed := false
	for _, one := range l.done {
		a := one.attempt
		d := one.WebhookDelivery
		d.Took, d.Answer = a.Took, nil
		if a.Answer != "" {
			d.Answer = l.cipher.Seal(nil, []byte(a.Answer), answerPlace(e.ID))
		}
		p.Outcomes = append(p.Outcomes, d)
		if one.Lost {
			continue
		}
		if failed = !a.Delivered(); !failed {
			p.FailingSince = time.Time{}
			continue
		}
		if p.FailingSince.IsZero() {
			p.FailingSince = a.At
		}
		if until := now.Add(a.RetryAfter); a.RetryAfter > 0 && until.After(p.PausedUntil) {
			p.PausedUntil = until
		}
		if a.Status == http.StatusGone {
			p.Disable, p.DisableDetail = ReasonGone, "The receiver answered 410 Gone."
		}
	}
	if failed && p.Disable == "" && now.Sub(p.FailingSince) >= patience {
		p.Disable = ReasonFailing
		p.DisableDetail = fmt.Sprintf("Nothing was delivered since %s.", p.FailingSince.UTC().Format(time.RFC3339))
	}
	for i, s := range []*stretch{l.feed, l.replay} {
		if s == nil {
			continue
		}
		to, items, slowOnes := s.passed()
		for _, one := range slowOnes {
			if one.covered {
				continue // by the other stretch
			}
			one.covered = true
			waiting := one.WebhookDelivery
			waiting.State, waiting.NextAt = store.DeliveryWaiting, now.Add(presumedDead)
			p.Outcomes = append(p.Outcomes, waiting)
		}
		taken[i] = items
		if i == 0 {
			p.Cursor = to
		} else {
			p.ReplayID, p.ReplayCursor, p.ReplayDone = l.replayID, to, s.end && items == len(s.order)
		}
	}
	return p, taken
}

// saved goes on from what was stored.
func (l *lane) saved(err error) error {
	b := l.saving
	l.saving = nil
	if err != nil {
		return err
	}
	p, after := b.progress, b.after
	for _, one := range b.items {
		delete(l.busy, one.EventID)
		if one.State == store.DeliveryWaiting && !one.NextAt.After(l.Now()) {
			l.dueRead = false
		}
	}
	l.feed.order, l.feed.stored = l.feed.order[b.taken[0]:], p.Cursor
	if l.replay != nil && l.replayID == p.ReplayID {
		l.replay.order, l.replay.stored = l.replay.order[b.taken[1]:], p.ReplayCursor
		if p.ReplayDone {
			l.replay = nil
		}
	}
	changed := after.Version != l.endpoint.Version
	if p.Disable != "" && l.endpoint.State == store.WebhookEnabled && after.State == store.WebhookDisabled {
		l.Log.WarnContext(l.hard, "a webhook endpoint was disabled", "endpoint_id", after.ID, "application_id", after.ApplicationID, "reason", after.Reason)
	}
	if after.State != store.WebhookEnabled || l.soft.Err() != nil {
		l.endpoint = after
		return nil
	}
	if changed {
		return l.unlessStopped(l.adopt(after))
	}
	l.endpoint = after
	if time.Since(l.targetAt) < targetFor {
		return nil
	}
	// A secret may have expired.
	to, err := target(l.soft, l.Store, l.Keyring, after, l.Now())
	if err != nil {
		return l.unlessStopped(err)
	}
	l.target, l.targetAt = to, time.Now()
	return nil
}

// targetFor is how long the secrets of an endpoint are used without looking at them again.
const targetFor = time.Minute
