package connectui

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

//go:embed screens/*.html
var screenFiles embed.FS

//go:embed assets/connect.css assets/connect.js
var assetFiles embed.FS

// Bounds of what a browser may send. No field of a form is near them.
const (
	maxForm   = 64 << 10
	maxFields = 512
	maxValue  = 8 << 10
	maxQuery  = 8 << 10
)

// scripted is the header by which the page's script tells that it sent the form, and codeHeader the one
// that names an error to programs.
const (
	scripted   = "Perch-Script"
	codeHeader = "Perch-Error"
)

// Handler serves Connect's pages.
type Handler struct {
	visits Visits
	client func(*http.Request) string
	log    *slog.Logger
	design *web.Design
	assets *web.Assets
	pages  *template.Template
	embed  script
	rows   rows
}

// New prepares the pages. client tells the address that a request came from.
func New(visits Visits, client func(*http.Request) string, log *slog.Logger) (*Handler, error) {
	design, err := web.New()
	if err != nil {
		return nil, err
	}
	assets, err := web.NewAssets("/connect/assets/", assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	pages, err := design.Pages(screenFiles, "screens/*.html", assets)
	if err != nil {
		return nil, err
	}
	embed, err := newScript()
	if err != nil {
		return nil, err
	}
	return &Handler{visits: visits, client: client, log: log, design: design, assets: assets, pages: pages, embed: embed,
		rows: rows{kept: map[connect.ProviderCard]template.HTML{}}}, nil
}

// Mount adds the routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /authorize", h.open)
	mux.HandleFunc("POST /connect/step", h.step)
	mux.HandleFunc("GET /connect/oauth/callback", h.callback)
	mux.Handle("GET /v1/connect.js", h.embed)
	mux.Handle("GET /latest/connect.js", h.embed)
	h.design.Assets.Mount(mux)
	h.assets.Mount(mux)
}

func (h *Handler) open(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	view, err := h.visits.Open(r.Context(), connect.OpenRequest{
		SessionID: q.Get("session"), State: q.Get("state"),
		Embedded: q.Get("app_type") == "spa", HostURL: q.Get("sdk_host_url"),
		Preview: q.Get("preview") == "true", ClientID: q.Get("client_id"), Products: q.Get("products"),
		RedirectURI: q.Get("redirect_uri"), PayrollProvider: q.Get("payroll_provider"),
		Manual: q.Get("manual") == "true", Sandbox: q.Get("sandbox"),
		ConnectionID: q.Get("connection_id"), Category: q.Get("category"), RemoteIP: h.client(r),
	})
	h.answer(w, r, view, err, asked{host: q.Get("sdk_host_url")})
}

func (h *Handler) step(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	action := connect.Action{
		SessionID: form.Get("session"), Nonce: form.Get("nonce"), Verb: connect.Verb(form.Get("verb")),
		Values: form, RemoteIP: h.client(r), Scripted: r.Header.Get(scripted) != "",
	}
	a := asked{query: form.Get("q")}
	inPopup := form.Get("window") == "popup"
	for _, own := range []string{"session", "nonce", "verb", "q", "window"} {
		form.Del(own)
	}
	view, err := h.visits.Do(r.Context(), action)
	if err == nil && inPopup && view.Embedded && (view.Problem == nil || !view.Problem.Fatal) {
		h.show(w, r, status(view), h.returned(view), policy{})
		return
	}
	if err == nil && action.Verb == connect.VerbRequest && view.Problem == nil {
		a.thanks = true
	}
	h.answer(w, r, view, err, a)
}

// callback is where a provider sends the browser. It does nothing but hold what the provider sent: the
// page that began the sign-in comes for it, or has left a note of itself in this window. A browser that
// a stranger sent here has neither.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	p := fatal(connect.Problem{Title: "Back from the sign-in", Text: "Go back to the window in which you began, and sign in from there. Nothing was connected here."})
	p.Answer = &answer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error")}
	h.show(w, r, http.StatusOK, p, policy{})
}

