package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
)

// Syncs starts the first sync of an entity.
type Syncs interface {
	// Enqueue requests a sync of an entity and queues its job, in the caller's transaction.
	Enqueue(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) error
}

// Service runs visits. Its fields are set once, before use.
type Service struct {
	Store       *store.Store
	Keyring     *secret.Keyring
	Connections *connection.Service
	Catalog     func() (*catalog.Catalog, error)
	// Connectors by name. One that is named like a provider of the catalogue, and is a
	// provider.Authenticator, connects that provider.
	Connectors map[string]provider.Connector
	Syncs      Syncs
	// Limits counts refused credentials and unknown visitors by address; nil means no limit.
	Limits limit.Limiter
	// CallbackURL is where providers send the browser back to after OAuth.
	CallbackURL string
	Now         func() time.Time
	Log         *slog.Logger
	// Seed makes simulated employers the same on every start; 0 makes them differ by application.
	Seed uint64
}

// How long sessions last. The contract and the documentation differ for new ones (90 and 30 days):
// the contract decides.
const (
	defaultMinutes        = 129_600
	defaultReauthMinutes  = 43_200
	maxMinutes            = 129_600
	legacyLife            = 24 * time.Hour
	codeLife              = 10 * time.Minute
	assistedTakes         = 14 * 24 * time.Hour
	maxCustomer           = 255
	maxEmail              = 320
	sandboxSimulated      = "finch"
	sandboxProvider       = "provider"
	kindNew               = "new"
	kindReauth            = "reauthenticate"
	kindLegacy            = "legacy"
	kindPreview           = "preview"
	statusOpen            = "open"
	statusConnected       = "connected"
	statusFinished        = "finished"
	codeInvalid           = "invalid_request"
	codeConnectionExists  = "connection_already_exists"
	maxStateBytes         = 2048
	maxProviderIDBytes    = 64
	forgetAbandonedAtOnce = 100
)

// NewSession asks for a session. Zero values of what is optional mean the defaults.
type NewSession struct {
	CustomerID    string
	CustomerName  string
	CustomerEmail *string
	Products      []perch.Product
	RedirectURI   string
	// Provider and AuthMethod skip the choice of provider.
	Provider   string
	AuthMethod perch.AuthenticationType
	Sandbox    string
	// Manual offers assisted providers too.
	Manual          bool
	MinutesToExpire *int
	Recordkeeper    string
	PlanID          *string
}

// Reauthentication asks for a session that authorises an existing connection anew. Products nil keeps
// those that the connection has.
type Reauthentication struct {
	ConnectionID    perch.ID
	Products        []perch.Product
	RedirectURI     string
	MinutesToExpire *int
}

// ConnectionExistsError means that the customer has a connection, which is to be authorised anew
// instead.
type ConnectionExistsError struct {
	CustomerID   string
	ConnectionID perch.ID
}

// Error implements error.
func (e *ConnectionExistsError) Error() string { return e.wire().Message }

// Unwrap returns the error as the API answers it.
func (e *ConnectionExistsError) Unwrap() error { return e.wire() }

func (e *ConnectionExistsError) wire() *perch.Error {
	return &perch.Error{Name: perch.NameBadRequest, Code: codeConnectionExists,
		Message: "There's an existing connection for the customer_id: " + e.CustomerID + ". Please use the /connect/sessions/reauthenticate endpoint instead."}
}

