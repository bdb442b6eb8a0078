package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/perchhq/perch/internal/limit"
)

// API is the public HTTP API. Its exported fields are set before the first request and not changed
// afterwards; all of them are required unless they say otherwise.
type API struct {
	Access     Access
	Employment Employment
	Payroll    Payroll
	PayItems   PayItems
	Documents  Documents
	Deductions Deductions
	Sandbox    Sandbox
	Controls   SandboxControls
	Jobs       Jobs
	Catalogue  Catalogue
	Connect    Connect
	Entities   Entities
	Events     Events
	Webhooks   Webhooks
	Triggers   Triggers
	Health     Health
	// Limits counts requests; nil means that there are no rate limits.
	Limits limit.Limiter
	// Log receives one line per failed request that is our fault, and at debug level one line per
	// request. Nil discards.
	Log *slog.Logger
	// Root answers GET / and is optional; without it a short JSON answer points to the reference.
	Root http.Handler
	// ConnectURL is where employers reach Connect and applications the API, without a slash at the end.
	// Empty means the address that the application reached us by.
	ConnectURL string
	// Version is the version of this program, for the API description.
	Version string

	reference reference
	prepare   sync.Once
}

// Pages are addresses for browsers beside the API's.
type Pages interface{ Mount(mux *http.ServeMux) }

// Handler returns the API, and pages beside it, as the whole of a server.
func (a *API) Handler(pages ...Pages) http.Handler {
	mux := http.NewServeMux()
	a.Mount(mux)
	for _, p := range pages {
		p.Mount(mux)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unclean(r.URL.Path) {
			a.serve(&notFound, w, r) // the mux would answer with a redirect and a page
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Mount adds the API's routes to a mux, and a JSON 404 for every path that the mux has no other
// pattern for. Each address answers methods that it does not have with a JSON 405.
func (a *API) Mount(mux *http.ServeMux) {
	a.prepare.Do(func() {
		if a.Log == nil {
			a.Log = slog.New(slog.DiscardHandler)
		}
	})
	byPath := make(map[string][]*route)
	for _, one := range routes() {
		byPath[one.path] = append(byPath[one.path], &one)
	}
	for path, list := range byPath {
		mux.Handle(path, a.methods(list))
	}
	if a.Root != nil {
		mux.Handle("/{$}", a.Root)
	} else {
		mux.Handle("/{$}", a.methods([]*route{&index}))
	}
	mux.Handle("/", a.methods([]*route{&notFound}))
}

// methods serves the routes of one path.
func (a *API) methods(list []*route) http.HandlerFunc {
	if len(list) == 1 && list[0].method == "" {
		return func(w http.ResponseWriter, r *http.Request) { a.serve(list[0], w, r) }
	}
	refuse := methodNotAllowed(list)
	return func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet // net/http drops the body
		}
		for _, one := range list {
			if one.method == method {
				a.serve(one, w, r)
				return
			}
		}
		a.serve(refuse, w, r)
	}
}

// allowed returns the value of the Allow header.
func allowed(list []*route) string {
	var methods []string
	for _, one := range list {
		methods = append(methods, one.method)
		if one.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// unclean reports whether the mux would redirect the path to a cleaner one.
func unclean(path string) bool {
	return !strings.HasPrefix(path, "/") || strings.Contains(path, "//") ||
		strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../")
}
