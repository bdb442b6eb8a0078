package deduction

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
)

// Gate tells whether an entity may be read.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Accounts opens accounts of providers.
type Accounts interface {
	Open(ctx context.Context, account store.Account) (provider.Source, error)
}

// Queue queues the jobs of an entity, in the caller's transaction.
type Queue interface {
	InsertDeductions(ctx context.Context, tx *sql.Tx, connection, entity perch.ID) error
	// WriteNow does them at once, if it can. It is called after the commit.
	WriteNow(connection, entity perch.ID)
}

// People are asked to do what machines cannot, in the caller's transaction.
type People interface {
	Ask(ctx context.Context, tx *sql.Tx, task assist.Task) error
	Settle(ctx context.Context, tx *sql.Tx, application perch.ID, kind, ref, by string) error
}

// Service reads and writes deductions. Its fields are set once, before use.
type Service struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Identity *secret.Identity
	Records  *records.Reader
	Accounts Accounts
	Catalog  func() (*catalog.Catalog, error)
	Gate     Gate
	Queue    Queue
	People   People
	Events   *event.Log
	// Patience is how long a request waits for the first sync.
	Patience time.Duration
	// Owner names this process in leases.
	Owner string
	Now   func() time.Time
	Log   *slog.Logger
}

// desk is where one entity's deductions are read and written.
type desk struct {
	*Service
	account store.Account
	terms   terms
	cipher  *secret.Cipher
}

// open returns the desk of an entity that can be read. It fails with perch.ErrNotImplemented where the
// provider serves no deductions.
func (s *Service) open(ctx context.Context, grant *access.Grant, entity *access.Entity) (*desk, error) {
	entity, err := s.Gate.Await(ctx, grant, entity, access.Organization, false, s.Patience)
	if err != nil {
		return nil, err
	}
	account, err := s.Store.Account(ctx, grant.Connection.ID, entity.ID)
	if err != nil {
		return nil, perch.Internal(err)
	}
	return s.desk(ctx, account)
}

func (s *Service) desk(ctx context.Context, account store.Account) (*desk, error) {
	if account.Disconnected {
		return nil, perch.ErrInvalidToken
	}
	providers, err := s.Catalog()
	if err != nil {
		return nil, perch.Internal(err)
	}
	entry, ok := providers.Provider(account.ProviderID)
	if !ok {
		return nil, perch.ErrNotImplemented
	}
	d := &desk{Service: s, account: account}
	if d.terms, err = termsOf(entry, account.Authentication); err != nil {
		return nil, err
	}
	if account.Type != perch.ConnectionSimulated && !d.terms.assisted {
		return nil, perch.ErrNotImplemented // no connector of real systems writes so far
	}
	if d.cipher, err = s.Keyring.Cipher(ctx, account.EntityID); err != nil {
		return nil, perch.Internal(err)
	}
	return d, nil
}

// errAssistedReads refuses reads of what people keep.
var errAssistedReads = &perch.Error{Name: perch.NameNotImplemented, Message: "Deductions of assisted connections can be written, not read."}

// reader opens the provider to read deductions from it. The caller closes the source.
func (d *desk) reader(ctx context.Context) (provider.DeductionReader, func(), error) {
	source, err := d.Accounts.Open(ctx, d.account)
	if err != nil {
		return nil, nil, perch.Internal(fmt.Errorf("opening the provider: %w", err))
	}
	reader, ok := source.(provider.DeductionReader)
	if !ok {
		_ = source.Close()
		return nil, nil, perch.ErrNotImplemented
	}
	return reader, func() { _ = source.Close() }, nil
}

// listed is a deduction with its id. Key is empty as long as the provider does not have it.
type listed struct {
	ID        perch.ID
	Key       string
	Deduction perch.Deduction
}

func (d *desk) keyHash(key string) []byte {
	sum := d.cipher.Hash([]byte("deduction key:"), []byte(key))
	return sum[:]
}

// identity is a keyed hash of what makes two deductions the same.
func (d *desk) identity(b *perch.Deduction) []byte {
	parts := [][]byte{[]byte("deduction identity:"), []byte(*b.Type), {0}, []byte(*b.Frequency), {0}}
	if b.Description != nil {
		parts = append(parts, []byte{1}, []byte(*b.Description))
	}
	sum := d.cipher.Hash(parts...)
	return sum[:]
}

// live lists the provider's deductions as they are now, and those that were asked for over the API. One that
// the provider has just made goes by the id that was given out for it, also before its job is over. The
// provider is read first, so that what it has made is among those that were asked for.
func (d *desk) live(ctx context.Context, reader provider.DeductionReader) ([]listed, []store.KnownDeduction, error) {
	found, err := reader.Deductions(ctx)
	if err != nil {
		return nil, nil, providerFailure("reading the deductions", err)
	}
	known, err := d.Store.KnownDeductions(ctx, d.account.EntityID)
	if err != nil {
		return nil, nil, perch.Internal(err)
	}
	made, asked := make(map[string]perch.ID, len(known)), map[string]perch.ID{}
	for _, k := range known {
		if k.KeyHash != nil {
			made[string(k.KeyHash)] = k.ID
		} else if !k.Failed {
			asked[string(k.Identity)] = k.ID
		}
	}
	var list []listed
	for _, one := range found {
		if !d.terms.reads(one.Deduction.Type) {
			continue
		}
		id, ok := made[string(d.keyHash(one.Key))]
		if !ok && one.Deduction.Type != nil && one.Deduction.Frequency != nil {
			id, ok = asked[string(d.identity(&one.Deduction))]
		}
		if !ok {
			id = d.Identity.RecordID(d.account.EntityID, "deduction", one.Key)
		}
		one.Deduction.BenefitID = id
		list = append(list, listed{id, one.Key, one.Deduction})
	}
	return list, known, nil
}

// errNoBenefit is the answer for a deduction that the entity does not have.
var errNoBenefit = perch.NotFound("benefit_not_found", "Benefit not found")

// find returns a deduction by its id: one of the provider's, or one that was asked for and is on its way.
func (d *desk) find(ctx context.Context, reader provider.DeductionReader, id perch.ID) (listed, error) {
	for range 2 { // once more for one that was made between the two readings
		var list []listed
		var known []store.KnownDeduction
		var err error
		if reader != nil {
			list, known, err = d.live(ctx, reader)
		} else if known, err = d.Store.KnownDeductions(ctx, d.account.EntityID); err != nil {
			err = perch.Internal(err)
		}
		if err != nil {
			return listed{}, err
		}
		for _, one := range list {
			if one.ID == id {
				return one, nil
			}
		}
		at := slices.IndexFunc(known, func(k store.KnownDeduction) bool { return k.ID == id && !k.Failed })
		if at < 0 {
			break
		}
		if reader == nil || known[at].KeyHash == nil {
			body, err := d.openDeduction(known[at])
			return listed{ID: id, Deduction: body}, err
		}
	}
	return listed{}, errNoBenefit
}

// providerFailure wraps what a provider answered, unless it is an error for the caller.
func providerFailure(doing string, err error) error {
	var known *perch.Error
	if errors.As(err, &known) {
		return err
	}
	return &perch.Error{Name: perch.NameBadGateway, Code: "upstream_provider_error", Message: "The provider did not answer as expected.", Err: fmt.Errorf("%s: %w", doing, err)}
}
