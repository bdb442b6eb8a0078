package access

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
)

func TestAGrantAllowsItsProductsUnderBothNames(t *testing.T) {
	t.Parallel()
	g := grantIn(perch.StatusConnected, perch.AuthOAuth)
	for _, p := range perch.Product("").Values() {
		want := p == perch.ProductCompany || p == perch.ProductBenefits || p == perch.ProductDeduction
		if g.Allows(p) != want {
			t.Errorf("Allows(%s) = %v", p, !want)
		}
	}
}

func TestAGrantReadsItsOwnEntitiesOnly(t *testing.T) {
	t.Parallel()
	g := grantIn(perch.StatusConnected, perch.AuthOAuth)
	for want, id := range map[int]perch.ID{0: {}, 1: g.Entities[1].ID} {
		if e, err := g.Entity(id); err != nil || e.ID != g.Entities[want].ID {
			t.Errorf("Entity(%s) = %v, %v", id, e, err)
		}
	}
	if e, err := g.Entity(perch.NewID()); e != nil || !errors.Is(err, perch.Invalid("", "")) {
		t.Errorf("an entity of someone else: %v, %v", e, err)
	}
}

func TestGroupsHaveNames(t *testing.T) {
	t.Parallel()
	if Organization.String() != "organization" || Payroll.String() != "payroll" || Documents.String() != "documents" || GroupCount != 3 {
		t.Error("the names under which groups are stored have changed")
	}
}

func TestIntrospectDescribesTheToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	name := "Payday Inc"
	w.tables.change(token, func(g *Grant) {
		g.Connection.CustomerName = &name
		g.Entities[0].Groups[Organization].RetrievedAt = now
		g.Entities[0].Groups[Payroll].RetrievedAt = now.Add(time.Hour)
	})
	g := w.grant(t)
	in, err := w.Introspect(t.Context(), g)
	must(t, err)
	if in.ID != g.TokenID || in.ClientID != g.Application.ID || in.ConnectionID != g.Connection.ID || in.CompanyID != g.Connection.CompanyID ||
		in.AccountID != g.Entities[0].ID || *in.CustomerName != name || in.CustomerID != nil || in.Manual || in.ProviderID != "gusto" {
		t.Errorf("got %+v", in)
	}
	if len(in.Entities) != 2 || in.Entities[1].ID != g.Entities[1].ID || !slices.Equal(in.Products, g.Products) {
		t.Errorf("got %+v", in)
	}
	if got := in.ConnectionStatus; got.LastSuccessfulSync == nil || *got.LastSuccessfulSync != "2026-03-01T13:00:00Z" || got.Message != "about the connection" {
		t.Errorf("status %+v", got)
	}
	if m := in.AuthenticationMethods; len(m) != 1 || m[0].Type != perch.AuthOAuth || m[0].ConnectionStatus.Status != perch.StatusProcessing {
		t.Errorf("methods %+v", m)
	}
}

func TestIntrospectKnowsNoSyncBeforeTheFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tables.change(token, func(g *Grant) { g.Connection.Authentication = perch.AuthAssisted })
	in, err := w.Introspect(t.Context(), w.grant(t))
	if err != nil || in.ConnectionStatus.LastSuccessfulSync != nil || !in.Manual {
		t.Errorf("got %+v, %v", in, err)
	}
}

func TestDisconnectEndsTheTokenAndDestroysTheKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tables.owners = []perch.ID{perch.NewID(), perch.NewID()}
	g := w.grant(t)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp() // after the commit, nothing may depend on the caller
	must(t, w.Disconnect(gone, g))
	if _, err := w.Authenticate(t.Context(), token); !errors.Is(err, perch.ErrInvalidToken) {
		t.Errorf("the token: %v", err)
	}
	for what, got := range map[string][]perch.ID{"queued": w.eraser.queued, "destroyed": w.eraser.destroyed, "forgotten": w.forgotten} {
		if !slices.Equal(got, w.tables.owners) {
			t.Errorf("%s: %v, want %v", what, got, w.tables.owners)
		}
	}
	if w.eraser.cancelled {
		t.Error("a caller who hangs up keeps the keys alive")
	}
}

func TestADisconnectThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail    func(w *world)
		revoked bool
	}{
		"in the database changes nothing":                   {func(w *world) { w.tables.fail = errBroken }, false},
		"to queue the erasure changes nothing":              {func(w *world) { w.eraser.failQueue = errBroken }, false},
		"to destroy the keys has ended the token, and says": {func(w *world) { w.eraser.failDestroy = errBroken }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.tables.owners = []perch.ID{perch.NewID()}
			g := w.grant(t)
			c.fail(w)
			if err := w.Disconnect(t.Context(), g); !errors.Is(err, errBroken) {
				t.Errorf("Disconnect: %v", err)
			}
			w.tables.failWith(nil)
			if _, err := w.Authenticate(t.Context(), token); errors.Is(err, perch.ErrInvalidToken) != c.revoked {
				t.Errorf("the token: %v", err)
			}
			if (len(w.eraser.destroyed) > 0) != c.revoked {
				t.Errorf("destroyed %v", w.eraser.destroyed)
			}
		})
	}
}
