package sync

import (
	"context"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
)

// errSimulated is how a simulated provider fails when it was told to. It is not tried again.
var errSimulated = errors.New("the simulated provider fails, as it was told to")

// simulatedEnding fails the sync of a simulated connection that is to end other than well, in the way in
// which a provider would have failed it.
func (r *run) simulatedEnding(ctx context.Context) error {
	if r.Ending == nil || r.account.Type != perch.ConnectionSimulated {
		return nil
	}
	status, err := r.Ending(ctx, r.account.ConnectionID)
	if err != nil {
		return fmt.Errorf("reading how the sync is to end: %w", err)
	}
	switch status {
	case perch.JobReauthError:
		return perch.ErrReauthenticate
	case perch.JobPermissionsError:
		return perch.ErrPermissions
	case perch.JobError:
		return errSimulated
	}
	return nil
}
