package console

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	perch "github.com/perchhq/perch"
)

// Bounds of what a browser may send, files apart.
const (
	maxForm   = 1 << 20
	maxFields = 4096
)

// scripted is the header by which the page's script tells that it asks.
const scripted = "Perch-Script"

var (
	errForeign   = errors.New("the form was sent from another site")
	errStaleForm = errors.New("the form does not belong to this session")
)

// sameOrigin reports whether a form was sent by a page of this console. Browsers say so in one of two
// headers; what says nothing is no browser that could be led astray, but is refused all the same.
func (h *Handler) sameOrigin(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" {
		return false
	}
	if origin == "" || origin == "null" {
		return site == "same-origin"
	}
	from, err := url.Parse(origin)
	return err == nil && strings.EqualFold(from.Host, r.Host)
}

// form reads a form and checks that it belongs to the session.
func (v *visit) form() (url.Values, error) {
	form, err := readForm(v.w, v.r)
	if err != nil {
		return nil, err
	}
	if !v.session.Owns(form.Get("token")) {
		return nil, errStaleForm
	}
	form.Del("token")
	return form, nil
}

func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, perch.Invalid("", "The content type is not that of a form.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil || bytes.Count(body, []byte("&")) >= maxFields {
		return nil, perch.Invalid("", "The form is too large or was cut off.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, perch.Invalid("", "The form cannot be read.")
	}
	for _, values := range form {
		for _, value := range values {
			if strings.ContainsRune(value, 0) {
				return nil, perch.Invalid("", "A field of the form holds what is no text.")
			}
		}
	}
	return form, nil
}

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// formID reads an id out of a form.
func formID(form url.Values, name string) (perch.ID, error) {
	id, err := perch.ParseID(form.Get(name))
	if err != nil {
		return id, perch.Invalid(name, "is not an id")
	}
	return id, nil
}
