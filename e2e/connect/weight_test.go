package connect_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/perchhq/perch/internal/connect"
)

// heaviest is what a page may weigh with everything that it loads, as it travels, in bytes.
const heaviest = 60 << 10

// What pages and styles load: scripts, styles, fonts, pictures.
var (
	loaded   = regexp.MustCompile(`(?:src|href)="(/[^"]+)"`)
	imported = regexp.MustCompile(`(?:url\(|@import\s+)["']?(/?[^"')]+)`)
)

// TestTheHeaviestPageIsLight opens the real catalogue as a browser does, with all that it loads.
func TestTheHeaviestPageIsLight(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	session := w.session(t, w.client, func(n *connect.NewSession) { n.Manual = true })
	b := w.opened(t, session)
	form := url.Values{"session": {session.String()}, "nonce": {b.view.Nonce}, "verb": {"agree"}}

	total := 0
	// fetch returns what was sent, as it reads, and counts it as it travelled.
	fetch := func(method, address, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+address, strings.NewReader(body))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept-Encoding", "gzip")
		counting := &http.Transport{DisableCompression: true}
		defer counting.CloseIdleConnections()
		answer, err := counting.RoundTrip(r)
		must(t, err)
		travelled := &counted{Reader: answer.Body}
		text, err := io.ReadAll(uncompressed(t, answer.Header, travelled))
		must(t, err)
		must(t, answer.Body.Close())
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", address, answer.StatusCode)
		}
		t.Logf("%s: %d bytes, %d as it travels", address, len(text), travelled.n)
		total += travelled.n
		return string(text)
	}
	page := fetch(http.MethodPost, "/connect/step", form.Encode())
	if found := strings.Count(page, `name="provider"`); found < 200 {
		t.Errorf("the page has %d providers: not the whole catalogue", found)
	}
	files := loaded.FindAllStringSubmatch(page, -1)
	if len(files) < 4 {
		t.Errorf("the page loads %v", files)
	}
	for _, file := range files {
		for _, more := range imported.FindAllStringSubmatch(fetch(http.MethodGet, file[1], ""), -1) {
			if strings.HasPrefix(more[1], "/") {
				fetch(http.MethodGet, more[1], "")
			} else if !strings.HasPrefix(more[1], "data:") && !strings.HasPrefix(more[1], "#") {
				t.Errorf("%s loads %s", file[1], more[1])
			}
		}
	}
	if t.Logf("together %d bytes", total); total > heaviest {
		t.Errorf("the page weighs %d bytes", total)
	}
}

// counted counts what is read from it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func uncompressed(t *testing.T, header http.Header, body io.Reader) io.Reader {
	t.Helper()
	if header.Get("Content-Encoding") != "gzip" {
		return body
	}
	plain, err := gzip.NewReader(body)
	must(t, err)
	return plain
}
