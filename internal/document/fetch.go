package document

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// Accounts opens accounts of providers.
type Accounts interface {
	Open(ctx context.Context, account store.Account) (provider.Source, error)
}

// Fetcher does the work of w4_form_employee_sync jobs: it fetches the W-4 of one person and publishes it.
// The person's document keeps its id: it is made, brought up to date, or, where there is no form on file
// any more, deleted. It is safe for concurrent use, also by several processes.
type Fetcher struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Identity *secret.Identity
	Records  *records.Reader
	Accounts Accounts
	Gate     Gate
	Now      func() time.Time
}

var _ automated.Task = (*Fetcher)(nil)

const (
	// publishTries bounds how often a publish starts over because another one came first. One of those that
	// compete always succeeds, and far fewer compete.
	publishTries = 100
	// readersGone is how long after a publish no request reads what it covered.
	readersGone = 5 * time.Minute
	// sweepBlocks bounds one transaction that deletes.
	sweepBlocks = 512
)

// Accept implements automated.Task.
func (f *Fetcher) Accept(ctx context.Context, grant *access.Grant, individual perch.ID) (perch.ID, error) {
	var unable error
	for i := range grant.Entities {
		entity := &grant.Entities[i]
		if entity.Status == perch.StatusDisconnected {
			continue
		}
		known, err := f.knows(ctx, grant, entity, individual)
		if known {
			return entity.ID, nil
		}
		unable = cmp.Or(unable, err)
	}
	if unable != nil {
		return perch.ID{}, unable
	}
	return perch.ID{}, perch.NotFound("individual_not_found", "No individual with id %s found", individual)
}

// knows reports whether an entity that can be read has the individual, and whose documents can be.
func (f *Fetcher) knows(ctx context.Context, grant *access.Grant, entity *access.Entity, individual perch.ID) (bool, error) {
	_, err := f.Gate.Await(ctx, grant, entity, access.Documents, false, 0)
	if err != nil && !errors.Is(err, perch.ErrW4SyncRequired) {
		return false, err
	}
	readable, err := f.Gate.Await(ctx, grant, entity, access.Organization, false, 0)
	if err != nil {
		return false, err
	}
	people, err := f.Records.View(ctx, entity.ID, readable.Groups[access.Organization].Generation, records.People)
	if err != nil {
		return false, perch.Internal(err)
	}
	_, known, err := people.Position(individual)
	if err != nil {
		return false, perch.Internal(err)
	}
	return known, nil
}

// Do implements automated.Task. It fails with perch.ErrSyncInProgress as long as no sync has read the
// person for this purpose.
func (f *Fetcher) Do(ctx context.Context, work automated.Work, finish func(within func(tx *sql.Tx) error) error) error {
	account, err := f.Store.Account(ctx, work.ConnectionID, work.EntityID)
	if err != nil {
		return err
	}
	if account.Disconnected {
		return perch.ErrInvalidToken
	}
	key, err := f.personKey(ctx, &account, work.IndividualID)
	if err != nil {
		return err
	}
	form, err := f.read(ctx, account, key)
	if err != nil {
		return err
	}
	for range publishTries {
		c, err := f.stage(ctx, account, work.IndividualID, form)
		if err != nil {
			return err
		}
		err = finish(func(tx *sql.Tx) error { return f.publish(ctx, tx, account, c) })
		if !errors.Is(err, errOvertaken) {
			return err
		}
		if account, err = f.Store.Account(ctx, work.ConnectionID, work.EntityID); err != nil {
			return err
		}
	}
	return errOvertaken
}

// personKey is the provider's own key of an individual.
func (f *Fetcher) personKey(ctx context.Context, account *store.Account, individual perch.ID) (string, error) {
	keys, err := f.Records.View(ctx, account.EntityID, account.Groups[access.Organization].Generation, records.PersonKeys)
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
	form, err = reader.W4(ctx, key)
	if errors.Is(err, perch.NotFound("individual_not_found", "")) {
		return nil, nil // the provider has forgotten the person, and the form with them
	}
	if err != nil {
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
func (h *held) WriteBlock(_ context.Context, _ records.Collection, b *records.Pending) error {
	h.blocks = append(h.blocks, b.Seal())
	return nil
}

// Flush implements records.Sink. A change of one document never spills a block that it needs again.
func (h *held) Flush(context.Context) error { return nil }

// change is a document that was staged over one publication.
type change struct {
	from, next access.Publication
	blocks     []store.Block
}

func (f *Fetcher) stage(ctx context.Context, account store.Account, individual perch.ID, form *provider.W4) (change, error) {
	cipher, err := f.Keyring.Cipher(ctx, account.EntityID)
	if err != nil {
		return change{}, err
	}
	from := account.Groups[access.Documents]
	generation, err := f.Store.NewGeneration(ctx, account.EntityID)
	if err != nil {
		return change{}, err
	}
	var written held
	st, err := records.NewStage(ctx, f.Store, cipher, &written, account.EntityID, records.Documents, from.Generation, generation)
	if err != nil {
		return change{}, err
	}
	id := f.Identity.RecordID(account.EntityID, "document", "w4\x00"+individual.String())
	if err := put(st, id, individual, form); err != nil {
		return change{}, err
	}
	changed, err := st.Finish()
	if err != nil {
		return change{}, err
	}
	now := f.Now()
	next := access.Publication{Generation: from.Generation, Complete: true, RetrievedAt: now, AttemptedAt: now, Result: access.ResultSuccess}
	if changed {
		next.Generation = generation
	}
	return change{from, next, written.blocks}, nil
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

// publish writes the blocks and makes them current, unless the entity was disconnected or another document
// came first. The transaction holds the connection.
func (f *Fetcher) publish(ctx context.Context, tx *sql.Tx, account store.Account, c change) error {
	entity := account.EntityID
	lives, err := f.Store.EntityLives(ctx, tx, account.ConnectionID, entity)
	if err != nil {
		return err
	}
	if !lives {
		return perch.ErrInvalidToken
	}
	if f.Now().Sub(c.from.AttemptedAt) > readersGone {
		if _, err := f.Store.DeleteSuperseded(ctx, tx, entity, access.Documents, c.from.Generation, sweepBlocks); err != nil {
			return err
		}
	}
	if err := f.Store.InsertBlocks(ctx, tx, entity, access.Documents, c.blocks); err != nil {
		return err
	}
	err = f.Store.SetPublication(ctx, tx, entity, access.Documents, c.from.Generation, c.next)
	if errors.Is(err, store.ErrNotFound) {
		return errOvertaken
	}
	return err
}
