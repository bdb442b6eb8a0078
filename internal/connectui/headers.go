package connectui

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

// policy is what differs between the content policies of pages.
type policy struct {
	// frames are the origins that may frame the page; none may by default.
	frames []string
	// leads lets the page's forms be answered with a redirect elsewhere.
	leads bool
}

func policyFor(view connect.View, a asked) policy {
	p := policy{leads: leadsElsewhere(view)}
	if fatal := view.Problem != nil && view.Problem.Kind == "host_not_allowed"; fatal {
		return p
	}
	// A page that belongs to no application says nothing and does nothing, so whoever opened it by
	// mistake may read there what is wrong.
	if view.Application == "" && view.Problem != nil && isOrigin(a.host) {
		p.frames = []string{a.host}
	}
	for _, origin := range view.FrameOrigins {
		if isOrigin(origin) {
			p.frames = append(p.frames, origin)
		}
	}
	return p
}

// leadsElsewhere: browsers hold the redirect that answers a form against the form's page, so without a
// script a page must allow where it may lead. Where secrets are typed nothing leads elsewhere.
func leadsElsewhere(view connect.View) bool {
	return !view.Embedded && view.Step != connect.StepCredentials && view.Step != connect.StepMFA
}

// origin is a scheme and a host, perhaps a port, and nothing that could begin another directive.
var origin = regexp.MustCompile(`^https?://(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(:([0-9]{1,5}|\*))?$`)

func isOrigin(s string) bool { return len(s) < 300 && origin.MatchString(s) }

func (p policy) header(nonce string) string {
	frames, forms := "'none'", "'self'"
	if len(p.frames) > 0 {
		frames = strings.Join(p.frames, " ")
	}
	if p.leads {
		forms = "'self' https: http://localhost:* http://127.0.0.1:*"
	}
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; img-src data:; connect-src 'self'; " +
		"base-uri 'none'; form-action " + forms + "; frame-ancestors " + frames
}

// secretHeaders keep a page, and the address that it has, out of every cache and every other site.
func secretHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// send writes a body, compressed if the client reads that.
func send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	if !web.AcceptsGzip(r) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	compressor, _ := compressors.Get().(*gzip.Writer)
	defer compressors.Put(compressor)
	compressor.Reset(w)
	_, _ = compressor.Write(body)
	_ = compressor.Close()
}
