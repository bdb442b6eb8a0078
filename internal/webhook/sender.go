package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	perch "github.com/perchhq/perch"
)

// Limits of one attempt.
const (
	attemptTimeout = 15 * time.Second
	connectTimeout = 10 * time.Second
	idleTimeout    = 60 * time.Second
	// maxAnswer is how much of an answer is read and kept, in bytes.
	maxAnswer       = 64 << 10
	maxAnswerHeader = 64 << 10
	// maxErrorText bounds what is kept of an error.
	maxErrorText = 300
)

// Attempt is one request and how it ended.
type Attempt struct {
	At   time.Time
	Took time.Duration
	// Status is 0 when there was no answer.
	Status int
	// Answer is the beginning of the answer's body, as text.
	Answer string
	// Error says why it is no success.
	Error string
	// RetryAfter is how long the receiver wants us to wait.
	RetryAfter time.Duration
	// Cancelled says that we broke it off ourselves: it counts neither way.
	Cancelled bool
}

// Delivered reports a success, which is an answer of 2xx.
func (a Attempt) Delivered() bool { return a.Status >= 200 && a.Status <= 299 }

// Sender makes attempts. It never follows a redirect and uses no proxy.
type Sender struct {
	now func() time.Time
	// agent is the User-Agent.
	agent string
	// Sandbox applications may reach more than others, so they share no connection with them.
	sandbox, other *http.Client
}

// NewSender returns a sender that keeps to a policy. resolver may be nil for the system's.
func NewSender(policy Policy, resolver *net.Resolver, version string, now func() time.Time) *Sender {
	return &Sender{now: now, agent: strings.TrimSpace("Perch-Webhooks " + version),
		sandbox: newClient(policy, perch.ClientSandbox, resolver), other: newClient(policy, perch.ClientProduction, resolver)}
}

func newClient(policy Policy, kind perch.ClientType, resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: idleTimeout, Resolver: resolver,
		// Asked for each address that is tried, after the name was resolved: what a name said earlier
		// does not matter.
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return errors.New("not connected: the address is not one of the Internet")
			}
			if why := policy.refusal(to.Addr(), kind); why != "" {
				return &refusedError{to.Addr(), why}
			}
			return nil
		}}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: connectTimeout, IdleConnTimeout: idleTimeout,
		MaxIdleConns: 1024, MaxIdleConnsPerHost: concurrency, MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression: true, ForceAttemptHTTP2: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close gives up connections that are not in use.
func (s *Sender) Close() {
	s.sandbox.CloseIdleConnections()
	s.other.CloseIdleConnections()
}

// Target is where a message goes.
type Target struct {
	URL  string
	Kind perch.ClientType
	// Keys sign the message. None of them, nor its base64, is kept if the receiver sends it back.
	Keys [][]byte
}

// Send makes one attempt. When ctx ends it is broken off.
func (s *Sender) Send(ctx context.Context, to Target, id perch.ID, body []byte) Attempt {
	started := time.Now()
	a := Attempt{At: s.now()}
	err := s.send(ctx, to, id, body, &a)
	a.Took = time.Since(started)
	switch {
	case a.Delivered():
	case ctx.Err() != nil && a.Status == 0:
		a.Cancelled = true
	case a.Status >= 300 && a.Status <= 399:
		a.Error = fmt.Sprintf("answered %d: redirects are not followed", a.Status)
	case a.Status != 0:
		a.Error = fmt.Sprintf("answered %d", a.Status)
	default:
		a.Error = explain(err)
	}
	return a
}

func (s *Sender) send(ctx context.Context, to Target, id perch.ID, body []byte, a *Attempt) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = Headers(id.String(), a.At, body, to.Keys...)
	request.Header["User-Agent"] = []string{s.agent}
	client := s.other
	if to.Kind == perch.ClientSandbox {
		client = s.sandbox
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	a.Status = answer.StatusCode
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		a.RetryAfter = parseRetryAfter(answer.Header.Get("Retry-After"), a.At)
	}
	if a.Status == http.StatusSwitchingProtocols {
		return nil // what follows is no body but the connection itself, which no timeout ends
	}
	// What is wrong with the body changes nothing: the status was the answer.
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	a.Answer = clean(text, to.Keys)
	return nil
}

// clean makes text of an answer that can be stored and shown.
func clean(answer []byte, keys [][]byte) string {
	text := string(answer)
	for _, key := range keys {
		text = strings.NewReplacer(encodeSecret(key), "[secret]", string(key), "[secret]").Replace(text)
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) > maxAnswer { // a replacement takes more room than what it replaces
		text = strings.ToValidUTF8(text[:maxAnswer], "")
	}
	return text
}

// explain says what went wrong without the URL, which may hold secrets.
func explain(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var refused *refusedError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &name):
		if name.IsNotFound {
			return "the name does not exist"
		}
		return "the name could not be resolved"
	case errors.As(err, &authority):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &certificate):
		return shortened("the certificate is not valid: " + certificate.Err.Error())
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before an answer"
	}
	return shortened(err.Error())
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func shortened(text string) string {
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return strings.ReplaceAll(text, "\x00", "")
}
