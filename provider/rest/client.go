package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Client calls the API of one provider for one account. It is set up once and then safe for use by
// several goroutines.
type Client struct {
	// Provider is the provider's name, for errors.
	Provider string
	// Base is where the API lives, its path included. No request leaves its scheme and host.
	Base *url.URL
	// Transport carries requests; nil means Shared. Redirects are never followed.
	Transport http.RoundTripper
	// Header is sent with every request.
	Header http.Header
	// Sign adds the credentials to a request.
	Sign func(ctx context.Context, r *http.Request) error
	// Renew gets new credentials after a 401, once per call; nil means that a 401 is final.
	Renew func(ctx context.Context) error
	// Limits are what the provider allows this account; nil means none that is known.
	Limits *Limits
	// Retry says how patient the client is. The zero value is [Patient].
	Retry Retry
	// Refusal reads an answer that is not a success, where the status alone does not say enough: a
	// missing right, a 200 that is none. It returns nil to leave the answer to its status. It must not
	// quote what the answer says about people.
	Refusal func(a *Answer) error
	// MaxBytes bounds the body of an answer; 0 means 32 MiB.
	MaxBytes int64
	// Clock tells the time and waits; nil means the machine's clock.
	Clock Clock
}

// Clock tells the time and waits, so that tests need not.
type Clock interface {
	Now() time.Time
	// Sleep waits until d has passed or ctx ends, and then returns its error.
	Sleep(ctx context.Context, d time.Duration) error
}

const (
	defaultMaxBytes = 32 << 20
	// attemptTimeout is how long one attempt may take, body included.
	attemptTimeout = 60 * time.Second
)

// Shared is the transport for providers: certificates are checked, nothing goes through a proxy that the
// environment does not name.
var Shared http.RoundTripper = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ResponseHeaderTimeout: 45 * time.Second,
	IdleConnTimeout:       90 * time.Second,
	MaxIdleConnsPerHost:   16,
	ForceAttemptHTTP2:     true,
}

// Call is one request to the provider.
type Call struct {
	Method string
	// Path is added to the client's Base; it begins with a slash and is escaped already.
	Path  string
	Query url.Values
	// Body is sent as JSON, Form as a form; at most one of them is set.
	Body any
	Form url.Values
	// Header is sent beside the client's.
	Header http.Header
	// Repeatable says that the call may be sent again although the provider may have done it already,
	// because doing it twice changes nothing. GET, HEAD, PUT and DELETE always may.
	Repeatable bool
}

// Answer is what the provider said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	call   string
}

// Get reads JSON.
func Get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, *Answer, error) {
	return Send[T](ctx, c, Call{Method: http.MethodGet, Path: path, Query: query})
}

// Send makes a call and reads the JSON that comes back. Fields that T does not have are passed over; an
// answer without a body leaves T zero.
func Send[T any](ctx context.Context, c *Client, call Call) (value T, answer *Answer, err error) {
	answer, err = c.Do(ctx, call)
	if err != nil || len(bytes.TrimSpace(answer.Body)) == 0 {
		return value, answer, err
	}
	return value, answer, answer.Decode(&value)
}

// maxDepth is how deep an answer may be nested.
const maxDepth = 64

// Decode reads the answer's JSON into value.
func (a *Answer) Decode(value any) error {
	if depth(a.Body) > maxDepth {
		return &provider.Broken{What: a.call + " answered with JSON that is nested too deeply"}
	}
	if err := json.Unmarshal(a.Body, value); err != nil {
		return &provider.Broken{What: a.call + " answered with " + unreadable(err)}
	}
	return nil
}

// unreadable says why JSON could not be read, without quoting it.
func unreadable(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("a %s where %q is expected to be %s", mismatch.Value, mismatch.Field, mismatch.Type)
	}
	return "a body that is not JSON"
}

// depth returns how deep JSON text is nested.
func depth(text []byte) (deepest int) {
	level, inString, escaped := 0, false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = b == '\\', b != '"'
		case b == '"':
			inString = true
		case b == '{' || b == '[':
			level++
			deepest = max(deepest, level)
		case b == '}' || b == ']':
			level--
		}
	}
	return deepest
}