// answer shows a view, or leaves the page where the view says so.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, view connect.View, err error, a asked) {
	if err != nil {
		if r.Context().Err() == nil {
			h.log.ErrorContext(r.Context(), "Connect failed", "path", r.URL.Path, "error", err)
		}
		h.show(w, r, http.StatusInternalServerError, fatal(unforeseen()), policy{})
		return
	}
	if out := view.Outcome; out != nil && leaves(view) && r.Header.Get(scripted) == "" {
		secretHeaders(w.Header())
		http.Redirect(w, r, out.URL, http.StatusSeeOther)
		return
	}
	p, err := h.page(view, a)
	if err != nil {
		h.log.ErrorContext(r.Context(), "Connect could not show a page", "step", string(view.Step), "error", err)
		h.show(w, r, http.StatusInternalServerError, fatal(unforeseen()), policy{})
		return
	}
	announce(w.Header(), view)
	h.show(w, r, status(view), p, policyFor(view, a))
}

// leaves reports whether the outcome is an address to go to: everywhere outside a frame. From inside
// a frame only the script leaves, and then in another window.
func leaves(view connect.View) bool { return !view.Embedded && isAddress(view.Outcome.URL) }

// isAddress reports whether a browser may be sent there: to a page, not to a script.
func isAddress(s string) bool {
	target, err := url.Parse(s)
	return err == nil && target.Host != "" && (target.Scheme == "https" || target.Scheme == "http")
}

// status is for those who look at it; browsers show the page either way.
func status(view connect.View) int {
	if view.Problem != nil && view.Problem.Kind == "too_many_attempts" {
		return http.StatusTooManyRequests
	}
	if view.Problem == nil || !view.Problem.Fatal {
		return http.StatusOK
	}
	switch view.Problem.Kind {
	case "session_expired", "session_used":
		return http.StatusGone
	case "session_unknown":
		return http.StatusNotFound
	case "host_not_allowed":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// announce names the error to programs, as the published error table does, and says when to come back.
func announce(header http.Header, view connect.View) {
	if view.Problem == nil || view.Problem.Code == "" {
		return
	}
	header.Set(codeHeader, view.Problem.Code)
	if wait := view.Problem.RetryAfter; wait > 0 {
		header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
}

// show writes a page, compressed where the browser can read that. What a page reflects can be guessed
// from its compressed size only by someone who makes the browser ask again and again; the forms'
// nonces work once, so nobody can.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, p page, allowed policy) {
	p.Nonce = newNonce()
	var b bytes.Buffer
	if err := h.pages.ExecuteTemplate(&b, "page", p); err != nil {
		h.log.ErrorContext(r.Context(), "Connect could not show a page", "error", err)
		http.Error(w, "Something went wrong. Please try again.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	secretHeaders(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", allowed.header(p.Nonce))
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	header.Set("Vary", "Accept-Encoding")
	send(w, r, status, b.Bytes())
}

// refuse answers a request that no page of ours sends.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.log.InfoContext(r.Context(), "Connect refused a request", "reason", err)
	h.show(w, r, http.StatusBadRequest, fatal(unreadable()), policy{})
}

func readQuery(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, errors.New("the query is too long")
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query cannot be read")
	}
	return q, nil
}

// readForm reads a form that a page of ours sent. It never says what was in it.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return nil, errors.New("the form was sent from another site")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errors.New("the content type is not that of a form")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, errors.New("the form is too large or was cut off")
	}
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, errors.New("the form has too many fields")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the form cannot be read")
	}
	for name, values := range form {
		for _, value := range values {
			if len(name) > maxValue || len(value) > maxValue || strings.ContainsRune(value, 0) {
				return nil, errors.New("a field of the form is too long")
			}
		}
	}
	return form, nil
}

// render runs one template of a screen.
func (h *Handler) render(name string, value any) (template.HTML, error) {
	var b strings.Builder
	if err := h.pages.ExecuteTemplate(&b, name, value); err != nil {
		return "", fmt.Errorf("rendering %s: %w", name, err)
	}
	// The template escaped what it was given.
	return template.HTML(b.String()), nil
}
