package access

import (
	"testing"

	perch "github.com/perchhq/perch"
)

func TestARedirectURIEqualsARegisteredOne(t *testing.T) {
	t.Parallel()
	s := Settings{RedirectURIs: []string{"https://a.example/cb?x=1"}}
	for _, c := range []struct {
		uri     string
		kind    perch.ClientType
		allowed bool
	}{
		{"https://a.example/cb?x=1", perch.ClientProduction, true},
		{"https://a.example/cb", perch.ClientProduction, false},
		{"https://a.example/cb?x=1&y=2", perch.ClientProduction, false},
		{"https://A.example/cb?x=1", perch.ClientProduction, false},
		{"http://localhost:8000/any", perch.ClientProduction, false},
		{"http://localhost:8000/any", perch.ClientSandbox, true},
		{"http://127.0.0.1/any", perch.ClientSandbox, true},
		{"http://[::1]:1/any", perch.ClientSandbox, true},
		{"http://localhost.evil.example/", perch.ClientSandbox, false},
		{"http://localhost@evil.example/", perch.ClientSandbox, false},
		{"https://localhost/x#fragment", perch.ClientSandbox, false},
		{"javascript://localhost/%0aalert(1)", perch.ClientSandbox, false},
		{"", perch.ClientSandbox, false},
	} {
		if got := s.RedirectAllowed(c.kind, c.uri); got != c.allowed {
			t.Errorf("%s for %s: %v", c.uri, c.kind, got)
		}
	}
}

func TestAnOriginIsSpelledAsBrowsersSendIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://a.example": "https://a.example", "https://A.example:443/path": "https://a.example", "http://a.example:80": "http://a.example",
		"http://localhost:3000/": "http://localhost:3000", "http://[::1]:9": "http://[::1]:9",
		"ftp://a.example": "", "https://": "", "a.example": "", "https://user@a.example": "", "https://a.example; script-src *": "", "https://*.example": "", "null": "",
	} {
		got, ok := Origin(text)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", text, got, ok)
		}
	}
}

func TestSettingsThatCouldNotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Settings{
		"a plain redirect URI":   {RedirectURIs: []string{"http://a.example/cb"}},
		"an origin with a path":  {AllowedOrigins: []string{"https://a.example/x"}},
		"an origin of all sites": {AllowedOrigins: []string{"*"}},
	} {
		if s.Check() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	good := Settings{RedirectURIs: []string{"https://a.example/cb", "http://localhost:1/cb"}, AllowedOrigins: []string{"https://a.example", "http://localhost:3000"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
