package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/deduction"
	"github.com/perchhq/perch/internal/store"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Tasks starts jobs about one person.
type Tasks interface {
	RequestTask(ctx context.Context, grant *access.Grant, kind perch.JobType, individual perch.ID) (automated.Requested, error)
}

// Triggered is a change that was made so that an event follows.
type Triggered struct {
	EventType    perch.EventType `json:"event_type"`
	ConnectionID perch.ID        `json:"connection_id"`
	// EventID is the first event of the type that followed.
	EventID perch.ID `json:"event_id"`
	Change  string   `json:"change" doc:"What was changed."`
}

// Deductions writes deductions.
type Deductions interface {
	Create(ctx context.Context, grant *access.Grant, entity *access.Entity, b perch.Deduction) (deduction.Written, error)
	Register(ctx context.Context, grant *access.Grant, entity *access.Entity, b perch.Deduction) (deduction.Written, error)
	Update(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, description string) (deduction.Written, error)
	Enrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, people []deduction.Person) (deduction.Written, error)
	Unenrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, individuals []string) (deduction.Written, error)
}

// Where Trigger makes a connection when there is none: the first supplies every field that Trigger
// changes and takes deductions, the second has documents, the third is kept by people.
const (
	triggerProvider  = "gusto"
	documentProvider = "adp_run"
	assistedProvider = "isolved"
)

// Trigger changes a simulated employer in such a way that an event of the type follows, and waits for it.
// The zero connection stands for the newest one that is connected; there is made one if need be.
func (s *Service) Trigger(ctx context.Context, app *access.Application, kind perch.EventType, connection perch.ID) (Triggered, error) {
	if app.Type != perch.ClientSandbox {
		return Triggered{}, errNotSandbox(app)
	}
	if kind == perch.EventInitialSyncOrg || kind == perch.EventInitialSyncPayroll {
		if !connection.IsZero() {
			return Triggered{}, perch.Invalid("connection_id", "must be left out: first syncs are those of new connections.")
		}
		return s.triggerFirstSync(ctx, app, kind)
	}
	connection, err := s.triggerConnection(ctx, app, kind, connection)
	if err != nil {
		return Triggered{}, err
	}
	grant, err := s.triggerGrant(ctx, app, connection)
	if err != nil {
		return Triggered{}, err
	}
	p := &prompter{Service: s, grant: grant, entity: &grant.Entities[0]}
	change, err := p.prepare(ctx, kind)
	if err != nil {
		return Triggered{}, err
	}
	_, from, err := s.Connections.Store.EventLog(ctx, app.ID)
	if err != nil {
		return Triggered{}, perch.Internal(err)
	}
	if err := change.make(ctx); err != nil {
		return Triggered{}, err
	}
	if change.sync {
		if err := p.sync(ctx); err != nil {
			return Triggered{}, err
		}
	}
	return s.triggered(ctx, app, Triggered{EventType: kind, ConnectionID: grant.Connection.ID, Change: change.what}, from)
}

// triggered waits for the event.
func (s *Service) triggered(ctx context.Context, app *access.Application, t Triggered, from int64) (Triggered, error) {
	patience := s.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		id, err := s.Connections.Store.FirstEvent(ctx, app.ID, t.ConnectionID, t.EventType, from)
		if err == nil {
			t.EventID = id
			return t, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return t, perch.Internal(err)
		}
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-deadline.C:
			return t, &perch.Error{Name: perch.NameConflict, Message: fmt.Sprintf(
				"The change was made (%s), but no %s followed within %s: the connection's provider may not supply the field, or its jobs are configured to fail.", t.Change, t.EventType, patience)}
		case <-time.After(pollEvery):
		}
	}
}

func (s *Service) triggerFirstSync(ctx context.Context, app *access.Application, kind perch.EventType) (Triggered, error) {
	_, from, err := s.Connections.Store.EventLog(ctx, app.ID)
	if err != nil {
		return Triggered{}, perch.Internal(err)
	}
	made, err := s.CreateConnection(ctx, app, Request{ProviderID: triggerProvider})
	if err != nil {
		return Triggered{}, err
	}
	return s.triggered(ctx, app, Triggered{EventType: kind, ConnectionID: made.ConnectionID, Change: "a new connection was made"}, from)
}

