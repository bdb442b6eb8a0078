package assist

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
)

// products are what files can carry.
var products = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN,
	perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement}

// Importer brings files in.
type Importer struct {
	Store       *store.Store
	Keyring     *secret.Keyring
	Connections *connection.Service
	Engine      *syncengine.Engine
	Catalog     func() (*catalog.Catalog, error)
	Now         func() time.Time
}

// Import is one set of files for one connection.
type Import struct {
	Application access.Application
	// ProviderID names the system that the files come from; it is used for a new connection only.
	ProviderID string
	// ConnectionID is an existing connection, or zero for a new one.
	ConnectionID perch.ID
	Files        []file.File
	// Mapping corrects the reading of the files. Nil means the one remembered from the last import.
	Mapping *file.Mapping
	// AllowLeavers lets the import mark any number of people as leavers; see [ManyLeavers].
	AllowLeavers bool
}

// Result is what an import did. AccessToken is empty for an existing connection.
type Result struct {
	ConnectionID perch.ID
	AccessToken  string
	Summary      syncengine.Summary
}

// target is where an import goes.
type target struct {
	connection, entity perch.ID
	token              string
}

// Read reads the files without keeping anything, so that a person can look at what would arrive.
func (im *Importer) Read(ctx context.Context, i Import) (*file.Source, error) {
	if err := im.knownProvider(i); err != nil {
		return nil, err
	}
	mapping, err := im.mapping(ctx, i)
	if err != nil {
		return nil, err
	}
	return file.Open(i.Files, mapping, file.Options{Now: im.Now})
}

// Run publishes what Read returned. It makes the connection if there is none, and remembers the
// mapping. It waits for nobody: another import of the same connection under way is an error. When it
// fails, a connection that it made is taken back; an existing one keeps the data that it had. It stops
// with ManyLeavers before anything is written.
func (im *Importer) Run(ctx context.Context, i Import, source *file.Source, progress syncengine.Progress) (Result, error) {
	if err := im.checkLeavers(ctx, i, source); err != nil {
		return Result{}, err
	}
	to, err := im.target(ctx, i)
	if err != nil {
		return Result{}, err
	}
	var requested store.Sync
	err = im.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		requested, _, err = im.Engine.Request(ctx, tx, i.Application.ID, to.connection, to.entity, syncengine.ReasonImport)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("starting the import: %w", err)
	}
	summary, err := im.Engine.RunSource(ctx, to.connection, to.entity, requested.ID, source, progress)
	if errors.Is(err, syncengine.ErrHeld) {
		return Result{}, perch.Invalid("connection", "Another import of connection %s is under way. Try again when it has ended.", to.connection)
	}
	if err == nil {
		// Not before: an import that was refused must not change how the next one reads.
		err = im.Store.Tx(ctx, func(tx *sql.Tx) error { return im.remember(ctx, tx, i, to) })
	}
	if err != nil {
		return Result{}, errors.Join(err, im.undo(ctx, i, to))
	}
	return Result{ConnectionID: to.connection, AccessToken: to.token, Summary: summary}, nil
}

func (im *Importer) target(ctx context.Context, i Import) (target, error) {
	if !i.ConnectionID.IsZero() {
		return im.existing(ctx, i)
	}
	if err := im.knownProvider(i); err != nil {
		return target{}, err
	}
	settings, err := json.Marshal(file.Settings{})
	if err != nil {
		return target{}, err
	}
	made, err := im.Connections.Create(ctx, connection.Request{
		Application: i.Application, ProviderID: i.ProviderID, Type: perch.ConnectionProvider,
		Authentication: perch.AuthAssisted, Status: perch.StatusProcessing, Products: products,
		Connector: file.Connector{}.Name(), Settings: settings,
	}, func(*sql.Tx, connection.Created) error { return nil })
	return target{made.Connection.ID, made.EntityID, made.AccessToken}, err
}

// knownProvider refuses a new connection to a system that is not in the catalogue.
func (im *Importer) knownProvider(i Import) error {
	if !i.ConnectionID.IsZero() {
		return nil
	}
	providers, err := im.Catalog()
	if err != nil {
		return err
	}
	if _, ok := providers.Provider(i.ProviderID); !ok {
		return perch.Invalid("provider", "%.60q is not a provider of the catalogue. GET /providers lists them.", i.ProviderID)
	}
	return nil
}

// undo takes back a connection that was made for an import that failed: nobody has seen its token.
func (im *Importer) undo(ctx context.Context, i Import, to target) error {
	if to.token == "" {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	var owners []perch.ID
	err := im.Store.Disconnect(ctx, i.Application.ID, to.connection, im.Now(), func(_ *sql.Tx, keyOwners []perch.ID) error {
		owners = keyOwners
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking the new connection back: %w", err)
	}
	return im.Keyring.Destroy(ctx, owners...)
}

func (im *Importer) existing(ctx context.Context, i Import) (target, error) {
	_, entity, err := im.Store.ConnectionByID(ctx, i.Application.ID, i.ConnectionID)
	if errors.Is(err, store.ErrNotFound) {
		return target{}, perch.Invalid("connection", "The application has no connection %s.", i.ConnectionID)
	}
	if err != nil {
		return target{}, err
	}
	account, err := im.Store.Account(ctx, i.ConnectionID, entity)
	if err != nil {
		return target{}, err
	}
	if account.Connector != (file.Connector{}).Name() {
		return target{}, perch.Invalid("connection", "Connection %s does not take files: its data comes from the %s connector.", i.ConnectionID, account.Connector)
	}
	return target{connection: i.ConnectionID, entity: entity}, nil
}

// remember keeps the mapping for the next import.
func (im *Importer) remember(ctx context.Context, tx *sql.Tx, i Import, to target) error {
	if i.Mapping == nil {
		return nil
	}
	text, err := i.Mapping.YAML()
	if err != nil {
		return err
	}
	settings, err := json.Marshal(file.Settings{Mapping: string(text)})
	if err != nil {
		return err
	}
	keys, err := im.Keyring.Cipher(ctx, to.connection)
	if err != nil {
		return err
	}
	return im.Store.ReplaceSettings(ctx, tx, to.connection, to.entity, keys.Seal(nil, settings, syncengine.SettingsPlace(to.entity)))
}

// mapping is the given one, else the one that the connection remembers, else none.
func (im *Importer) mapping(ctx context.Context, i Import) (file.Mapping, error) {
	if i.Mapping != nil {
		return *i.Mapping, nil
	}
	if i.ConnectionID.IsZero() {
		return file.Mapping{}, nil
	}
	to, err := im.existing(ctx, i)
	if err != nil {
		return file.Mapping{}, err
	}
	account, err := im.Store.Account(ctx, to.connection, to.entity)
	if err != nil {
		return file.Mapping{}, err
	}
	keys, err := im.Keyring.Cipher(ctx, to.connection)
	if err != nil {
		return file.Mapping{}, err
	}
	plain, err := keys.Open(nil, account.Settings, syncengine.SettingsPlace(to.entity))
	if err != nil {
		return file.Mapping{}, err
	}
	var settings file.Settings
	if err := json.Unmarshal(plain, &settings); err != nil {
		return file.Mapping{}, fmt.Errorf("reading the remembered mapping: %w", err)
	}
	return file.ParseMapping([]byte(settings.Mapping))
}
