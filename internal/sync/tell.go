package sync

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/records"
)

// Changes of records are told from the second sync of a product group on; the first one ends with one
// event that says so.

func (r *run) origin() event.Origin {
	a := &r.account
	return event.Origin{ApplicationID: a.ApplicationID, ConnectionID: a.ConnectionID, CompanyID: a.CompanyID, EntityID: a.EntityID,
		Assisted: a.Authentication == perch.AuthAssisted}
}

// tells reports whether changes are told.
func (p *publisher) tells() bool { return p.events != nil && p.from.Complete }

// tell adds an event to the publish. Many of them are written on the way, so that memory stays bounded.
func (p *publisher) tell(ctx context.Context, e event.Event) error {
	if !p.tells() {
		return nil
	}
	p.events.Add(e)
	if p.events.Held() < chunkEvents {
		return nil
	}
	return p.hand(ctx)
}

// tellFirst tells that the group's first sync is complete, if it is the first.
func (p *publisher) tellFirst() {
	if p.events == nil || p.from.Complete {
		return
	}
	end := perch.EventInitialSyncOrg
	if p.group == access.Payroll {
		end = perch.EventInitialSyncPayroll
	}
	p.events.Add(p.run.Events.AutomatedJob(end, cmp.Or(p.run.taken.JobID, p.run.lease.Sync)))
}

func changed(change records.Change) bool {
	return change == records.Created || change == records.Updated
}

func (p *publisher) tellCompany(ctx context.Context, change records.Change) error {
	if !changed(change) {
		return nil
	}
	return p.tell(ctx, event.Company())
}

// personEvents are the events of what is told about a person, each with the facets that it is about.
var personEvents = [...]struct {
	facets                    records.FacetSet
	created, updated, deleted perch.EventType
}{
	{records.FacetsOf(records.FacetDirectory), perch.EventDirectoryCreated, perch.EventDirectoryUpdated, perch.EventDirectoryDeleted},
	{records.FacetsOf(records.FacetIndividual, records.FacetSSN), perch.EventIndividualCreated, perch.EventIndividualUpdated, perch.EventIndividualDeleted},
	{records.FacetsOf(records.FacetEmployment), perch.EventEmploymentCreated, perch.EventEmploymentUpdated, perch.EventEmploymentDeleted},
}

func (p *publisher) tellPerson(ctx context.Context, id perch.ID, change records.Change, touched records.FacetSet) error {
	if !changed(change) || !p.tells() {
		return nil
	}
	for _, about := range personEvents {
		if !touched.HasAny(about.facets) {
			continue
		}
		end := about.updated
		if change == records.Created {
			end = about.created
		}
		if err := p.tell(ctx, event.Person(end, id)); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) tellPeopleGone(ctx context.Context, ids []perch.ID) error {
	for _, id := range ids {
		for _, about := range personEvents {
			if err := p.tell(ctx, event.Person(about.deleted, id)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *publisher) tellPayment(ctx context.Context, id perch.ID, change records.Change, payDate string) error {
	switch change {
	case records.Created:
		return p.tell(ctx, event.Payment(perch.EventPaymentCreated, id, payDate))
	case records.Updated:
		return p.tell(ctx, event.Payment(perch.EventPaymentUpdated, id, payDate))
	}
	return nil
}

// tellStatement tells of a statement, unless what differs is only how its items are found.
func (p *publisher) tellStatement(ctx context.Context, payment, individual perch.ID, change records.Change, touched records.FacetSet) error {
	if !touched.Has(records.FacetStatement) {
		return nil
	}
	switch change {
	case records.Created:
		return p.tell(ctx, event.PayStatement(perch.EventPayStatementCreated, payment, individual))
	case records.Updated:
		return p.tell(ctx, event.PayStatement(perch.EventPayStatementUpdated, payment, individual))
	}
	return nil
}

// tellStatementsGone tells of the statements of a payment that were not put into the stage. It comes
// before they are removed, since whose they are stands in them.
func (p *publisher) tellStatementsGone(ctx context.Context, st *records.Stage, payment perch.ID) error {
	if !p.tells() {
		return nil
	}
	return st.Absent(func(id perch.ID) error {
		stored, err := st.Record(id, records.FacetStatement)
		if err != nil {
			return err
		}
		var statement struct {
			IndividualID perch.ID `json:"individual_id"`
		}
		if err := json.Unmarshal(stored, &statement); err != nil {
			return fmt.Errorf("reading back a pay statement: %w", err)
		}
		return p.tell(ctx, event.PayStatement(perch.EventPayStatementDeleted, payment, statement.IndividualID))
	})
}

// tellPaymentGone tells of a payment and its statements, before they are deleted.
func (p *publisher) tellPaymentGone(ctx context.Context, payment deletedPayment) error {
	if !p.tells() {
		return nil
	}
	if err := p.tell(ctx, event.Payment(perch.EventPaymentDeleted, payment.id, payment.payDate)); err != nil {
		return err
	}
	st, err := p.stage(ctx, records.Statements(payment.id))
	if err != nil {
		return err
	}
	return p.tellStatementsGone(ctx, st, payment.id)
}
