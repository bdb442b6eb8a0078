package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sendTo(t *testing.T, handler http.HandlerFunc, keys ...[]byte) Attempt {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sender := NewSender(Policy{Loopback: true}, nil, "1", func() time.Time { return noon })
	t.Cleanup(sender.Close)
	if keys == nil {
		keys = [][]byte{bytes.Repeat([]byte{7}, 32)}
	}
	return sender.Send(t.Context(), Target{URL: server.URL, Kind: perch.ClientSandbox, Keys: keys}, perch.NewID(), []byte(`{"a":1}`))
}

func TestAMessageIsSignedUnderEveryKey(t *testing.T) {
	t.Parallel()
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	a := sendTo(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		if r.Method != http.MethodPost || h.Get("Content-Type") != "application/json" || string(body) != `{"a":1}` {
			t.Errorf("%s %s %s", r.Method, h.Get("Content-Type"), body)
		}
		if h.Get("Finch-Timestamp") != fmt.Sprint(noon.Unix()) {
			t.Errorf("the timestamp is %s", h.Get("Finch-Timestamp"))
		}
		var want []string
		for _, key := range [][]byte{one, two} {
			mac := hmac.New(sha256.New, key)
			fmt.Fprintf(mac, "%s.%d.%s", h.Get("Finch-Event-Id"), noon.Unix(), body)
			want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		if got := h.Get("Finch-Signature"); got != strings.Join(want, " ") {
			t.Errorf("the signature is %s, want %s", got, want)
		}
		for ours, standard := range map[string]string{"Finch-Event-Id": "webhook-id", "Finch-Timestamp": "webhook-timestamp", "Finch-Signature": "webhook-signature"} {
			if h.Get(ours) == "" || h.Get(ours) != h.Get(standard) {
				t.Errorf("%s is %q and %s is %q", ours, h.Get(ours), standard, h.Get(standard))
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}, one, two)
	if !a.Delivered() || a.Error != "" || !a.At.Equal(noon) {
		t.Errorf("the attempt is %+v", a)
	}
}

func TestOnly2xxIsASuccessAndNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{200: true, 201: true, 299: true, 300: false, 302: false, 307: false, 400: false, 404: false, 410: false, 500: false} {
		var asked atomic.Int64
		a := sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		if a.Delivered() != want || a.Status != status || (a.Error == "") != want || asked.Load() != 1 {
			t.Errorf("%d: %+v after %d requests", status, a, asked.Load())
		}
	}
}

func TestAnAnswerIsBoundedAndCleaned(t *testing.T) {
	t.Parallel()
	a := sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), maxAnswer+1000))
	})
	if !a.Delivered() || len(a.Answer) != maxAnswer {
		t.Errorf("%d bytes were kept", len(a.Answer))
	}
	key := bytes.Repeat([]byte{9}, 32)
	a = sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("bad \xff\x00 secret " + encodeSecret(key)))
	}, key)
	if a.Answer != "bad \uFFFD secret [secret]" {
		t.Errorf("kept %q", a.Answer)
	}
	// What is no text, as a compressed answer, must not take more room than what was read.
	a = sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x\xff"), maxAnswer/2))
	})
	if len(a.Answer) > maxAnswer || !utf8.ValidString(a.Answer) {
		t.Errorf("%d bytes were kept", len(a.Answer))
	}
	key = []byte("a key of somebody's own, in words")
	a = sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(append([]byte("key: "), key...))
	}, key)
	if a.Answer != "key: [secret]" {
		t.Errorf("kept %q", a.Answer)
	}
}

func TestAnAnswerThatSwitchesProtocolsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	ended := make(chan Attempt, 1)
	go func() {
		ended <- sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nmore to come")
			<-released
		})
	}()
	defer close(released)
	select {
	case a := <-ended:
		if a.Delivered() || a.Status != http.StatusSwitchingProtocols || a.Error != "answered 101" {
			t.Errorf("the attempt is %+v", a)
		}
	case <-time.After(attemptTimeout + 5*time.Second):
		t.Error("an attempt is under way for longer than it may take")
	}
}

func TestABrokenAnswerSaysWhatWentWrongWithoutTheURL(t *testing.T) {
	t.Parallel()
	a := sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	if a.Delivered() || a.Cancelled || a.Error != "the connection was closed before an answer" {
		t.Errorf("a closed connection: %+v", a)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	sender := NewSender(Policy{Loopback: true}, nil, "", time.Now)
	a = sender.Send(t.Context(), Target{URL: gone.URL + "/?token=hush", Kind: perch.ClientSandbox, Keys: [][]byte{{1}}}, perch.NewID(), nil)
	if a.Error != "the connection was refused" {
		t.Errorf("a refused connection: %+v", a)
	}
}

func TestWhatWeBreakOffDidNotFail(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		<-release
	}))
	defer server.Close()
	defer close(release)
	a := NewSender(Policy{Loopback: true}, nil, "", time.Now).Send(ctx, Target{URL: server.URL, Kind: perch.ClientSandbox, Keys: [][]byte{{1}}}, perch.NewID(), nil)
	if !a.Cancelled || a.Error != "" {
		t.Errorf("the attempt is %+v", a)
	}
}

func TestTheScheduleOfRetries(t *testing.T) {
	t.Parallel()
	failed := Attempt{At: noon, Status: 500, Error: "answered 500"}
	want := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	var d store.WebhookDelivery
	for i, wait := range want {
		d.Tries = i + 1
		settle(&d, failed, noon)
		if d.State != store.DeliveryWaiting || !d.NextAt.Equal(noon.Add(wait)) {
			t.Errorf("after attempt %d it is %s until %v, want %v", d.Tries, d.State, d.NextAt, wait)
		}
	}
	d.Tries = len(want) + 1
	if settle(&d, failed, noon); d.State != store.DeliveryFailed || !d.NextAt.IsZero() {
		t.Errorf("after attempt %d it is %s", d.Tries, d.State)
	}
	d.Tries = 1
	if settle(&d, Attempt{Status: http.StatusGone}, noon); d.State != store.DeliveryFailed {
		t.Errorf("after 410 it is %s", d.State)
	}
	if settle(&d, Attempt{Status: 503, RetryAfter: time.Hour}, noon); !d.NextAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("put off by an hour it is due at %v", d.NextAt)
	}
	d.Tries = 5
	if settle(&d, Attempt{Status: 503, RetryAfter: time.Second}, noon); !d.NextAt.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("a receiver shortened the schedule: due at %v", d.NextAt)
	}
	if settle(&d, Attempt{Status: 200}, noon); d.State != store.DeliveryDelivered || !d.NextAt.IsZero() {
		t.Errorf("after 200 it is %s", d.State)
	}
}

func TestRetryAfterIsReadAndBounded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-5": 0, "soon": 0, "1.5": 0,
		"999999999999999999999999":      maxRetryAfter,
		"9000000000":                    maxRetryAfter,
		"Sun, 01 Mar 2026 12:10:00 GMT": 10 * time.Minute,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2099 11:00:00 GMT": maxRetryAfter,
	} {
		if got := parseRetryAfter(text, noon); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
	for status, want := range map[int]time.Duration{429: time.Minute, 503: time.Minute, 500: 0, 200: 0} {
		a := sendTo(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(status)
		})
		if a.RetryAfter != want {
			t.Errorf("Retry-After with %d waits %v, want %v", status, a.RetryAfter, want)
		}
	}
}
