package connection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

// Customer is whom the application says it connects; all of it may be missing.
type Customer struct{ ID, Name, Email *string }

// Authorization is what an employer granted: company accounts of one provider.
type Authorization struct {
	Application    access.Application
	ProviderID     string
	Type           perch.ConnectionType
	Authentication perch.AuthenticationType
	// Status is where the entities begin: processing, or pending until somebody sets them up.
	Status    perch.ConnectionStatus
	Customer  Customer
	Connector string
	// Accounts has at least one entry.
	Accounts []provider.CompanyAccount
	// AnyCompany lets Reauthorize give an account to an entity where it is not known of both which
	// company they are: the application itself asked for this, or the employer is simulated.
	AnyCompany bool
}

// Granted is the connection that an authorization leads to, and its entities in the order of the
// accounts.
type Granted struct {
	Connection access.Connection
	Entities   []perch.ID
	// Joined says that the connection existed.
	Joined bool
}

// errMoved means that another visit made or ended the connection meanwhile.
var errMoved = errors.New("the connection changed meanwhile")

// joinTries bounds how often an authorization starts over because of another visit.
const joinTries = 5

// Authorize makes a connection for the accounts, or adds them as further entities to the connection
// that the same application has for the same customer at the same provider with the same company. A
// company is known by the provider's own id of it, else by its EIN; a name alone never joins. within
// runs inside the transaction.
func (s *Service) Authorize(ctx context.Context, a Authorization, within func(tx *sql.Tx, granted Granted) error) (Granted, error) {
	for range joinTries {
		granted, err := s.authorize(ctx, a, within)
		if !errors.Is(err, errMoved) {
			return granted, err
		}
	}
	return Granted{}, perch.Internal(errors.New("authorizing: other visits kept changing the connection"))
}

func (s *Service) authorize(ctx context.Context, a Authorization, within func(tx *sql.Tx, granted Granted) error) (Granted, error) {
	found, joined, err := s.match(ctx, nil, a)
	if err != nil {
		return Granted{}, perch.Internal(err)
	}
	granted := Granted{Connection: found, Joined: joined}
	for range a.Accounts {
		granted.Entities = append(granted.Entities, perch.NewID())
	}
	if !joined {
		granted.Connection = access.Connection{
			ID: perch.NewID(), CompanyID: s.Identity.RecordID(granted.Entities[0], "company", "company"), ProviderID: a.ProviderID,
			Type: a.Type, Authentication: a.Authentication, Status: a.Status,
			CustomerID: a.Customer.ID, CustomerName: a.Customer.Name, CustomerEmail: a.Customer.Email,
		}
	}
	rows, err := s.rows(ctx, a, granted)
	if err != nil {
		return Granted{}, perch.Internal(err)
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.LockApplication(ctx, tx, a.Application.ID); err != nil {
			return err
		}
		now, still, err := s.match(ctx, tx, a)
		if err != nil {
			return err
		}
		if still != joined || joined && now.ID != found.ID {
			return errMoved
		}
		if a.Type == perch.ConnectionSimulated {
			if err := s.room(ctx, tx, a.Application.ID, found.ID, len(a.Accounts)); err != nil {
				return err
			}
		}
		if joined {
			if err := s.Store.HoldConnection(ctx, tx, a.Application.ID, found.ID); err != nil {
				return errMoved
			}
		}
		if err := s.insert(ctx, tx, rows, granted); err != nil {
			return err
		}
		return within(tx, granted)
	})
	if err != nil {
		return Granted{}, err
	}
	return granted, nil
}

// match looks for the connection to join, inside tx or, without one, in a transaction of its own.
func (s *Service) match(ctx context.Context, tx *sql.Tx, a Authorization) (found access.Connection, joined bool, err error) {
	if tx == nil {
		err = s.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
			found, joined, err = s.match(ctx, tx, a)
			return err
		})
		return found, joined, err
	}
	for _, account := range a.Accounts {
		identity := s.companyIdentity(a.Application.ID, a.ProviderID, account)
		if identity.IsZero() {
			continue
		}
		found, err = s.Store.CompanyConnection(ctx, tx, store.Company{ApplicationID: a.Application.ID, ProviderID: a.ProviderID,
			CustomerID: a.Customer.ID, Identity: identity})
		if err == nil {
			return found, true, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return found, false, err
		}
	}
	return access.Connection{}, false, nil
}

// companyIdentity is a keyed hash of what identifies the company to the provider, or zero.
func (s *Service) companyIdentity(application perch.ID, providerID string, account provider.CompanyAccount) perch.ID {
	switch ein := strings.ReplaceAll(account.EIN, "-", ""); {
	case account.Key != "":
		return s.Identity.RecordID(application, "company identity", providerID+"\x00key\x00"+account.Key)
	case ein != "":
		return s.Identity.RecordID(application, "company identity", providerID+"\x00ein\x00"+ein)
	}
	return perch.ID{}
}