// Do makes a call and returns the provider's answer to it if that is a success. It waits for the provider's
// limits, tries again what may pass, and renews credentials once.
func (c *Client) Do(ctx context.Context, call Call) (*Answer, error) {
	body, err := call.encode()
	if err != nil {
		return nil, err
	}
	target, err := c.target(call)
	if err != nil {
		return nil, err
	}
	name := call.Method + " " + c.Base.Path + call.Path
	renewed := c.Renew == nil
	for attempt := 1; ; attempt++ {
		answer, err := c.once(ctx, call, target, body, name)
		if errors.Is(err, perch.ErrReauthenticate) && !renewed {
			renewed, attempt = true, attempt-1
			if err := c.Renew(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err == nil || ctx.Err() != nil {
			return answer, err
		}
		wait, again := c.Retry.after(attempt, call, err)
		if !again {
			return nil, err
		}
		if c.clock().Sleep(ctx, wait) != nil {
			return nil, fmt.Errorf("%s: %w", name, context.Cause(ctx))
		}
	}
}

func (c *Client) clock() Clock {
	if c.Clock != nil {
		return c.Clock
	}
	return machine{}
}

func (c Call) encode() ([]byte, error) {
	switch {
	case c.Form != nil:
		return []byte(c.Form.Encode()), nil
	case c.Body == nil:
		return nil, nil
	}
	text, err := json.Marshal(c.Body)
	if err != nil {
		return nil, fmt.Errorf("encoding a request: %w", err)
	}
	return text, nil
}

// target puts the address together and holds it to the provider's own host.
func (c *Client) target(call Call) (*url.URL, error) {
	if !strings.HasPrefix(call.Path, "/") || strings.HasPrefix(call.Path, "//") {
		return nil, fmt.Errorf("the path of a call to %s does not begin with one slash", c.Provider)
	}
	target, err := url.Parse(strings.TrimSuffix(c.Base.String(), "/") + call.Path)
	if err != nil || target.Scheme != c.Base.Scheme || target.Host != c.Base.Host {
		return nil, fmt.Errorf("the path of a call to %s is not a path", c.Provider)
	}
	if len(call.Query) > 0 {
		target.RawQuery = call.Query.Encode()
	}
	return target, nil
}

// once makes one attempt.
func (c *Client) once(ctx context.Context, call Call, target *url.URL, body []byte, name string) (*Answer, error) {
	release, err := c.Limits.wait(ctx, c.clock())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r, err := c.request(ctx, call, target, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.roundTrip(r, name)
	if err != nil {
		return nil, err
	}
	c.Limits.heed(answer, c.clock().Now())
	if c.Refusal != nil {
		if refusal := c.Refusal(answer); refusal != nil {
			return nil, fmt.Errorf("%s: %w", name, refusal)
		}
	}
	if answer.Status/100 == 2 {
		return answer, nil
	}
	return nil, fmt.Errorf("%s: %w", name, ByStatus(answer, c.clock().Now()))
}

func (c *Client) request(ctx context.Context, call Call, target *url.URL, body []byte) (*http.Request, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, target.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("making a request to %s: the method or the address is not valid", c.Provider)
	}
	for _, header := range []http.Header{c.Header, call.Header} {
		for key, values := range header {
			r.Header[key] = values
		}
	}
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	if body != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", call.contentType())
	}
	if c.Sign != nil {
		if err := c.Sign(ctx, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (c Call) contentType() string {
	if c.Form != nil {
		return "application/x-www-form-urlencoded"
	}
	return "application/json"
}

// unsent marks a failure before the request reached the provider.
type unsent struct{ error }

// Unwrap returns the failure.
func (u unsent) Unwrap() error { return u.error }

func (c *Client) roundTrip(r *http.Request, name string) (*Answer, error) {
	transport := c.Transport
	if transport == nil {
		transport = Shared
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, failed(r.Context(), name, err)
	}
	defer func() { _ = response.Body.Close() }()
	most := c.MaxBytes
	if most == 0 {
		most = defaultMaxBytes
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, failed(r.Context(), name, err)
	}
	if int64(len(text)) > most {
		return nil, &provider.Broken{What: fmt.Sprintf("%s answered with more than %d bytes", name, most)}
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: text, call: name}, nil
}

// failed describes a request that got no answer. What the transport says may hold the address with
// its query, so only its kind is kept.
func failed(ctx context.Context, name string, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", name, cause)
	}
	what := fmt.Errorf("%s got no answer: %w", name, provider.ErrUnavailable)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return unsent{what}
	}
	return what
}
