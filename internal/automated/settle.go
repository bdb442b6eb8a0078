package automated

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/store"
)

// Ended implements the sync engine's Jobs: it ends the job of a sync if that was its last one.
func (s *Service) Ended(ctx context.Context, tx *sql.Tx, ended store.Sync, status perch.ConnectionStatus) error {
	if ended.JobID.IsZero() {
		return nil
	}
	return s.settle(ctx, tx, ended, status)
}

// settle ends the job that the sync belongs to, if none of its syncs is unfinished, records the event and
// schedules the next sync. status is what the sync's entity is about to become.
func (s *Service) settle(ctx context.Context, tx *sql.Tx, ended store.Sync, status perch.ConnectionStatus) error {
	application, connection := ended.ApplicationID, ended.ConnectionID
	syncs, err := s.Store.JobSyncs(ctx, tx, connection, ended.JobID)
	if err != nil {
		return err
	}
	result, over := combined(syncs)
	if !over {
		return nil
	}
	done, err := s.Store.EndJob(ctx, tx, connection, ended.JobID, result, s.Now())
	if err != nil || !done {
		return err
	}
	if err := s.schedule(ctx, tx, ended, status); err != nil {
		return err
	}
	return s.record(ctx, tx, application, connection, perch.ID{}, ended.JobID, perch.EventDataSyncCompleted)
}

// record tells the application that a job is over. It comes last in its transaction, before what advances
// the revision.
func (s *Service) record(ctx context.Context, tx *sql.Tx, application, connection, entity, job perch.ID, kind perch.EventType) error {
	origin, err := s.Store.JobOrigin(ctx, tx, application, connection)
	if errors.Is(err, store.ErrNotFound) {
		return nil // disconnected: there is nobody to tell
	}
	if err != nil {
		return err
	}
	if !entity.IsZero() {
		origin.EntityID = entity
	}
	return s.Events.Record(ctx, tx, event.Origin{ApplicationID: application, ConnectionID: connection, CompanyID: origin.CompanyID,
		EntityID: origin.EntityID, Assisted: origin.Assisted}, s.Events.AutomatedJob(kind, job))
}

// combined is how a job ends whose syncs ended so: as the one that needs most attention. A sync that a
// disconnection stopped has no say; where no other is left, nothing was read. over is false while one is
// unfinished.
func combined(syncs []store.JobSync) (result perch.JobStatus, over bool) {
	results := make([]perch.JobStatus, 0, len(syncs))
	for _, one := range syncs {
		switch {
		case one.State == store.SyncComplete:
			results = append(results, perch.JobComplete)
		case one.State != store.SyncFailed:
			return "", false
		case one.ErrorName != perch.NameInvalidToken:
			results = append(results, failed(one))
		}
	}
	for _, result := range []perch.JobStatus{perch.JobReauthError, perch.JobPermissionsError, perch.JobError, perch.JobComplete} {
		if slices.Contains(results, result) {
			return result, true
		}
	}
	return perch.JobError, true
}

func failed(sync store.JobSync) perch.JobStatus {
	switch {
	case sync.ErrorName == perch.NamePermissions:
		return perch.JobPermissionsError
	case sync.ErrorName == perch.ErrReauthenticate.Name && sync.ErrorCode == perch.ErrReauthenticate.Code:
		return perch.JobReauthError
	}
	return perch.JobError
}
