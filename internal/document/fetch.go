package document

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// Accounts opens accounts of providers.
type Accounts interface {
	Open(ctx context.Context, account store.Account) (provider.Source, error)
}

// Fetcher fetches forms and publishes them. It is safe for concurrent use, also by several processes.
type Fetcher struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Identity *secret.Identity
	Records  *records.Reader
	Accounts Accounts
	Now      func() time.Time
}

const (
	// publishTries bounds how often a publish starts over because another one came first. One of those that
	// compete always succeeds, and far fewer compete.
	publishTries = 100
	// readersGone is how long after a publish no request reads what it covered.
	readersGone = 5 * time.Minute
	// sweepBlocks bounds one transaction that deletes.
	sweepBlocks = 512
)

// FetchW4 asks the provider for the W-4 of one person and publishes it. The person's document keeps its
// id: it is made, brought up to date, or, where there is no form on file any more, deleted. It fails
// with perch.NotFound for an individual that the entity does not have, with perch.ErrNotImplemented
// where the provider has no documents, and with perch.ErrSyncInProgress as long as no sync has read
// the person for this purpose.
func (f *Fetcher) FetchW4(ctx context.Context, connection, entity, individual perch.ID) error {
	account, err := f.Store.Account(ctx, connection, entity)
	if err != nil {
		return err
	}
	if account.Disconnected {
		return perch.ErrInvalidToken
	}
	key, err := f.personKey(ctx, &account, individual)
	if err != nil {
		return err
	}
	form, err := f.read(ctx, account, key)
	if err != nil {
		return err
	}
	for range publishTries {
		if err = f.publish(ctx, account, individual, form); !errors.Is(err, errOvertaken) {
			return err
		}
		if account, err = f.Store.Account(ctx, connection, entity); err != nil {
			return err
		}
	}
	return err
}

// personKey is the provider's own key of an individual.
func (f *Fetcher) personKey(ctx context.Context, account *store.Account, individual perch.ID) (string, error) {
	generation := account.Groups[access.Organization].Generation
	if generation == 0 {
		return "", perch.ErrSyncInProgress
	}
	people, err := f.Records.View(ctx, account.EntityID, generation, records.People)
	if err != nil {
		return "", err
	}
	if _, known, err := people.Position(individual); err != nil {
		return "", err
	} else if !known {
		return "", perch.NotFound("individual_not_found", "No individual with id %s found", individual)
	}
	keys, err := f.Records.View(ctx, account.EntityID, generation, records.PersonKeys)
	if err != nil {
		return "", err
	}
	position, known, err := keys.Position(individual)
	if err != nil {
		return "", err
	}
	if !known {
		return "", perch.ErrSyncInProgress
	}
	key, err := keys.Append(nil, records.FacetKey, position)
	return string(key), err
}

func (f *Fetcher) read(ctx context.Context, account store.Account, key string) (form *provider.W4, err error) {
	source, err := f.Accounts.Open(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("opening the provider: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	reader, ok := source.(provider.W4Reader)
	if !ok {
		return nil, perch.ErrNotImplemented
	}
	if form, err = reader.W4(ctx, key); err != nil {
		return nil, fmt.Errorf("reading a W-4: %w", err)
	}
	return form, nil
}

// errOvertaken means that another document was published meanwhile.
var errOvertaken = errors.New("another document was published meanwhile")

// held gathers the few blocks of a change, to be written in the transaction that publishes them, so that
// nothing is left behind by a process that dies.
type held struct{ blocks []store.Block }

// WriteBlock implements records.Sink.
func (h *held) WriteBlock(_ context.Context, _ records.Collection, b store.Block) error {
	h.blocks = append(h.blocks, b)
	return nil
}

// Flush implements records.Sink. A change of one document never spills a block that it needs again.
func (h *held) Flush(context.Context) error { return nil }

func (f *Fetcher) publish(ctx context.Context, account store.Account, individual perch.ID, form *provider.W4) error {
	cipher, err := f.Keyring.Cipher(ctx, account.EntityID)
	if err != nil {
		return err
	}
	from := account.Groups[access.Documents]
	generation, err := f.Store.NewGeneration(ctx, account.EntityID)
	if err != nil {
		return err
	}
	var changes held
	st, err := records.NewStage(ctx, f.Store, cipher, &changes, account.EntityID, records.Documents, from.Generation, generation)
	if err != nil {
		return err
	}
	id := f.Identity.RecordID(account.EntityID, "document", "w4\x00"+individual.String())
	if err := put(st, id, individual, form); err != nil {
		return err
	}
	changed, err := st.Finish()
	if err != nil {
		return err
	}
	now := f.Now()
	next := access.Publication{Generation: from.Generation, Complete: true, RetrievedAt: now, AttemptedAt: now, Result: access.ResultSuccess}
	if changed {
		next.Generation = generation
	}
	return f.commit(ctx, account, from, next, changes.blocks)
}

// put brings the person's document up to date and keeps the others.
func put(st *records.Stage, id, individual perch.ID, form *provider.W4) error {
	if form != nil {
		kind, body := encode(individual, form)
		e := entry{id: id, individual: individual, year: form.Year, kind: kind}
		_, err := st.Put(id, [][]byte{e.append(nil), body})
		return err
	}
	err := st.Absent(func(other perch.ID) error {
		if other != id {
			st.Keep(other)
		}
		return nil
	})
	if err == nil {
		_, err = st.RemoveAbsent()
	}
	return err
}

// encode returns the kind of a form, and the form as it is served.
func encode(individual perch.ID, form *provider.W4) (perch.DocumentType, []byte) {
	if form.W2005 != nil {
		d := perch.W4Document2005{Type: perch.DocumentW42005, Year: form.Year, Data: *form.W2005}
		d.Data.IndividualID = individual
		return d.Type, d.AppendJSON(nil)
	}
	d := perch.W4Document2020{Type: perch.DocumentW42020, Year: form.Year, Data: *form.W2020}
	d.Data.IndividualID = individual
	return d.Type, d.AppendJSON(nil)
}

// commit writes the blocks and makes them current in one transaction, unless the entity was disconnected
// or another document came first.
func (f *Fetcher) commit(ctx context.Context, account store.Account, from, next access.Publication, blocks []store.Block) error {
	err := f.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := f.Store.HoldEntity(ctx, tx, account.ApplicationID, account.ConnectionID, account.EntityID); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				return perch.ErrInvalidToken
			}
			return err
		}
		if f.Now().Sub(from.AttemptedAt) > readersGone {
			if _, err := f.Store.DeleteSuperseded(ctx, tx, account.EntityID, access.Documents, from.Generation, sweepBlocks); err != nil {
				return err
			}
		}
		if err := f.Store.InsertBlocks(ctx, tx, account.EntityID, access.Documents, blocks); err != nil {
			return err
		}
		err := f.Store.Publish(ctx, tx, account.EntityID, access.Documents, from.Generation, next)
		if errors.Is(err, store.ErrNotFound) {
			return errOvertaken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("publishing a document: %w", err)
	}
	return nil
}