// triggerConnection is the connection that was asked for, or the newest one that serves, or a new one.
func (s *Service) triggerConnection(ctx context.Context, app *access.Application, kind perch.EventType, asked perch.ID) (perch.ID, error) {
	if !asked.IsZero() {
		return asked, nil
	}
	only, assisted, request := "", false, Request{ProviderID: triggerProvider}
	switch kind {
	case perch.EventW4SyncCompleted:
		only, request.ProviderID = documentProvider, documentProvider
	case perch.EventBenefitRegistered:
		only, assisted = assistedProvider, true
		request = Request{ProviderID: assistedProvider, AuthenticationType: perch.AuthAssisted}
	}
	newest, err := s.Connections.Store.NewestSimulated(ctx, app.ID, only, assisted)
	if !errors.Is(err, store.ErrNotFound) {
		return newest, failure(err)
	}
	made, err := s.CreateConnection(ctx, app, request)
	return made.ConnectionID, err
}

// triggerGrant is what a token of the connection would stand for, once no sync of it is under way.
func (s *Service) triggerGrant(ctx context.Context, app *access.Application, connection perch.ID) (*access.Grant, error) {
	rows := s.Connections.Store
	c, err := rows.LiveConnection(ctx, app.ID, connection)
	if errors.Is(err, store.ErrNotFound) {
		return nil, perch.NotFound("item_not_found", "There is no connection with this id.")
	}
	if err != nil {
		return nil, perch.Internal(err)
	}
	grant := &access.Grant{Application: *app, Connection: c, Products: perch.Product("").Values()}
	if err := simulated(grant); err != nil {
		return nil, perch.Invalid("connection_id", "is not a connection to a simulated employer.")
	}
	if grant.Entities, err = s.accounts(ctx, app.ID, connection); err != nil {
		return nil, err
	}
	if err := s.settled(ctx, grant); err != nil {
		return nil, err
	}
	grant.Entities, err = s.accounts(ctx, app.ID, connection)
	return grant, err
}

// accounts are the entities of a connection as they are now.
func (s *Service) accounts(ctx context.Context, application, connection perch.ID) ([]access.Entity, error) {
	live, err := s.Connections.Store.LiveEntities(ctx, application, connection)
	if err != nil {
		return nil, perch.Internal(err)
	}
	if len(live) == 0 {
		return nil, perch.NotFound("item_not_found", "There is no connection with this id.")
	}
	list := make([]access.Entity, len(live))
	for i, e := range live {
		account, err := s.Connections.Store.Account(ctx, connection, e.ID)
		if err != nil {
			return nil, perch.Internal(err)
		}
		list[i] = access.Entity{ID: e.ID, Name: e.Name, Status: e.Status, Groups: account.Groups}
	}
	return list, nil
}

// prompter makes one change on one account.
type prompter struct {
	*Service
	grant  *access.Grant
	entity *access.Entity
}

// change is made, and seen after a sync if sync is set.
type change struct {
	what string
	sync bool
	make func(ctx context.Context) error
}

// sync reads the employer anew and waits until that is done. A sync under way may have missed the change.
func (p *prompter) sync(ctx context.Context) error {
	if err := p.settled(ctx, p.grant); err != nil {
		return err
	}
	err := p.Connections.Store.Tx(ctx, func(tx *sql.Tx) error {
		return p.Syncs.Enqueue(ctx, tx, p.grant.Application.ID, p.grant.Connection.ID, p.entity.ID, "trigger")
	})
	if err != nil {
		return failure(err)
	}
	return p.settled(ctx, p.grant)
}

// prepare brings the employer where the change can be made, such as to have a payment that can be
// deleted, and returns the change.
func (p *prompter) prepare(ctx context.Context, kind perch.EventType) (change, error) {
	switch kind {
	case perch.EventAccountUpdated:
		return change{"the account had to reauthenticate, and is connected again", false, p.toggleStatus}, nil
	case perch.EventDataSyncCompleted:
		return change{"a refresh was asked for", false, p.refresh}, nil
	case perch.EventW4SyncCompleted:
		return change{"a W-4 was asked for", false, p.askForForm}, nil
	case perch.EventCompanyUpdated:
		return change{"the company has another telephone number", true, p.editCompany}, nil
	case perch.EventDirectoryCreated, perch.EventIndividualCreated, perch.EventEmploymentCreated:
		return change{"somebody joined", true, p.addPerson}, nil
	case perch.EventDirectoryUpdated, perch.EventIndividualUpdated, perch.EventEmploymentUpdated:
		return p.edited(kind), nil
	case perch.EventDirectoryDeleted, perch.EventIndividualDeleted, perch.EventEmploymentDeleted:
		return change{"somebody whom a trigger added is no longer listed", true, p.removePerson}, p.ensure(ctx, p.lastAdded, p.addPerson)
	case perch.EventPaymentCreated, perch.EventPayStatementCreated:
		return change{"a payment was added", true, p.addPayment}, nil
	case perch.EventPaymentUpdated:
		return change{"the period of an added payment begins a day earlier", true, p.movePayment}, p.ensure(ctx, p.lastPayment, p.addPayment)
	case perch.EventPayStatementUpdated:
		return change{"a statement of an added payment is paid in another way", true, p.editStatement}, p.ensure(ctx, p.lastPayment, p.addPayment)
	case perch.EventBenefitCreated, perch.EventBenefitUpdated, perch.EventBenefitEnrolled, perch.EventBenefitUnenrolled, perch.EventBenefitRegistered:
		return p.deducted(ctx, kind)
	case perch.EventPaymentDeleted, perch.EventPayStatementDeleted:
		return change{"an added payment is no longer listed", true, p.removePayment}, p.ensure(ctx, p.lastPayment, p.addPayment)
	}
	return change{}, perch.Internal(fmt.Errorf("no change leads to %s", kind))
}

