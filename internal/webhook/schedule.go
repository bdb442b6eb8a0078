package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/perchhq/perch/internal/store"
)

// retryAfter is how long each failed attempt is waited after, as the published documentation has it.
// The attempt after the last of them is the last.
var retryAfter = [...]time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

const (
	// maxRetryAfter bounds how long a receiver may put us off.
	maxRetryAfter = 24 * time.Hour
	// patience is how long an endpoint may fail without a success before it is disabled.
	patience = 5 * 24 * time.Hour
)

// settle says where a delivery stands after an attempt; its Tries include it.
func settle(d *store.WebhookDelivery, a Attempt, now time.Time) {
	d.AttemptedAt, d.Status, d.Error, d.NextAt = a.At, a.Status, a.Error, time.Time{}
	switch {
	case a.Delivered():
		d.State = store.DeliveryDelivered
	case a.Status == http.StatusGone || d.Tries > len(retryAfter):
		d.State = store.DeliveryFailed
	default:
		d.State, d.NextAt = store.DeliveryWaiting, now.Add(max(retryAfter[d.Tries-1], a.RetryAfter))
	}
}

// parseRetryAfter reads the header as seconds or as a date, and returns how long to wait.
func parseRetryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	wait := time.Duration(0)
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter // too large a number for either
		}
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
