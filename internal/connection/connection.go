package connection

import (
	"context"
	"database/sql"
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
		if err := s.Store.InsertConnection(ctx, tx, row); err != nil {
			return err
		}
		if err := s.Store.InsertToken(ctx, tx, request.Application.ID, connection, entity, token, hash, request.Products, s.Now()); err != nil {
			return err
		}
		return within(tx, created)
	})
	if err != nil {
		return Created{}, perch.Internal(fmt.Errorf("making a connection: %w", err))
	}
	return created, nil
}
