package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"
)

func TestTheReferenceShowsEveryOperation(t *testing.T) {
	t.Parallel()
	h := setup(t)
	w := h.do(ask{target: "/docs", token: none, version: none})
	page := w.Body.String()
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
		t.Fatalf("got %d %v", w.Code, w.Header())
	}
	for _, r := range routes() {
		for _, want := range []string{`id="` + r.operation + `"`, `href="#` + r.operation + `"`, html.EscapeString(r.description), r.path} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing", r.operation, want)
			}
		}
		for _, p := range r.params {
			if !strings.Contains(page, "<code>"+p.name+"</code>") {
				t.Errorf("%s: parameter %s is missing", r.operation, p.name)
			}
		}
	}
	for _, want := range []string{"responses[].body.pay_statements[].earnings[].amount", "insufficient_scope_error", "Finch-Data-Retrieved"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
}

func TestTheReferenceLoadsNothingAndItsStyleIsAllowed(t *testing.T) {
	t.Parallel()
	h := setup(t)
	w := h.do(ask{target: "/docs"})
	page, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	if bad := regexp.MustCompile(`<script|<img|<link|style="|src=|="https?://|url\(`).FindString(page); bad != "" {
		t.Errorf("the page has %q", bad)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy %q does not fit", policy)
	}
}