// CreateSession makes a session for an employer who connects anew. It fails with a
// ConnectionExistsError, or with an error that names the field.
func (s *Service) CreateSession(ctx context.Context, app *access.Application, n NewSession) (perch.ID, error) {
	settings, err := s.Store.ApplicationSettings(ctx, app.ID)
	if err != nil {
		return perch.ID{}, perch.Internal(err)
	}
	row := store.ConnectSession{ID: perch.NewID(), ApplicationID: app.ID, Kind: kindNew, Manual: n.Manual, RedirectURI: n.RedirectURI,
		CustomerID: &n.CustomerID, CustomerName: &n.CustomerName, CustomerEmail: n.CustomerEmail, Recordkeeper: n.Recordkeeper, PlanID: n.PlanID}
	for _, check := range []func() error{
		func() error { return checkCustomer(n) },
		func() (err error) { row.Products, err = checkProducts(n.Products, n.Recordkeeper); return err },
		func() error { return checkRedirect(app, settings, n.RedirectURI) },
		func() (err error) { row.Sandbox, err = checkSandbox(app, n.Sandbox); return err },
		func() error { return s.checkIntegration(&row, settings, n.Provider, n.AuthMethod) },
		func() error { return s.setLife(&row, n.MinutesToExpire, defaultMinutes) },
	} {
		if err := check(); err != nil {
			return perch.ID{}, err
		}
	}
	existing, err := s.Store.CustomerConnection(ctx, app.ID, n.CustomerID)
	if err == nil {
		return perch.ID{}, &ConnectionExistsError{CustomerID: n.CustomerID, ConnectionID: existing}
	}
	if !errors.Is(err, store.ErrNotFound) {
		return perch.ID{}, perch.Internal(err)
	}
	return s.insert(ctx, row)
}

// Reauthenticate makes a session that authorises a connection of the application anew.
func (s *Service) Reauthenticate(ctx context.Context, app *access.Application, r Reauthentication) (perch.ID, error) {
	settings, err := s.Store.ApplicationSettings(ctx, app.ID)
	if err != nil {
		return perch.ID{}, perch.Internal(err)
	}
	if err := checkRedirect(app, settings, r.RedirectURI); err != nil {
		return perch.ID{}, err
	}
	row := store.ConnectSession{ID: perch.NewID(), ApplicationID: app.ID, Kind: kindReauth, RedirectURI: r.RedirectURI}
	if len(r.Products) > 0 {
		if row.Products, err = checkProducts(r.Products, ""); err != nil {
			return perch.ID{}, err
		}
	}
	if err := s.setLife(&row, r.MinutesToExpire, defaultReauthMinutes); err != nil {
		return perch.ID{}, err
	}
	if err := s.target(ctx, app, &row, r.ConnectionID); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return perch.ID{}, &perch.Error{Name: perch.NameBadRequest, Code: codeInvalid, Message: "Connection not found"}
		}
		return perch.ID{}, perch.Internal(err)
	}
	return s.insert(ctx, row)
}

// target makes a session one that authorises a connection anew. What the application did not choose
// is as the connection has it.
func (s *Service) target(ctx context.Context, app *access.Application, row *store.ConnectSession, id perch.ID) error {
	c, err := s.Store.LiveConnection(ctx, row.ApplicationID, id)
	if err != nil {
		return err
	}
	row.ConnectionID, row.Integration, row.AuthMethod = c.ID, c.ProviderID, c.Authentication
	row.CustomerID, row.CustomerName, row.CustomerEmail = c.CustomerID, c.CustomerName, c.CustomerEmail
	switch {
	case c.Type == perch.ConnectionSimulated:
		row.Sandbox = sandboxSimulated
	case app.Type == perch.ClientSandbox:
		row.Sandbox = sandboxProvider
	default:
		row.Sandbox = ""
	}
	row.Manual = c.Authentication == perch.AuthAssisted
	if len(row.Products) == 0 {
		row.Products, err = s.Store.ConnectionProducts(ctx, c.ID)
	}
	return err
}

func (s *Service) insert(ctx context.Context, row store.ConnectSession) (perch.ID, error) {
	row.Visit.Status, row.Visit.Step = statusOpen, string(StepConsent)
	if err := s.Store.InsertConnectSession(ctx, row); err != nil {
		return perch.ID{}, perch.Internal(err)
	}
	return row.ID, nil
}

func checkCustomer(n NewSession) error {
	for _, field := range []struct{ name, value string }{{"customer_id", n.CustomerID}, {"customer_name", n.CustomerName}} {
		if !printable(field.value) {
			return perch.Invalid(field.name, "must be text without control characters.")
		}
		if length := utf8.RuneCountInString(field.value); length < 1 || length > maxCustomer {
			return perch.Invalid(field.name, "must have 1 to %d characters.", maxCustomer)
		}
	}
	if n.CustomerEmail == nil {
		return nil
	}
	if parsed, err := mail.ParseAddress(*n.CustomerEmail); err != nil || len(*n.CustomerEmail) > maxEmail || parsed.Address != *n.CustomerEmail {
		return perch.Invalid("customer_email", "must be an email address.")
	}
	return nil
}