// rows makes the data keys and what is to be stored. Keys come first: a key without a row is
// harmless, a row without its key is not.
func (s *Service) rows(ctx context.Context, a Authorization, granted Granted) ([]store.NewConnection, error) {
	keys, err := s.Keyring.Create(ctx, granted.Connection.ID)
	if err != nil {
		return nil, err
	}
	var rows []store.NewConnection
	for i, account := range a.Accounts {
		entity := granted.Entities[i]
		if _, err := s.Keyring.Create(ctx, entity); err != nil {
			return nil, err
		}
		row := store.NewConnection{
			ApplicationID: a.Application.ID, Connection: granted.Connection, Entity: access.Entity{ID: entity, Status: a.Status},
			CompanyIdentity: s.companyIdentity(a.Application.ID, a.ProviderID, account), Connector: a.Connector,
			Settings: keys.Seal(nil, account.Settings, sync.SettingsPlace(entity)), CreatedAt: s.Now(),
		}
		if account.Name != "" {
			row.Entity.Name = &account.Name
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s *Service) insert(ctx context.Context, tx *sql.Tx, rows []store.NewConnection, granted Granted) error {
	for i, row := range rows {
		add := s.Store.InsertEntity
		if i == 0 && !granted.Joined {
			add = s.Store.InsertConnection
		}
		if err := add(ctx, tx, row); err != nil {
			return err
		}
	}
	last := rows[len(rows)-1].Entity
	return s.Store.SetStatus(ctx, tx, granted.Connection.ID, last.ID, last.Status, "")
}

// ErrOtherCompany means that the credentials open other companies than the connection to be
// authorised anew.
var ErrOtherCompany = errors.New("the credentials open another company")

// Reauthorize gives the entities of a connection new credentials; all ids stay. An account belongs to
// the entity of the same company. Entities from before companies were identified take accounts in
// their order. keepSettings leaves what the connector reads as it was, for simulated employers.
func (s *Service) Reauthorize(ctx context.Context, connection access.Connection, a Authorization, keepSettings bool, within func(tx *sql.Tx, granted Granted) error) (Granted, error) {
	entities, err := s.Store.LiveEntities(ctx, a.Application.ID, connection.ID)
	if err != nil {
		return Granted{}, perch.Internal(err)
	}
	keys, err := s.Keyring.Cipher(ctx, connection.ID)
	if err != nil {
		return Granted{}, perch.Internal(err)
	}
	connection.Authentication = a.Authentication
	granted := Granted{Connection: connection, Joined: true}
	var rows []store.NewConnection
	taken := map[perch.ID]bool{}
	for _, account := range a.Accounts {
		identity := s.companyIdentity(a.Application.ID, a.ProviderID, account)
		entity := owner(entities, identity, taken, a.AnyCompany)
		if entity == nil {
			continue
		}
		taken[entity.ID] = true
		row := store.NewConnection{ApplicationID: a.Application.ID, Connection: connection,
			Entity: access.Entity{ID: entity.ID, Status: a.Status}, CompanyIdentity: identity, Connector: a.Connector, Settings: entity.Settings}
		if a.Authentication == perch.AuthAssisted && entity.Status == perch.StatusConnected {
			row.Entity.Status = entity.Status // it was set up, and its data came by file
		} else if !keepSettings {
			row.Settings = keys.Seal(nil, account.Settings, sync.SettingsPlace(entity.ID))
		}
		rows, granted.Entities = append(rows, row), append(granted.Entities, entity.ID)
	}
	if len(rows) == 0 {
		return Granted{}, ErrOtherCompany
	}
	for _, entity := range entities { // the new token reads what the tokens before it read
		if !taken[entity.ID] {
			granted.Entities = append(granted.Entities, entity.ID)
		}
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, a.Application.ID, connection.ID); err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.Store.Reauthorise(ctx, tx, row); err != nil {
				return fmt.Errorf("reauthorizing %s: %w", row.Entity.ID, err)
			}
		}
		return within(tx, granted)
	})
	return granted, err
}

// owner returns the entity that an account belongs to, or nil. Where it is not known of both which company
// they are, they match only if any may: else a stranger could give an employer's connection another
// company.
func owner(entities []store.LiveEntity, identity perch.ID, taken map[perch.ID]bool, anyCompany bool) *store.LiveEntity {
	for i := range entities {
		if e := &entities[i]; !taken[e.ID] && !e.CompanyIdentity.IsZero() && e.CompanyIdentity == identity {
			return e
		}
	}
	for i := range entities {
		if e := &entities[i]; anyCompany && !taken[e.ID] && (e.CompanyIdentity.IsZero() || identity.IsZero()) {
			return e
		}
	}
	return nil
}
