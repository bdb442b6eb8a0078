package connect

import (
	"context"
	"database/sql"
	"errors"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
)

// Token is what a code is exchanged for. AccessToken is shown this once and stored as a hash.
type Token struct {
	AccessToken    string               `json:"access_token"`
	TokenType      string               `json:"token_type"`
	ConnectionID   perch.ID             `json:"connection_id"`
	CustomerID     *string              `json:"customer_id"`
	CustomerName   *string              `json:"customer_name"`
	AccountID      perch.ID             `json:"account_id"`
	ClientType     perch.ClientType     `json:"client_type"`
	CompanyID      perch.ID             `json:"company_id"`
	ConnectionType perch.ConnectionType `json:"connection_type"`
	Products       []perch.Product      `json:"products"`
	ProviderID     string               `json:"provider_id"`
	EntityIDs      []perch.ID           `json:"entity_ids"`
}

// maxCode bounds what is looked up as a code, in bytes.
const maxCode = 512

// errGrant answers a code that cannot be exchanged. It does not say why: who has a code that is not
// theirs learns nothing.
var errGrant = &perch.Error{Name: perch.NameInvalidGrant, Message: "The authorization code is not valid: it is unknown, expired or used, or belongs to another application or redirect URI."}

// Exchange turns a code into an access token, once. A code that went to a redirect URI needs the same
// URI again; one that went out by message may be exchanged without.
func (s *Service) Exchange(ctx context.Context, app *access.Application, code, redirectURI string) (Token, error) {
	if code == "" {
		return Token{}, perch.Invalid("code", "is required.")
	}
	if len(code) > maxCode {
		return Token{}, errGrant
	}
	text, hash := access.NewSecret("")
	var token Token
	err := s.Store.Tx(ctx, func(tx *sql.Tx) error {
		used, connection, err := s.Store.UseCode(ctx, tx, app.ID, access.HashSecret(code), s.Now())
		if err != nil {
			return err
		}
		if redirectURI != used.RedirectURI && (used.Redirected || redirectURI != "") {
			return errGrant
		}
		token = Token{AccessToken: text, TokenType: "bearer", ConnectionID: connection.ID, CustomerID: connection.CustomerID, CustomerName: connection.CustomerName,
			AccountID: used.Entities[0], ClientType: app.Type, CompanyID: connection.CompanyID, ConnectionType: connection.Type,
			Products: used.Products, ProviderID: connection.ProviderID, EntityIDs: used.Entities}
		if err := s.Store.InsertTokenFor(ctx, tx, store.NewToken{ID: perch.NewID(), Hash: hash, ApplicationID: app.ID, ConnectionID: connection.ID,
			Entities: used.Entities, Products: used.Products, CreatedAt: s.Now()}); err != nil {
			return err
		}
		return s.read(ctx, tx, used, connection)
	})
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errGrant):
		return Token{}, errGrant
	}
	return Token{}, perch.Internal(err)
}

// read asks for a sync of those entities whose last one may not have read what the token grants: the
// one that came with the visit has, unless another was under way, or the code was made later.
func (s *Service) read(ctx context.Context, tx *sql.Tx, used store.AuthorizationCode, connection access.Connection) error {
	if connection.Authentication == perch.AuthAssisted {
		return nil // people bring the data in
	}
	for _, entity := range used.Entities {
		began, err := s.Store.LatestSyncBegan(ctx, tx, entity)
		if err != nil {
			return err
		}
		if !began.Before(used.CreatedAt) {
			continue
		}
		if err := s.Syncs.Enqueue(ctx, tx, used.ApplicationID, connection.ID, entity, "granted"); err != nil {
			return err
		}
	}
	return nil
}
