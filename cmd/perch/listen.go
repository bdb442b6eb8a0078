package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/webhook"
)

// running is a Perch that answers over HTTP, by default that of perch dev.
type running struct {
	Data         string `help:"Folder of dev.json, which says where perch dev is and who to be." default:"./perch-data" env:"PERCH_DATA" type:"path"`
	API          string `help:"Address of another Perch; then give the client id and secret, too." name:"api" placeholder:"URL" env:"PERCH_API"`
	ClientID     string `help:"Client id of the application." name:"client-id" env:"PERCH_CLIENT_ID"`
	ClientSecret string `help:"Client secret of the application." name:"client-secret" env:"PERCH_CLIENT_SECRET"`
}

// Validate wants all or nothing.
func (r *running) Validate() error {
	if given := r.API != "" || r.ClientID != "" || r.ClientSecret != ""; given && (r.API == "" || r.ClientID == "" || r.ClientSecret == "") {
		return errors.New("--api, --client-id and --client-secret go together")
	}
	if r.API != "" {
		if u, err := url.Parse(r.API); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("--api: %q is not an address such as https://perch.example.com", r.API)
		}
	}
	return nil
}

// dev is where it is and who to be. It is read anew each time: a restarted server has another address.
func (r *running) dev() (app.DevFile, error) {
	if r.API != "" {
		return app.DevFile{APIURL: strings.TrimSuffix(r.API, "/"), ClientID: r.ClientID, ClientSecret: r.ClientSecret}, nil
	}
	dev, err := app.ReadDev(r.Data)
	if err == nil && dev.APIURL == "" {
		err = fmt.Errorf("%s holds no dev.json: start perch dev, or name a Perch with --api, --client-id and --client-secret", r.Data)
	}
	return dev, err
}

const (
	// askTimeout bounds one request to Perch, and maxAnswerBytes its answer.
	askTimeout     = 30 * time.Second
	maxAnswerBytes = 16 << 20
)

// refused is an answer of Perch that is no success.
type refused struct {
	Status  int
	Message string `json:"message"`
}

// Error implements error.
func (r *refused) Error() string {
	if r.Message == "" {
		return fmt.Sprintf("Perch answered %d", r.Status)
	}
	return r.Message
}

// ask sends one request as the application and decodes the answer.
func ask(ctx context.Context, dev app.DevFile, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, dev.APIURL+path, content)
	if err != nil {
		return err
	}
	request.SetBasicAuth(dev.ClientID, dev.ClientSecret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return err
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		failure := &refused{Status: answer.StatusCode}
		_ = json.Unmarshal(text, failure) // a proxy may answer in another form
		return failure
	}
	return json.Unmarshal(text, into)
}

type listenCommand struct {
	running
	ForwardTo string   `help:"Send each event on to this URL, signed as a webhook." name:"forward-to" placeholder:"URL"`
	Events    []string `help:"Only these types of events, separated by commas."`
	Secret    string   `help:"Secret to sign with; that of dev.json if left out." env:"PERCH_WEBHOOK_SECRET"`
	JSON      bool     `help:"Print each event as JSON on one line."`
}

// anywhere lets a developer send events on to whatever runs on the own machine or network.
var anywhere = webhook.Policy{Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}

// Validate checks what the parser cannot.
func (c *listenCommand) Validate() error {
	if err := c.running.Validate(); err != nil {
		return err
	}
	if c.ForwardTo == "" {
		return nil
	}
	if err := anywhere.CheckURL(perch.ClientSandbox, c.ForwardTo); err != nil {
		return fmt.Errorf("--forward-to: %s", explain(err))
	}
	return nil
}

const (
	// listenEvery is how often new events are asked for, and awayEvery how often while Perch does not answer.
	listenEvery = 250 * time.Millisecond
	awayEvery   = time.Second
	listenPage  = 500
)

// feedPage is a page of GET /events. The bodies are kept as they came: they are what is signed.
type feedPage struct {
	Events []struct {
		ID        perch.ID        `json:"id"`
		CreatedAt time.Time       `json:"created_at"`
		Body      json.RawMessage `json:"body"`
	} `json:"events"`
	NextCursor string `json:"next_cursor"`
	HasMore    bool   `json:"has_more"`
}

