package connection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
)

// Service makes connections.
type Service struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Identity *secret.Identity
	Now      func() time.Time
}

// Request describes a connection to make.
type Request struct {
	Application    access.Application
	ProviderID     string
	Type           perch.ConnectionType
	Authentication perch.AuthenticationType
	Status         perch.ConnectionStatus
	Products       []perch.Product
	// Connector reads the data; Settings is its own JSON, credentials included.
	Connector string
	Settings  []byte
	// EntityName names the account to people; it may be nil.
	EntityName *string
}

// Created is a new connection. AccessToken is shown once and stored as a hash only.
type Created struct {
	Connection  access.Connection
	EntityID    perch.ID
	AccessToken string
}

// Create makes the connection and calls within inside the same transaction, to queue its first sync.
func (s *Service) Create(ctx context.Context, request Request, within func(tx *sql.Tx, created Created) error) (Created, error) {
	connection, entity, token := perch.NewID(), perch.NewID(), perch.NewID()
	text, hash := access.NewSecret("")
	created := Created{
		EntityID: entity, AccessToken: text,
		Connection: access.Connection{
			ID: connection, CompanyID: s.Identity.RecordID(entity, "company", "company"), ProviderID: request.ProviderID,
			Type: request.Type, Authentication: request.Authentication, Status: request.Status,
		},
	}
	// Keys first: a key without a row is harmless, a row without its key is not.
	if _, err := s.Keyring.Create(ctx, entity); err != nil {
		return Created{}, perch.Internal(err)
	}
	keys, err := s.Keyring.Create(ctx, connection)
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	row := store.NewConnection{
		ApplicationID: request.Application.ID, Connection: created.Connection,
		Entity:    access.Entity{ID: entity, Name: request.EntityName, Status: request.Status},
		Connector: request.Connector, Settings: keys.Seal(nil, request.Settings, sync.SettingsPlace(entity)), CreatedAt: s.Now(),
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if request.Type == perch.ConnectionSimulated {
			if err := s.room(ctx, tx, request.Application.ID, perch.ID{}, 1); err != nil {
				return err
			}
		}
		if err := s.Store.InsertConnection(ctx, tx, row); err != nil {
			return err
		}
		if err := s.Store.InsertToken(ctx, tx, request.Application.ID, connection, entity, token, hash, request.Products, s.Now()); err != nil {
			return err
		}
		return within(tx, created)
	})
	if err != nil {
		return Created{}, shown("making a connection", err)
	}
	return created, nil
}

// AddAccount adds an entity to a simulated connection, with an access token of its own, and calls within
// inside the same transaction.
func (s *Service) AddAccount(ctx context.Context, connection access.Connection, request Request, within func(tx *sql.Tx, created Created) error) (Created, error) {
	text, hash := access.NewSecret("")
	created := Created{Connection: connection, EntityID: perch.NewID(), AccessToken: text}
	if _, err := s.Keyring.Create(ctx, created.EntityID); err != nil {
		return Created{}, perch.Internal(err)
	}
	keys, err := s.Keyring.Cipher(ctx, connection.ID)
	if err != nil {
		return Created{}, perch.Internal(err)
	}
	row := store.NewConnection{
		ApplicationID: request.Application.ID, Connection: connection,
		Entity:    access.Entity{ID: created.EntityID, Name: request.EntityName, Status: request.Status},
		Connector: request.Connector, Settings: keys.Seal(nil, request.Settings, sync.SettingsPlace(created.EntityID)), CreatedAt: s.Now(),
	}
	if request.Authentication != connection.Authentication {
		row.Authentication = &request.Authentication
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.room(ctx, tx, request.Application.ID, connection.ID, 1); err != nil {
			return err
		}
		if err := s.Store.HoldConnection(ctx, tx, request.Application.ID, connection.ID); err != nil {
			return err
		}
		if err := s.Store.InsertEntity(ctx, tx, row); err != nil {
			return err
		}
		if err := s.Store.InsertToken(ctx, tx, request.Application.ID, connection.ID, created.EntityID, perch.NewID(), hash, request.Products, s.Now()); err != nil {
			return err
		}
		if err := within(tx, created); err != nil {
			return err
		}
		return s.Store.SetStatus(ctx, tx, connection.ID, created.EntityID, request.Status, "")
	})
	if err != nil {
		return Created{}, shown("adding an account", err)
	}
	return created, nil
}

// Limits of the sandbox: live connections of an application, live accounts of a connection.
const (
	MaxSimulated = 100
	MaxAccounts  = 3
)

// room refuses more simulated connections, or accounts of a connection that exists, than there may be.
func (s *Service) room(ctx context.Context, tx *sql.Tx, application, connection perch.ID, accounts int) error {
	if err := s.Store.LockApplication(ctx, tx, application); err != nil {
		return err
	}
	connections, entities, err := s.Store.CountLive(ctx, tx, application, connection)
	switch {
	case err != nil:
		return err
	case connection.IsZero() && connections >= MaxSimulated:
		return &perch.Error{Name: perch.NameUnprocessableEntity, Code: "connection_limit_exceeded",
			Message: fmt.Sprintf("A sandbox application may have %d connections. Disconnect one that is not needed.", MaxSimulated)}
	case entities+accounts > MaxAccounts:
		return &perch.Error{Name: perch.NameUnprocessableEntity, Code: "account_limit_exceeded",
			Message: fmt.Sprintf("A sandbox connection may have %d accounts. Disconnect one that is not needed, or connect another customer.", MaxAccounts)}
	}
	return nil
}

// shown passes on errors that callers are meant to see.
func shown(doing string, err error) error {
	var known *perch.Error
	if errors.As(err, &known) {
		return err
	}
	return perch.Internal(fmt.Errorf("%s: %w", doing, err))
}
