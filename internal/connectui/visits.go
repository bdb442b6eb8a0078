package connectui

import (
	"context"

	"github.com/perchhq/perch/internal/connect"
)

// Visits is what the pages need of the flow. What an employer can mend, or at least read, comes back
// as a View with a Problem; errors are for what nobody foresaw.
type Visits interface {
	// Open begins a visit, or restarts one at its first screen.
	Open(ctx context.Context, request connect.OpenRequest) (connect.View, error)
	// Do does one thing and returns what follows.
	Do(ctx context.Context, action connect.Action) (connect.View, error)
}