// listener prints and forwards events.
type listener struct {
	*listenCommand
	t      *terminal
	sender *webhook.Sender
	cursor string
	// away says that Perch does not answer, which was told.
	away bool
}

// Run listens until a signal.
func (c *listenCommand) Run(ctx context.Context, t *terminal) error {
	l := &listener{listenCommand: c, t: t, cursor: "latest", sender: webhook.NewSender(anywhere, nil, version(), time.Now)}
	defer l.sender.Close()
	if _, err := c.key(); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		wait, err := l.look(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		timer.Reset(wait)
	}
}

// key is what forwarded events are signed with.
func (c *listenCommand) key() ([]byte, error) {
	if c.ForwardTo == "" {
		return nil, nil
	}
	text := c.Secret
	if text == "" {
		dev, err := c.dev()
		if err != nil {
			return nil, err
		}
		text = dev.WebhookSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, errors.New("--secret: give the base64 secret that the receiver verifies with")
	}
	return key, nil
}

// look asks once and says when to ask again. It fails when asking again would not help.
func (l *listener) look(ctx context.Context) (wait time.Duration, err error) {
	dev, err := l.dev()
	if err != nil {
		return 0, err
	}
	query := url.Values{"cursor": {l.cursor}, "limit": {fmt.Sprint(listenPage)}}
	if len(l.Events) > 0 {
		query.Set("event_types", strings.Join(l.Events, ","))
	}
	var page feedPage
	err = ask(ctx, dev, http.MethodGet, "/events?"+query.Encode(), nil, &page)
	var known *refused
	if errors.As(err, &known) && known.Status < 500 {
		return 0, err
	}
	if err != nil {
		if !l.away && ctx.Err() == nil {
			fmt.Fprintf(l.t.err, "Perch does not answer at %s; waiting for it.\n", dev.APIURL)
		}
		l.away = true
		return awayEvery, nil
	}
	if l.away || l.cursor == "latest" {
		fmt.Fprintf(l.t.err, "Listening at %s. Ctrl-C ends.\n", dev.APIURL)
		l.away = false
	}
	for _, one := range page.Events {
		if ctx.Err() != nil {
			return 0, nil
		}
		if err := l.show(ctx, one.ID, one.CreatedAt, one.Body); err != nil {
			return 0, err
		}
	}
	l.cursor = page.NextCursor
	if page.HasMore {
		return 0, nil
	}
	return listenEvery, nil
}

// shown is an event as --json prints it.
type shown struct {
	ID        perch.ID        `json:"id"`
	CreatedAt time.Time       `json:"created_at"`
	Body      json.RawMessage `json:"body"`
	Forwarded *forwarded      `json:"forwarded,omitempty"`
}

type forwarded struct {
	Status int    `json:"status"`
	TookMS int64  `json:"took_ms"`
	Error  string `json:"error,omitempty"`
}

// show prints one event, sends it on, and prints how that went.
func (l *listener) show(ctx context.Context, id perch.ID, at time.Time, body json.RawMessage) error {
	line := shown{ID: id, CreatedAt: at, Body: body}
	if l.ForwardTo != "" {
		key, err := l.key()
		if err != nil {
			return err
		}
		a := l.sender.Send(ctx, webhook.Target{URL: l.ForwardTo, Kind: perch.ClientSandbox, Keys: [][]byte{key}}, id, body)
		if a.Cancelled {
			return nil
		}
		line.Forwarded = &forwarded{a.Status, a.Took.Milliseconds(), a.Error}
	}
	if l.JSON {
		return json.NewEncoder(l.t.out).Encode(line)
	}
	var e perch.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("reading event %s: %w", id, err)
	}
	text := fmt.Sprintf("%s  %-34s connection %s  %s", at.Local().Format(time.TimeOnly), e.Type, e.ConnectionID, e.Data)
	if f := line.Forwarded; f != nil {
		text += fmt.Sprintf("  -> %d in %d ms", f.Status, f.TookMS)
		if f.Error != "" {
			text += ": " + f.Error
		}
	}
	_, err := fmt.Fprintln(l.t.out, text)
	return err
}
