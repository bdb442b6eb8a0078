package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/deduction"
	"github.com/perchhq/perch/internal/operator"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/web"
)

//go:embed screens/*.html
var screenFiles embed.FS

//go:embed assets/console.css assets/console.js
var assetFiles embed.FS

// Config is what the console needs. All fields are required.
type Config struct {
	Operators *operator.Service
	Desk      *assist.Desk
	Uploads   *assist.Uploads
	// Deductions are entered at providers by people.
	Deductions *deduction.Service
	// DropFolder is below which folders are watched, and SFTPAddr where files are taken in over SFTP; empty
	// where this is not configured.
	DropFolder, SFTPAddr string
	// Client returns the address of who sent a request.
	Client func(*http.Request) string
	Now    func() time.Time
	Log    *slog.Logger
	// Secure says that the installation's public address is https, whatever the request looks like.
	Secure bool
}

// Handler serves the console.
type Handler struct {
	Config
	assets *web.Assets
	pages  *template.Template
}

// New prepares the pages.
func New(config Config) (*Handler, error) {
	design, err := web.New()
	if err != nil {
		return nil, err
	}
	h := &Handler{Config: config}
	if h.assets, err = web.NewAssets("/console/assets/", assetFiles, "assets"); err != nil {
		return nil, err
	}
	h.pages, err = design.Pages(screenFiles, "screens/*.html", h.assets)
	return h, err
}

// Mount adds the routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	h.assets.Mount(mux)
	mux.HandleFunc("GET /console", func(w http.ResponseWriter, r *http.Request) { redirect(w, r, "/console/queue") })
	mux.HandleFunc("GET /console/sign-in", h.signInPage)
	mux.HandleFunc("POST /console/sign-in", h.signIn)
	mux.HandleFunc("GET /console/link", h.linkPage)
	mux.HandleFunc("POST /console/link", h.signInByLink)
	mux.HandleFunc("/console/", h.notFound)
	for pattern, serve := range map[string]func(*visit) error{
		"POST /console/sign-out":   h.signOut,
		"GET /console/queue":       h.queue,
		"POST /console/requests":   h.closeRequest,
		"GET /console/connections": h.connections,
		"GET /console/audit":       h.auditLog,

		"GET /console/a/{application}/c/{connection}":              h.connection,
		"POST /console/a/{application}/c/{connection}/status":      h.setStatus,
		"POST /console/a/{application}/c/{connection}/address":     h.setAddress,
		"POST /console/a/{application}/c/{connection}/credentials": h.saveCredentials,
		"POST /console/a/{application}/c/{connection}/reveal":      h.reveal,
		"POST /console/a/{application}/c/{connection}/drop":        h.changeDrop,

		"POST /console/a/{application}/c/{connection}/uploads":                  h.receive,
		"GET /console/a/{application}/c/{connection}/uploads/{upload}":          h.upload,
		"POST /console/a/{application}/c/{connection}/uploads/{upload}/mapping": h.mapUpload,
		"POST /console/a/{application}/c/{connection}/uploads/{upload}/publish": h.publishUpload,
		"POST /console/a/{application}/c/{connection}/uploads/{upload}/reject":  h.rejectUpload,
		"POST /console/a/{application}/c/{connection}/uploads/{upload}/reveal":  h.revealUpload,

		"GET /console/a/{application}/c/{connection}/deductions/{job}":  h.deduction,
		"POST /console/a/{application}/c/{connection}/deductions/{job}": h.completeDeduction,
	} {
		mux.HandleFunc(pattern, h.signedIn(serve))
	}
}

// visit is one request of an operator who is signed in.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	session operator.Session
}

// who is what the audit log calls the operator.
func (v *visit) who() string { return v.session.Operator.Email }

// place is the application and the connection that an address names.
type place struct{ Application, Connection perch.ID }

func (p place) path() string {
	return "/console/a/" + p.Application.String() + "/c/" + p.Connection.String()
}

var errNoSuchPage = errors.New("there is no such page")

func (v *visit) place() (p place, err error) {
	var err2 error
	p.Application, err = perch.ParseID(v.r.PathValue("application"))
	p.Connection, err2 = perch.ParseID(v.r.PathValue("connection"))
	if err != nil || err2 != nil {
		return p, errNoSuchPage
	}
	return p, nil
}