var recordkeepers = [...]string{"voya", "empower", "fidelity", "transamerica"}

// checkProducts returns the products under their stored names, each once.
func checkProducts(asked []perch.Product, recordkeeper string) ([]perch.Product, error) {
	var products []perch.Product
	for _, p := range asked {
		if !slices.Contains(p.Values(), p) {
			return nil, perch.Invalid("products", "%.40q is not a product.", string(p))
		}
		if p = p.Canonical(); !slices.Contains(products, p) {
			products = append(products, p)
		}
	}
	if len(products) == 0 {
		return nil, perch.Invalid("products", "must name at least one product.")
	}
	if recordkeeper == "" {
		return products, nil
	}
	if !slices.Contains(recordkeepers[:], recordkeeper) {
		return nil, perch.Invalid("recordkeeping.recordkeeper", "must be one of voya, empower, fidelity, transamerica.")
	}
	if !slices.Contains(products, perch.ProductRecordkeeping) {
		return nil, perch.Invalid("recordkeeping", "can only be given with the recordkeeping product.")
	}
	return products, nil
}

func checkRedirect(app *access.Application, settings access.Settings, uri string) error {
	switch {
	case uri == "", settings.RedirectAllowed(app.Type, uri):
		return nil
	case !access.ValidRedirectURI(uri):
		return perch.Invalid("redirect_uri", "must be an https URL, or http on localhost, without a fragment.")
	}
	return perch.Invalid("redirect_uri", "is not a redirect URI of this application. It must equal a registered one.")
}

// checkSandbox: sandbox applications connect simulated employers unless they ask for a provider's own
// test environment. Other applications connect neither.
func checkSandbox(app *access.Application, asked string) (string, error) {
	switch asked { // older spellings, still in links
	case "true":
		asked = sandboxSimulated
	case "false":
		asked = ""
	}
	switch {
	case asked != "" && asked != sandboxSimulated && asked != sandboxProvider:
		return "", perch.Invalid("sandbox", "must be %q or %q.", sandboxSimulated, sandboxProvider)
	case app.Type == perch.ClientSandbox && asked == "":
		return sandboxSimulated, nil
	case app.Type != perch.ClientSandbox && asked != "":
		return "", perch.Invalid("sandbox", "is for sandbox applications; this one is of type %s.", app.Type)
	}
	return asked, nil
}

func (s *Service) checkIntegration(row *store.ConnectSession, settings access.Settings, providerID string, method perch.AuthenticationType) error {
	if providerID == "" {
		if method != "" {
			return perch.Invalid("integration.provider", "is required with an auth_method.")
		}
		return nil
	}
	providers, err := s.Catalog()
	if err != nil {
		return perch.Internal(err)
	}
	entry, ok := providers.Provider(providerID)
	if !ok || len(providerID) > maxProviderIDBytes {
		return perch.Invalid("integration.provider", "%.60q is not a provider of the catalogue. GET /providers lists them.", providerID)
	}
	row.Integration, row.AuthMethod = providerID, method
	o := offer{service: s, row: row, settings: settings}
	offered := o.methods(entry, method != "" || o.assistedOnly(entry), false)
	if len(offered) == 0 {
		return perch.Invalid("integration.provider", "%s cannot be connected: the ways to do so are disabled for this application.", providerID)
	}
	if method != "" && !slices.Contains(offered, method) {
		return perch.Invalid("integration.auth_method", "%s cannot be connected by %q. Possible are: %v.", providerID, method, offered)
	}
	return nil
}

func (s *Service) setLife(row *store.ConnectSession, asked *int, fallback int) error {
	minutes := fallback
	if asked != nil {
		minutes = *asked
	}
	if minutes < 1 || minutes > maxMinutes {
		return perch.Invalid("minutes_to_expire", "must be between 1 and %d.", maxMinutes)
	}
	row.CreatedAt = s.Now()
	row.ExpiresAt = row.CreatedAt.Add(time.Duration(minutes) * time.Minute)
	return nil
}

// unforeseen wraps an error that no screen explains.
func unforeseen(doing string, err error) error { return fmt.Errorf("connect: %s: %w", doing, err) }

// printable reports whether text can be stored and shown: valid UTF-8 without control characters.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
