package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/operator"
	"github.com/perchhq/perch/internal/web"
)

const cookieName = "perch_console"

func cookieOf(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie keeps the session for as long as the browser runs; the server ends it sooner. An empty
// value forgets it.
func (h *Handler) setCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := &http.Cookie{Name: cookieName, Value: value, Path: "/console", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: h.Secure || r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

type signInPage struct {
	Alert    *web.Alert
	Email    web.Field
	Password web.Field
	Submit   web.Button
	To       string
}

func newSignIn(email, to string, alert *web.Alert) signInPage {
	return signInPage{
		Alert: alert, To: to,
		Email:    web.Field{ID: "email", Name: "email", Label: "E-mail address", Type: "email", Value: email, Autocomplete: "username", Focus: alert == nil},
		Password: web.Field{ID: "password", Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password"},
		Submit:   web.Button{Label: "Sign in", Look: web.Primary, Wide: true, Busy: "Signing in"},
	}
}

func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) {
	var alert *web.Alert
	if r.URL.Query().Get("ended") != "" {
		alert = &web.Alert{Title: "Your session has ended", Text: "Sign in again. What you sent was not saved.", Tone: web.Warning}
	}
	h.show(&visit{w: w, r: r}, http.StatusOK, "sign-in", page{Title: "Sign in"}, newSignIn("", within(r.URL.Query().Get("to")), alert))
}

// within returns an address of the console, and nothing for any other.
func within(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || len(to) > 2000 || !strings.HasPrefix(u.Path, "/console/") || strings.ContainsAny(to, "\\\r\n") {
		return ""
	}
	return to
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r}
	form, err := readForm(w, r)
	if err == nil && !h.sameOrigin(r) {
		err = errForeign
	}
	if err != nil {
		h.fail(v, err)
		return
	}
	secret, err := h.Operators.SignIn(r.Context(), form.Get("email"), form.Get("password"), h.Client(r))
	if alert, status := refusal(err); alert != nil {
		h.show(v, status, "sign-in", page{Title: "Sign in"}, newSignIn(form.Get("email"), within(form.Get("to")), alert))
		return
	}
	if err != nil {
		h.fail(v, err)
		return
	}
	h.enter(w, r, secret, within(form.Get("to")))
}

func refusal(err error) (*web.Alert, int) {
	switch {
	case errors.Is(err, operator.ErrRefused):
		return &web.Alert{Title: "The address or the password is wrong", Text: "Whoever runs this installation can set a new one: perch operator reset", Tone: web.Danger, Focus: true}, http.StatusForbidden
	case errors.Is(err, operator.ErrTooMany):
		return &web.Alert{Title: "Too many attempts", Text: "Wait a quarter of an hour, then try again.", Tone: web.Danger, Focus: true}, http.StatusTooManyRequests
	}
	return nil, 0
}

func (h *Handler) enter(w http.ResponseWriter, r *http.Request, secret, to string) {
	h.setCookie(w, r, secret)
	if to == "" {
		to = "/console/queue"
	}
	redirect(w, r, to)
}

type linkPage struct{ Key string }

// linkPage asks before the link is used up: programs that look ahead follow links too.
func (h *Handler) linkPage(w http.ResponseWriter, r *http.Request) {
	h.show(&visit{w: w, r: r}, http.StatusOK, "link", page{Title: "Sign in"}, linkPage{r.URL.Query().Get("key")})
}

// signInByLink takes links from this machine only: they are made for those who sit at it.
func (h *Handler) signInByLink(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r}
	form, err := readForm(w, r)
	if err == nil && (!h.sameOrigin(r) || !access.Loopback(remoteIP(r)) || !access.Loopback(h.Client(r))) {
		err = errForeign
	}
	if err != nil {
		h.fail(v, err)
		return
	}
	secret, err := h.Operators.SignInByLink(r.Context(), form.Get("key"), h.Client(r))
	if alert, status := refusal(err); alert != nil {
		if errors.Is(err, operator.ErrRefused) {
			alert.Title, alert.Text = "This link was used or has expired", "Start perch dev again for a new one, or sign in with a password."
		}
		h.show(v, status, "sign-in", page{Title: "Sign in"}, newSignIn("", "", alert))
		return
	}
	if err != nil {
		h.fail(v, err)
		return
	}
	h.enter(w, r, secret, "")
}

func (h *Handler) signOut(v *visit) error {
	if _, err := v.form(); err != nil {
		return err
	}
	if err := h.Operators.SignOut(v.r.Context(), cookieOf(v.r)); err != nil {
		return err
	}
	h.setCookie(v.w, v.r, "")
	redirect(v.w, v.r, "/console/sign-in")
	return nil
}
