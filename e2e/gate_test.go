package e2e

import (
	"context"
	"iter"
	"net/http"
	"sync"
	"sync/atomic"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/provider"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Stages of a sync at which a gate can hold it.
const (
	// atCompany is before anything is read.
	atCompany = "company"
	// atStatements is when the payments were published and none of their statements was read.
	atStatements = "statements"
)

// gate is the connector of simulated employers, held up on the way. It stands in for Perch's own,
// under the same name, and holds the syncs of one provider; all others pass.
type gate struct {
	provider string
	stages   map[string]*stage
	// book has the edits; it may be set once the app is open.
	book atomic.Pointer[sandbox.Book]

	mu      sync.Mutex
	failure error
}

// stage is one place at which the first sync that comes along waits until it is opened.
type stage struct {
	reached, opened chan struct{}
	reach, open     sync.Once
}

func newGate(providerID string, held ...string) *gate {
	g := &gate{provider: providerID, stages: map[string]*stage{}}
	for _, name := range held {
		g.stages[name] = &stage{reached: make(chan struct{}), opened: make(chan struct{})}
	}
	return g
}

// fail makes the provider fail from now on whenever an account of it is opened.
func (g *gate) fail(failure error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failure = failure
}

func (g *gate) failing() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure
}

// reached is closed once a sync waits at the stage.
func (g *gate) reached(name string) <-chan struct{} { return g.stages[name].reached }

// release lets the sync that waits at the stage go on.
func (g *gate) release(name string) {
	s := g.stages[name]
	s.open.Do(func() { close(s.opened) })
}

// pass waits at the stage, if it is held and nobody came before, for as long as the sync may live.
func (g *gate) pass(ctx context.Context, name string) error {
	s, held := g.stages[name]
	if !held {
		return nil
	}
	first := false
	s.reach.Do(func() {
		first = true
		close(s.reached)
	})
	if !first {
		return nil
	}
	select {
	case <-s.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Name implements provider.Connector.
func (g *gate) Name() string { return employer.Name }

// Open implements provider.Connector.
func (g *gate) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	connector := employer.Connector{}
	if book := g.book.Load(); book != nil {
		connector.Book = book
	}
	source, err := connector.Open(ctx, account)
	if err != nil || account.ProviderID != g.provider {
		return source, err
	}
	if err := g.failing(); err != nil {
		return nil, err
	}
	return &gatedSource{source.(simulated), g}, nil
}

// simulated is what the source of a simulated employer can read.
type simulated interface {
	provider.Source
	provider.CompanyReader
	provider.PeopleReader
	provider.PayGroupReader
	provider.PaymentReader
	provider.PayStatementReader
}

type gatedSource struct {
	simulated
	gate *gate
}

// Company implements provider.CompanyReader.
func (s *gatedSource) Company(ctx context.Context) (perch.Company, error) {
	if err := s.gate.pass(ctx, atCompany); err != nil {
		return perch.Company{}, err
	}
	return s.simulated.Company(ctx)
}

// PayStatements implements provider.PayStatementReader.
func (s *gatedSource) PayStatements(ctx context.Context, paymentKey string) iter.Seq2[*provider.PayStatement, error] {
	return func(yield func(*provider.PayStatement, error) bool) {
		if err := s.gate.pass(ctx, atStatements); err != nil {
			yield(nil, err)
			return
		}
		s.simulated.PayStatements(ctx, paymentKey)(yield)
	}
}

// control lets a program outside wait for a stage (POST /await/{stage}) and open it
// (POST /release/{stage}).
func (g *gate) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /await/{stage}", func(w http.ResponseWriter, r *http.Request) {
		s, ok := g.stages[r.PathValue("stage")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		select {
		case <-s.reached:
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /release/{stage}", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := g.stages[r.PathValue("stage")]; !ok {
			http.NotFound(w, r)
			return
		}
		g.release(r.PathValue("stage"))
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
