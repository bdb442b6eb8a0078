package provider

import "context"

// Vault keeps the settings of one account, which a connector may have to change while it uses them: a
// rotating refresh token is replaced by each use.
type Vault interface {
	// Settings returns the settings as they stand now.
	Settings(ctx context.Context) ([]byte, error)
	// Update calls fn with the settings as they stand and stores what it returns, while no other process is
	// in an Update of the same account. When fn returns an error, the settings stay. fn may take as long as a
	// call to the provider; what it returns is stored even if ctx ends meanwhile.
	Update(ctx context.Context, fn func(ctx context.Context, settings []byte) ([]byte, error)) error
}
