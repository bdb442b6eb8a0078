package sandbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// desk is where one entity's simulated employer is edited.
type desk struct {
	*Service
	grant    *access.Grant
	entity   perch.ID
	account  store.Account
	cipher   *secret.Cipher
	employer *employer.Employer
}

// errNotSimulated refuses connections that this package did not make.
var errNotSimulated = perch.Invalid("access_token", "The sandbox endpoints are for simulated employers, which sandbox applications connect. This token's connection is of another kind.")

// simulated refuses a grant whose data does not come from a simulated employer.
func simulated(grant *access.Grant) error {
	if grant.Application.Type != perch.ClientSandbox || grant.Connection.Type != perch.ConnectionSimulated {
		return errNotSimulated
	}
	return nil
}

func (s *Service) desk(ctx context.Context, grant *access.Grant, entity *access.Entity) (*desk, error) {
	if err := simulated(grant); err != nil {
		return nil, err
	}
	d := &desk{Service: s, grant: grant, entity: entity.ID}
	var err error
	if d.account, err = s.Connections.Store.Account(ctx, grant.Connection.ID, entity.ID); err != nil {
		return nil, perch.Internal(err)
	}
	if d.account.Disconnected {
		return nil, perch.ErrInvalidToken
	}
	if d.account.Connector != employer.Name {
		return nil, errNotSimulated
	}
	settings, err := s.settings(ctx, grant.Connection.ID, entity.ID, d.account.Settings)
	if err == nil {
		d.cipher, err = s.Connections.Keyring.Cipher(ctx, entity.ID)
	}
	if err != nil {
		return nil, destroyed(err)
	}
	d.employer = employer.NewEmployer(settings)
	return d, nil
}

// destroyed tells a connection that ended meanwhile from what should not happen.
func destroyed(err error) error {
	if errors.Is(err, secret.ErrDestroyed) {
		return perch.ErrInvalidToken
	}
	return perch.Internal(err)
}

// settings opens the sealed settings of a simulated employer.
func (s *Service) settings(ctx context.Context, connection, entity perch.ID, sealed []byte) (employer.Settings, error) {
	keys, err := s.Connections.Keyring.Cipher(ctx, connection)
	if err != nil {
		return employer.Settings{}, err
	}
	plain, err := keys.Open(nil, sealed, sync.SettingsPlace(entity))
	if err != nil {
		return employer.Settings{}, err
	}
	return employer.Decode(plain)
}

// writer is a transaction that holds the entity, so that edits of one employer follow each other.
type writer struct {
	ctx    context.Context
	tx     *sql.Tx
	edited bool
}

// defaultEditBytes bounds what a sync has to hold of the edits of one employer.
const defaultEditBytes = 64 << 20

func (d *desk) write(ctx context.Context, fn func(w *writer) error) error {
	err := d.Connections.Store.Tx(ctx, func(tx *sql.Tx) error {
		err := d.Connections.Store.HoldEntity(ctx, tx, d.grant.Application.ID, d.grant.Connection.ID, d.entity)
		if errors.Is(err, store.ErrNotFound) {
			return perch.ErrInvalidToken
		}
		if err != nil {
			return err
		}
		w := &writer{ctx: ctx, tx: tx}
		if err := fn(w); err != nil || !w.edited {
			return err
		}
		return d.bounded(w)
	})
	return failure(err)
}

// bounded refuses edits that are larger, all together, than a sync can hold.
func (d *desk) bounded(w *writer) error {
	most := cmp.Or(d.EditBytes, defaultEditBytes)
	size, err := d.Connections.Store.SandboxEditBytes(w.ctx, w.tx, d.entity)
	if err == nil && size > most {
		err = tooMany("edit_limit_exceeded", "The edits of a simulated employer may have %d bytes.", most)
	}
	return err
}

// failure passes on what callers are meant to see.
func failure(err error) error {
	var known *perch.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return perch.Internal(err)
}

func (d *desk) individualID(index int) perch.ID {
	return sync.IndividualID(d.Connections.Identity, d.entity, employer.PersonKey(index))
}

// people is how many people the employer has, those who were added included.
func (d *desk) people(ctx context.Context) (int, error) {
	added, err := d.Connections.Store.CountSandboxEdits(ctx, nil, d.entity, store.SandboxPerson, d.employer.People())
	return d.employer.People() + added, err
}

// indexes finds people by their ids, and leaves out those who do not exist. An id does not tell the index,
// so it is looked for: that takes some 0.05 s among 100,000 people.
func (d *desk) indexes(ctx context.Context, ids ...perch.ID) (map[perch.ID]int, error) {
	wanted := make(map[perch.ID]bool, len(ids))
	for _, id := range ids {
		if !id.IsZero() {
			wanted[id] = true
		}
	}
	count, err := d.people(ctx)
	if err != nil {
		return nil, perch.Internal(err)
	}
	found, added := make(map[perch.ID]int, len(wanted)), false
	for i := 0; i < count && len(found) < len(wanted); i++ {
		if id := d.individualID(i); wanted[id] {
			found[id] = i
			added = i >= d.employer.People()
		}
	}
	if !added {
		return found, nil
	}
	return found, d.withoutRemoved(ctx, found)
}

// withoutRemoved takes those out who were added and are no longer listed.
func (d *desk) withoutRemoved(ctx context.Context, found map[perch.ID]int) error {
	edits, err := d.Book.Edits(ctx, d.entity)
	if err != nil {
		return destroyed(err)
	}
	for _, one := range edits.People {
		removed, err := one.Removed()
		if err != nil {
			return perch.Internal(err)
		}
		if removed {
			delete(found, d.individualID(one.Index))
		}
	}
	return nil
}

// room refuses an edit beyond the limit of its kind.
func (d *desk) room(w *writer, kind store.SandboxKind, more, most int, what string) error {
	have, err := d.Connections.Store.CountSandboxEdits(w.ctx, w.tx, d.entity, kind, 0)
	if err != nil {
		return err
	}
	if have+more > most {
		return tooMany("edit_limit_exceeded", "A simulated employer may have %d %s.", most, what)
	}
	return nil
}

// tooMany refuses what goes beyond a limit of the sandbox.
func tooMany(code, format string, args ...any) error {
	return &perch.Error{Name: perch.NameUnprocessableEntity, Code: code, Message: fmt.Sprintf(format, args...)}
}
