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

// Job is a perch.ManualJob whose body is encoded already, as it was kept: it may have thousands of lines.
type Job struct {
	JobID  perch.ID        `json:"job_id"`
	Status perch.JobStatus `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// Job returns a job on deductions of the grant's connection. It returns a not-found error for any other.
func (s *Service) Job(ctx context.Context, grant *access.Grant, job perch.ID) (Job, error) {
	found, err := s.Store.ManualJob(ctx, grant.Application.ID, grant.Connection.ID, grant.TokenID, job)
	if errors.Is(err, store.ErrNotFound) {
		return Job{}, NoJob(job.String())
	}
	if err != nil {
		return Job{}, perch.Internal(err)
	}
	shown := Job{JobID: found.ID, Status: found.Status}
	if found.Result == nil {
		return shown, nil
	}
	cipher, err := s.Keyring.Cipher(ctx, found.EntityID)
	if err != nil {
		return shown, perch.Internal(err)
	}
	if shown.Body, err = cipher.Open(nil, found.Result, resultPlace(found.ID)); err != nil {
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
