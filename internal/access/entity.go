package access

import (
	"context"
	"database/sql"
	"fmt"

	perch "github.com/perchhq/perch"
)

// UnknownEntitiesError names the entities that a token cannot disconnect, because it has no such
// entities or they are disconnected already.
type UnknownEntitiesError struct{ IDs []perch.ID }

// Error implements error.
func (e *UnknownEntitiesError) Error() string {
	return fmt.Sprintf("%d entities are not entities of the access token", len(e.IDs))
}

// DisconnectEntities ends entities of the grant's connection and leaves the others alone. It is all or
// nothing: an entity that the token does not have fails the whole call with an UnknownEntitiesError.
// When no entity of the connection is left, the connection is disconnected.
func (s *Service) DisconnectEntities(ctx context.Context, g *Grant, entities []perch.ID) error {
	if err := g.known(entities); err != nil {
		return err
	}
	var owners []perch.ID
	err := s.store.DisconnectEntities(ctx, g.Application.ID, g.Connection.ID, entities, s.now(), func(tx *sql.Tx, keyOwners []perch.ID) error {
		owners = keyOwners
		return s.eraser.EnqueueErase(ctx, tx, keyOwners)
	})
	if err != nil {
		if s.missing(err) { // another request was faster
			return &UnknownEntitiesError{IDs: entities}
		}
		return perch.Internal(err)
	}
	return s.destroy(ctx, g.Connection.ID, owners)
}

func (g *Grant) known(entities []perch.ID) error {
	var unknown []perch.ID
	for _, id := range entities {
		e, err := g.Entity(id)
		if err != nil || id.IsZero() || e.Status == perch.StatusDisconnected {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return &UnknownEntitiesError{IDs: unknown}
	}
	return nil
}

// destroy destroys data keys whose tokens are dead already. A caller who hangs up must not keep the
// keys alive.
func (s *Service) destroy(ctx context.Context, connection perch.ID, owners []perch.ID) error {
	if err := s.eraser.Destroy(context.WithoutCancel(ctx), owners...); err != nil {
		return perch.Internal(fmt.Errorf("disconnecting %s: %w", connection, err))
	}
	for _, owner := range owners {
		s.forget(owner)
	}
	s.log.InfoContext(ctx, "disconnected", "connection_id", connection, "keys_destroyed", len(owners))
	return nil
}
