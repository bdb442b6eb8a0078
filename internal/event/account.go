package event

import (
	"context"
	"database/sql"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

// StatusChanged records account.updated. The store calls it for every change, whoever makes it.
func (l *Log) StatusChanged(ctx context.Context, tx *sql.Tx, c store.StatusChange) error {
	origin := Origin{ApplicationID: c.ApplicationID, ConnectionID: c.ConnectionID, CompanyID: c.CompanyID, EntityID: c.EntityID,
		Assisted: c.Authentication == perch.AuthAssisted}
	return l.Record(ctx, tx, origin, Account(c.Status, c.Authentication))
}