// errNothing means that there is nothing of the kind that a change needs.
var errNothing = errors.New("nothing to change")

// ensure adds something and lets a sync see it, unless there is something already.
func (p *prompter) ensure(ctx context.Context, find func(ctx context.Context) error, add func(ctx context.Context) error) error {
	err := find(ctx)
	if !errors.Is(err, errNothing) {
		return err
	}
	if err := add(ctx); err != nil {
		return err
	}
	return p.sync(ctx)
}

// toggleStatus moves the account to a status and back.
func (p *prompter) toggleStatus(ctx context.Context) error {
	for _, status := range []perch.ConnectionStatus{perch.StatusReauth, perch.StatusConnected} {
		if _, err := p.UpdateAccount(ctx, p.grant, p.entity, &status); err != nil {
			return err
		}
	}
	return nil
}

func (p *prompter) refresh(ctx context.Context) error {
	requested, err := p.Refresh(ctx, p.grant)
	if err == nil && requested.Outcome == automated.Refused {
		err = &perch.Error{Name: perch.NameRateLimitExceeded, Message: "The connection has used up its refreshes for this hour. Choose another one."}
	}
	return err
}

func (p *prompter) askForForm(ctx context.Context) error {
	d, err := p.desk(ctx, p.grant, p.entity)
	if err != nil {
		return err
	}
	_, err = p.Tasks.RequestTask(ctx, p.grant, perch.JobW4Sync, d.individualID(0))
	return err
}

func (p *prompter) editCompany(ctx context.Context) error {
	_, err := p.EditCompany(ctx, p.grant, p.entity, CompanyEdit{PrimaryPhoneNumber: to(phoneNumber(p.Now()))})
	return err
}

// phoneNumber is one for use in fiction that differs from moment to moment.
func phoneNumber(at time.Time) *string {
	number := fmt.Sprintf("+1%03d555%04d", 200+at.Unix()%700, 100+at.UnixMilli()%100)
	return &number
}

func to[T any](value T) Change[T] { return employer.To(value) }

func text(format string, args ...any) *string {
	s := fmt.Sprintf(format, args...)
	return &s
}

// edited changes the first person, so that the event is of the kind.
func (p *prompter) edited(kind perch.EventType) change {
	var edit PersonEdit
	stamp := p.Now().UnixMilli()
	what := "somebody has another telephone number"
	switch kind {
	case perch.EventDirectoryUpdated:
		what = "somebody has another middle name"
		edit.MiddleName = to(text("Trigger%d", stamp))
	case perch.EventEmploymentUpdated:
		what = "somebody has another title"
		edit.Title = to(text("Specialist %d", stamp%10_000))
	default:
		personal := perch.ContactPersonal
		edit.PhoneNumbers = to([]perch.PhoneNumber{{Data: phoneNumber(p.Now()), Type: &personal}})
	}
	return change{what, true, func(ctx context.Context) error {
		d, err := p.desk(ctx, p.grant, p.entity)
		if err != nil {
			return err
		}
		_, err = p.EditPerson(ctx, p.grant, p.entity, d.individualID(0), edit)
		return err
	}}
}

// addPerson adds somebody whom removePerson finds again.
func (p *prompter) addPerson(ctx context.Context) error {
	active := true
	employee, fullTime := perch.EmploymentEmployee, perch.SubtypeFullTime
	edit := PersonEdit{}
	edit.FirstName, edit.LastName, edit.Title = to(text("Tri")), to(text("Gger")), to(text("Temporary"))
	edit.IsActive, edit.Employment = to(&active), to(&perch.EmploymentKind{Type: &employee, Subtype: &fullTime})
	edit.Temporary = true
	_, err := p.AddPeople(ctx, p.grant, p.entity, []PersonEdit{edit})
	return err
}

