package sync

import (
	"context"
	"database/sql"
	"slices"

	perch "github.com/perchhq/perch"
)

// products is what the sync reads for: what the connection's tokens may read, and what codes that wait
// to be exchanged will let them.
func (r *run) products(ctx context.Context) ([]perch.Product, error) {
	account, err := r.Store.Account(ctx, r.taken.ConnectionID, r.taken.EntityID)
	if err != nil {
		return nil, err
	}
	pending, err := r.Store.PendingProducts(ctx, r.taken.ConnectionID, r.Now())
	return append(account.Products, pending...), err
}

// followUp asks for another sync when more was granted while this one was reading: a request for one
// found it under way. A source that was given is not ours to open again.
func (r *run) followUp(ctx context.Context, tx *sql.Tx) error {
	if r.given {
		return nil
	}
	wanted, err := r.products(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(wanted, func(p perch.Product) bool { return !slices.Contains(r.account.Products, p) }) {
		return nil
	}
	_, _, err = r.Request(ctx, tx, r.taken.ApplicationID, r.taken.ConnectionID, r.taken.EntityID, "granted")
	return err
}
