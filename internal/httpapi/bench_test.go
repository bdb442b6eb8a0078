package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/limit"
)

// page is a directory page of about the size of 100 people.
var benchPage = []byte(`{"paging":{"count":100,"offset":0},"individuals":[` + strings.Repeat(`{"id":"`+anID+`"},`, 399) + `{"id":"` + anID + `"}]}`)

// still answers without doing anything, so that the benchmark measures the surface alone.
type still struct{ Employment }

func (still) Directory(_ context.Context, _ *access.Grant, _ *access.Entity, _, _ int, _ time.Time, dst []byte) ([]byte, access.Publication, error) {
	return append(dst, benchPage...), published, nil
}

func (still) Individuals(_ context.Context, _ *access.Grant, _ *access.Entity, _ [][]byte, _ bool, _ time.Time, dst []byte) ([]byte, access.Publication, error) {
	return append(dst, benchPage...), published, nil
}

// sink is a response writer without a connection.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func benchHandler(b *testing.B, limits limit.Limiter) http.Handler {
	h := setup(b)
	h.api.Employment = still{h.api.Employment}
	h.api.Limits = limits
	return h.handler
}

func bare() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /employer/directory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = contentJSON
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(benchPage))}
		_, _ = w.Write(benchPage)
	})
	return mux
}

func runSink(b *testing.B, handler http.Handler, r *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(&sink{header: make(http.Header, 8)}, r)
	}
}

func BenchmarkDirectory(b *testing.B) {
	r := ask{target: "/employer/directory?limit=100&offset=0"}.request()
	b.Run("handler/bare", func(b *testing.B) { runSink(b, bare(), r) })
	b.Run("handler/perch", func(b *testing.B) { runSink(b, benchHandler(b, nil), r) })
	b.Run("handler/limited", func(b *testing.B) { runSink(b, benchHandler(b, limit.NewMemory(spread())), r) })
	b.Run("server/bare", func(b *testing.B) { runServer(b, bare()) })
	b.Run("server/perch", func(b *testing.B) { runServer(b, benchHandler(b, nil)) })
}

// spread is a clock that advances enough for no request to be refused.
func spread() func() time.Time {
	c := new(clock)
	return func() time.Time { c.Advance(4 * time.Second); return c.Now() }
}

func runServer(b *testing.B, handler http.Handler) {
	server := httptest.NewServer(handler)
	defer server.Close()
	buf := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest(http.MethodGet, server.URL+"/employer/directory?limit=100&offset=0", nil)
		r.Header.Set("Authorization", "Bearer "+tokenAll)
		r.Header.Set("Finch-API-Version", apiVersion)
		answer, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		for n, err := 0, error(nil); err == nil; n, err = answer.Body.Read(buf) {
			_ = n
		}
		_ = answer.Body.Close()
	}
}

func BenchmarkOpenAPI(b *testing.B) {
	for b.Loop() {
		if _, err := new(API).OpenAPI(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewRequestID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if id := newRequestID(); len(id) != 36 {
			b.Fatal(id)
		}
	}
}