// signedIn serves a page to operators and sends everybody else to the sign-in. Forms are checked
// before they are read.
func (h *Handler) signedIn(serve func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, err := h.Operators.Session(r.Context(), cookieOf(r))
		if errors.Is(err, operator.ErrSignedOut) {
			h.toSignIn(w, r)
			return
		}
		v := &visit{w: w, r: r, session: session}
		if err == nil && r.Method == http.MethodPost && !h.sameOrigin(r) {
			err = errForeign
		}
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			h.fail(v, err)
		}
	}
}

// toSignIn asks to sign in, and comes back where that makes sense: a form would be gone.
func (h *Handler) toSignIn(w http.ResponseWriter, r *http.Request) {
	target := "/console/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != "/console/queue" {
		target += "?to=" + template.URLQueryEscaper(r.URL.RequestURI())
	} else if r.Method == http.MethodPost {
		target += "?ended=1"
	}
	if r.Header.Get(scripted) != "" {
		w.WriteHeader(http.StatusUnauthorized) // the script loads the page anew
		return
	}
	redirect(w, r, target)
}

// fail shows what went wrong: the words of an error that is meant for people, and else that we are
// to blame.
func (h *Handler) fail(v *visit, err error) {
	var known *perch.Error
	problem := problemPage{Title: "Something went wrong", Text: "It was noted in the log. Wait a minute, then try again."}
	status := http.StatusInternalServerError
	switch {
	case v.r.Context().Err() != nil:
		return
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errNoSuchPage):
		problem = problemPage{Title: "There is no such page", Text: "The connection may have been disconnected, or the address is wrong."}
		status = http.StatusNotFound
	case errors.Is(err, errForeign), errors.Is(err, errStaleForm):
		problem = problemPage{Title: "This form is out of date", Text: "Go back, load the page anew and try again. Nothing was changed."}
		status = http.StatusForbidden
	case errors.As(err, &known) && known.Err == nil:
		problem = problemPage{Title: "That did not work", Text: sentence(known.Message)}
		status = http.StatusBadRequest
	default:
		h.Log.ErrorContext(v.r.Context(), "the console failed", "path", v.r.URL.Path, "error", err)
	}
	problem.Back = "/console/queue"
	if p, err := v.place(); err == nil {
		problem.Back = p.path()
	}
	h.show(v, status, "problem", page{Title: problem.Title}, problem)
}

type problemPage struct{ Title, Text, Back string }

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	h.signedIn(func(*visit) error { return errNoSuchPage })(w, r)
}

// page is the frame around a screen.
type page struct {
	Nonce string
	Title string
	// Session is zero where nobody is signed in.
	Session operator.Session
	// Nav is the entry of the navigation that is current.
	Nav   string
	Toast *web.Toast
	// Refresh loads the page anew after so many seconds where no script does.
	Refresh int
	Main    template.HTML
}

// show writes a screen.
func (h *Handler) show(v *visit, status int, screen string, p page, content any) {
	p.Session, p.Nonce = v.session, web.NewNonce()
	if p.Toast == nil {
		p.Toast = done(v.r.URL.Query().Get("done"))
	}
	var b bytes.Buffer
	err := h.pages.ExecuteTemplate(&b, screen, content)
	if err == nil {
		p.Main = template.HTML(b.String()) //nolint:gosec // the template escaped what it was given
		b = bytes.Buffer{}
		err = h.pages.ExecuteTemplate(&b, "frame", p)
	}
	if err != nil {
		h.Log.ErrorContext(v.r.Context(), "the console could not show a page", "screen", screen, "error", err)
		http.Error(v.w, "Something went wrong. Please try again.", http.StatusInternalServerError)
		return
	}
	header := v.w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "same-origin") // forms need to say where they come from
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	header.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%[1]s'; style-src 'nonce-%[1]s'; img-src data:; connect-src 'self'; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'", p.Nonce))
	web.Send(v.w, v.r, status, b.Bytes(), false)
}

func redirect(w http.ResponseWriter, r *http.Request, target string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// back answers a form that did something: with the page that it came from and a word about it.
func (v *visit) back(target, word string) error {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	redirect(v.w, v.r, target+separator+"done="+word)
	return nil
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
