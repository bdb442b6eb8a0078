package deduction

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/store"
)

// Job returns a job on deductions of the grant's connection. It returns a not-found error for any other.
func (s *Service) Job(ctx context.Context, grant *access.Grant, job perch.ID) (perch.ManualJob, error) {
	found, err := s.Store.ManualJob(ctx, grant.Application.ID, grant.Connection.ID, grant.TokenID, job)
	if errors.Is(err, store.ErrNotFound) {
		return perch.ManualJob{}, NoJob(job.String())
	}
	if err != nil {
		return perch.ManualJob{}, perch.Internal(err)
	}
	shown := perch.ManualJob{JobID: found.ID, Status: found.Status}
	if found.Result == nil {
		return shown, nil
	}
	cipher, err := s.Keyring.Cipher(ctx, found.EntityID)
	if err != nil {
		return shown, perch.Internal(err)
	}
	plain, err := cipher.Open(nil, found.Result, resultPlace(found.ID))
	if err == nil {
		err = json.Unmarshal(plain, &shown.Body)
	}
	if err != nil {
		return shown, perch.Internal(fmt.Errorf("reading a job's result: %w", err))
	}
	return shown, nil
}

// NoJob is the error for a job that does not exist for the caller.
func NoJob(job string) error {
	return perch.NotFound("item_not_found", "could not find job with id '%.60s'", job)
}

// statusOf is how the API would answer an error.
func statusOf(e *perch.Error) int { return apierror.Status(e) }
