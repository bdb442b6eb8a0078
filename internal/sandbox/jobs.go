package sandbox

import (
	"context"
	"database/sql"
	"errors"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/store"
)

// Jobs starts syncs of simulated connections.
type Jobs interface {
	// RefreshSimulated asks for a sync of everything. An assisted connection has no job: the JobID is zero.
	RefreshSimulated(ctx context.Context, grant *access.Grant) (automated.Requested, error)
}

// Waiting does what waits for people on assisted connections.
type Waiting interface {
	Release(ctx context.Context, grant *access.Grant) error
}

// JobConfiguration is how jobs of a type end.
type JobConfiguration struct {
	Type             perch.JobType    `json:"type"`
	CompletionStatus CompletionStatus `json:"completion_status"`
}

// CompletionStatus is a job status that jobs can be told to end in.
type CompletionStatus string

// Values lists them.
func (CompletionStatus) Values() []CompletionStatus {
	return []CompletionStatus{CompletionStatus(perch.JobComplete), CompletionStatus(perch.JobReauthError),
		CompletionStatus(perch.JobPermissionsError), CompletionStatus(perch.JobError)}
}

// Refresh brings the data up to date with the edits. It waits for a sync under way that may have missed
// some of them before it asks for one. For an assisted connection, which has no job to ask about, it
// returns when the data is there, or after a while. What waits there for people is done too.
func (s *Service) Refresh(ctx context.Context, grant *access.Grant) (automated.Requested, error) {
	if err := simulated(grant); err != nil {
		return automated.Requested{}, err
	}
	requested, err := s.Jobs.RefreshSimulated(ctx, grant)
	if err == nil && requested.Outcome == automated.Running {
		var missed bool
		if missed, err = s.missed(ctx, grant); err == nil && missed {
			if err = s.settled(ctx, grant); err == nil {
				requested, err = s.Jobs.RefreshSimulated(ctx, grant)
			}
		}
	}
	if err == nil && grant.Connection.Authentication == perch.AuthAssisted {
		err = s.settled(ctx, grant)
	}
	if err == nil {
		err = s.Waiting.Release(ctx, grant)
	}
	return requested, failure(err)
}

// missed reports whether a sync of the grant's entities began before their newest edit.
func (s *Service) missed(ctx context.Context, grant *access.Grant) (bool, error) {
	for _, entity := range grant.Entities {
		last, err := s.Connections.Store.LatestSync(ctx, entity.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && last.State != store.SyncRunning {
			continue
		}
		if err != nil {
			return false, err
		}
		edited, err := s.Connections.Store.EditedSince(ctx, entity.ID, last.StartedAt)
		if err != nil || edited {
			return edited, err
		}
	}
	return false, nil
}

// JobConfigurations lists how the jobs of the grant's connection end.
func (s *Service) JobConfigurations(ctx context.Context, grant *access.Grant) ([]JobConfiguration, error) {
	if err := simulated(grant); err != nil {
		return nil, err
	}
	status, err := s.Connections.Store.JobOutcome(ctx, grant.Connection.ID, perch.JobDataSyncAll)
	if err != nil {
		return nil, perch.Internal(err)
	}
	return []JobConfiguration{{perch.JobDataSyncAll, CompletionStatus(status)}}, nil
}

// ConfigureJobs says how jobs of the grant's connection end from now on, until it is said anew.
func (s *Service) ConfigureJobs(ctx context.Context, grant *access.Grant, configuration JobConfiguration) error {
	if err := simulated(grant); err != nil {
		return err
	}
	rows, connection := s.Connections.Store, grant.Connection.ID
	return failure(rows.Tx(ctx, func(tx *sql.Tx) error {
		err := rows.HoldConnection(ctx, tx, grant.Application.ID, connection)
		if errors.Is(err, store.ErrNotFound) {
			return perch.ErrInvalidToken
		}
		if err != nil {
			return err
		}
		return rows.SetJobOutcome(ctx, tx, connection, configuration.Type, perch.JobStatus(configuration.CompletionStatus))
	}))
}
