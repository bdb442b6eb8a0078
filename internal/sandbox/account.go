package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// AccountRequest asks for a further account of a connection. The zero values of the last two mean the
// connection's own method and the organization's products.
type AccountRequest struct {
	CompanyID          perch.ID
	ProviderID         string
	AuthenticationType perch.AuthenticationType
	Products           []perch.Product
}

// Account is an account of a simulated connection. AccessToken is set for a new account only, and shown
// this once.
type Account struct {
	ConnectionID       perch.ID                 `json:"connection_id"`
	EntityID           perch.ID                 `json:"entity_id"`
	CompanyID          perch.ID                 `json:"company_id"`
	AccountID          perch.ID                 `json:"account_id"`
	ProviderID         string                   `json:"provider_id"`
	AuthenticationType perch.AuthenticationType `json:"authentication_type"`
	Products           []perch.Product          `json:"products"`
	AccessToken        string                   `json:"access_token,omitempty"`
}

// organization are the products of an account where nobody says.
var organization = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductEmployment}

// CreateAccount adds an account to the connection that the application has to a company at a provider,
// with an access token of its own. It begins with the same people as the connection's first account.
func (s *Service) CreateAccount(ctx context.Context, app *access.Application, request AccountRequest) (Account, error) {
	entry, err := s.entry(app, request.ProviderID)
	if err != nil {
		return Account{}, err
	}
	existing, first, err := s.firstAccount(ctx, app, request)
	if err != nil {
		return Account{}, err
	}
	auth := existing.Authentication
	if request.AuthenticationType != "" {
		if auth, err = method(entry, request.AuthenticationType); err != nil {
			return Account{}, err
		}
	}
	products := canonical(request.Products)
	if len(products) == 0 {
		products = organization
	}
	settings, err := s.settings(ctx, existing.ID, first.ID, first.Settings)
	if err != nil {
		return Account{}, destroyed(err)
	}
	fields := entry.Supports(auth)
	settings.Fields = &fields
	encoded, err := settings.Encode()
	if err != nil {
		return Account{}, perch.Internal(err)
	}
	status := initialStatus(auth)
	made, err := s.Connections.AddAccount(ctx, existing, connection.Request{
		Application: *app, ProviderID: entry.ID, Type: perch.ConnectionSimulated, Authentication: auth, Status: status,
		Products: products, Connector: employer.Name, Settings: encoded, EntityName: first.Name,
	}, s.firstSync(ctx, app.ID, status))
	if err != nil {
		return Account{}, failure(err)
	}
	return Account{
		ConnectionID: existing.ID, EntityID: made.EntityID, CompanyID: existing.CompanyID, AccountID: made.EntityID,
		ProviderID: entry.ID, AuthenticationType: auth, Products: products, AccessToken: made.AccessToken,
	}, nil
}

// firstAccount returns the connection that a further account belongs to, and its oldest account.
func (s *Service) firstAccount(ctx context.Context, app *access.Application, request AccountRequest) (access.Connection, store.LiveEntity, error) {
	unknown := perch.Invalid("company_id", "%s is not a company that this application has connected at %s in the sandbox.", request.CompanyID, request.ProviderID)
	id, err := s.Connections.Store.CompanyPair(ctx, app.ID, request.CompanyID, request.ProviderID)
	if errors.Is(err, store.ErrNotFound) {
		return access.Connection{}, store.LiveEntity{}, unknown
	}
	var existing access.Connection
	var entities []store.LiveEntity
	if err == nil {
		existing, err = s.Connections.Store.LiveConnection(ctx, app.ID, id)
	}
	if err == nil {
		entities, err = s.Connections.Store.LiveEntities(ctx, app.ID, id)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return access.Connection{}, store.LiveEntity{}, perch.Internal(err)
	}
	if err != nil || len(entities) == 0 || existing.Type != perch.ConnectionSimulated || entities[0].Connector != employer.Name {
		return access.Connection{}, store.LiveEntity{}, unknown
	}
	return existing, entities[0], nil
}

// UpdateAccount moves an account to a status, at once and whatever its syncs bring; nil leaves it. An
// account that becomes connected for the first time, or after it was pending, gets its data, for which the
// call waits a while.
func (s *Service) UpdateAccount(ctx context.Context, grant *access.Grant, entity *access.Entity, status *perch.ConnectionStatus) (Account, error) {
	d, err := s.desk(ctx, grant, entity)
	if err != nil {
		return Account{}, err
	}
	if status != nil {
		err := d.write(ctx, func(w *writer) error { return d.setStatus(w, *status) })
		if err != nil {
			return Account{}, err
		}
		if *status == perch.StatusConnected {
			if err := s.settled(ctx, grant); err != nil {
				return Account{}, err
			}
		}
	}
	return Account{
		ConnectionID: grant.Connection.ID, EntityID: entity.ID, CompanyID: d.account.CompanyID, AccountID: entity.ID,
		ProviderID: d.account.ProviderID, AuthenticationType: d.account.Authentication, Products: grant.Products,
	}, nil
}

func (d *desk) setStatus(w *writer, status perch.ConnectionStatus) error {
	rows := d.Connections.Store
	if status != perch.StatusConnected {
		return rows.HoldStatus(w.ctx, w.tx, d.grant.Connection.ID, d.entity, status, messages[status])
	}
	if d.account.Groups[access.Organization].Generation == 0 || d.account.Status == perch.StatusPending {
		if err := d.Syncs.Enqueue(w.ctx, w.tx, d.grant.Application.ID, d.grant.Connection.ID, d.entity, "connected"); err != nil {
			return err
		}
	}
	return rows.SetStatus(w.ctx, w.tx, d.grant.Connection.ID, d.entity, status, "")
}

// messages are what introspection says of a status: what it says when a provider causes it.
var messages = map[perch.ConnectionStatus]string{
	perch.StatusReauth: perch.ErrReauthenticate.Message, perch.StatusPermissions: perch.ErrPermissions.Message,
	perch.StatusNoAccountSetup: perch.ErrAccountSetup.Message,
}

const (
	// defaultPatience is how long a call waits for data that is to be there after it.
	defaultPatience = 20 * time.Second
	pollEvery       = 20 * time.Millisecond
)

// settled waits until no sync of the grant's entities is under way, for as long as patience lasts.
func (s *Service) settled(ctx context.Context, grant *access.Grant) error {
	patience := s.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for _, entity := range grant.Entities {
		for {
			last, err := s.Connections.Store.LatestSync(ctx, entity.ID)
			if errors.Is(err, store.ErrNotFound) || err == nil && last.State != store.SyncPending && last.State != store.SyncRunning {
				break
			}
			if err != nil {
				return perch.Internal(err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-deadline.C:
				return nil
			case <-time.After(pollEvery):
			}
		}
	}
	return nil
}

// initialStatus is where an account begins: what is assisted waits for somebody to set it up.
func initialStatus(auth perch.AuthenticationType) perch.ConnectionStatus {
	if auth == perch.AuthAssisted {
		return perch.StatusPending
	}
	return perch.StatusProcessing
}

// firstSync queues the first sync of what is made, unless it waits to be set up.
func (s *Service) firstSync(ctx context.Context, application perch.ID, status perch.ConnectionStatus) func(tx *sql.Tx, made connection.Created) error {
	return func(tx *sql.Tx, made connection.Created) error {
		if status == perch.StatusPending {
			return nil
		}
		return s.Syncs.Enqueue(ctx, tx, application, made.Connection.ID, made.EntityID, "created")
	}
}

var errUnsettled = errors.New("other edits kept coming in between")