// lastAdded fails with errNothing if nobody is left whom a trigger added.
func (p *prompter) lastAdded(ctx context.Context) error {
	_, _, err := p.findAdded(ctx)
	return err
}

func (p *prompter) findAdded(ctx context.Context) (*desk, int, error) {
	d, err := p.desk(ctx, p.grant, p.entity)
	if err != nil {
		return nil, 0, err
	}
	edits, err := d.Book.Edits(ctx, d.entity)
	if err != nil {
		return nil, 0, destroyed(err)
	}
	for _, one := range slices.Backward(edits.People) {
		if one.Index < d.employer.People() {
			break
		}
		var edit employer.PersonEdit
		if err := json.Unmarshal(one.Edit, &edit); err != nil {
			return nil, 0, perch.Internal(err)
		}
		if edit.Temporary && !edit.Removed {
			return d, one.Index, nil
		}
	}
	return nil, 0, errNothing
}

func (p *prompter) removePerson(ctx context.Context) error {
	d, index, err := p.findAdded(ctx)
	if err != nil {
		return failure(err)
	}
	return d.write(ctx, func(w *writer) error {
		var edit employer.PersonEdit
		if _, err := d.get(w, store.SandboxPerson, index, &edit); err != nil {
			return err
		}
		edit.Removed = true
		return d.putPerson(w, index, edit)
	})
}

func (p *prompter) addPayment(ctx context.Context) error {
	_, err := p.AddPayment(ctx, p.grant, p.entity, PaymentRequest{})
	return err
}

func (p *prompter) lastPayment(ctx context.Context) error {
	_, _, _, err := p.findPayment(ctx)
	return err
}

// findPayment returns the newest added payment that is still listed.
func (p *prompter) findPayment(ctx context.Context) (*desk, int, employer.AddedPayment, error) {
	d, err := p.desk(ctx, p.grant, p.entity)
	if err != nil {
		return nil, 0, employer.AddedPayment{}, err
	}
	edits, err := d.Book.Edits(ctx, d.entity)
	if err != nil {
		return nil, 0, employer.AddedPayment{}, destroyed(err)
	}
	for n, encoded := range slices.Backward(edits.Payments) {
		payment, err := employer.DecodePayment(encoded)
		if err != nil {
			return nil, 0, payment, perch.Internal(err)
		}
		if !payment.Removed && len(payment.People) > 0 {
			return d, n, payment, nil
		}
	}
	return nil, 0, employer.AddedPayment{}, errNothing
}

// changePayment stores the newest added payment as fn changes it.
func (p *prompter) changePayment(ctx context.Context, fn func(*employer.AddedPayment)) error {
	d, n, payment, err := p.findPayment(ctx)
	if err != nil {
		return failure(err)
	}
	fn(&payment)
	return d.write(ctx, func(w *writer) error { return d.put(w, store.SandboxPayment, n, 0, payment, nil) })
}

// movePayment changes more than one date, since few providers supply the second.
func (p *prompter) movePayment(ctx context.Context) error {
	return p.changePayment(ctx, func(a *employer.AddedPayment) {
		a.Start--
		a.Debit = employer.BusinessDaysAfter(a.Debit, 1)
	})
}

func (p *prompter) removePayment(ctx context.Context) error {
	return p.changePayment(ctx, func(a *employer.AddedPayment) { a.Removed = true })
}

// editStatement lets the first statement be paid by the other method; no amount depends on that.
func (p *prompter) editStatement(ctx context.Context) error {
	d, n, _, err := p.findPayment(ctx)
	if err != nil {
		return failure(err)
	}
	row, err := d.Connections.Store.SandboxStatements(ctx, d.entity, n, 0)
	if err != nil {
		return perch.Internal(err)
	}
	var list []employer.AddedStatement
	if err := decode(d.cipher, d.entity, row, &list); err != nil {
		return destroyed(err)
	}
	method := perch.PaidByCheck
	if had := list[0].Statement.PaymentMethod; had != nil && *had == method {
		method = perch.PaidByDirectDeposit
	}
	list[0].Statement.PaymentMethod = &method
	return d.write(ctx, func(w *writer) error { return d.put(w, store.SandboxStatements, n, 0, list, nil) })
}
