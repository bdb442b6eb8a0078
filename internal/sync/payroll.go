package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/provider"
)

// publishEvery is how long a first sync gathers pay statements before it shows them.
const publishEvery = 2 * time.Second

// readersGone is how long after a publish no request reads the generation before it any more.
const readersGone = 5 * time.Minute

// payroll syncs payments and their statements. The first time, payments are published before their
// statements and statements as they come; later, all of it in one step.
func (r *run) payroll(ctx context.Context) (err error) {
	p, err := r.newPublisher(ctx, access.Payroll)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.settle()) }()
	payments, removed, err := r.payments(ctx, p)
	if err != nil {
		return err
	}
	if p.from.Complete && len(payments) == 0 && r.paymentCoverage() == provider.Additive {
		return nil // a source that adds to payroll, and has nothing to add
	}
	if r.items, err = loadItems(ctx, p); err != nil {
		return fmt.Errorf("reading the pay statement items: %w", err)
	}
	first := !p.from.Complete
	if first {
		if err := r.show(ctx, p); err != nil {
			return err
		}
	}
	if err := r.statements(ctx, p, payments, first); err != nil {
		return err
	}
	for _, payment := range removed {
		if err := p.tellPaymentGone(ctx, payment); err != nil {
			return err
		}
		if err := records.DeleteCollection(ctx, r.Store, r.cipher, p, r.account.EntityID, records.Statements(payment.id), p.from.Generation, p.generation); err != nil {
			return err
		}
		p.changed = true
	}
	if err := r.items.stage(ctx, r, p, removed); err != nil {
		return err
	}
	p.tellFirst()
	return p.publish(ctx, true, nil)
}

// show publishes what there is and goes on under a further generation.
func (r *run) show(ctx context.Context, p *publisher) error {
	if err := r.items.stage(ctx, r, p, nil); err != nil {
		return err
	}
	if err := p.publish(ctx, false, nil); err != nil {
		return err
	}
	return p.next(ctx)
}

// deletedPayment is one that the source no longer has, with the pay date that it had.
type deletedPayment struct {
	id      perch.ID
	payDate string
}

func removePayments(st *records.Stage) (removed []deletedPayment, err error) {
	err = st.Absent(func(id perch.ID) error {
		date, err := st.Record(id, records.FacetPayDate)
		removed = append(removed, deletedPayment{id, string(date)})
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = st.RemoveAbsent()
	return removed, err
}

// staged is a payment whose statements are still to be read.
type staged struct {
	id   perch.ID
	key  string
	paid *perch.Date
}

func (r *run) payments(ctx context.Context, p *publisher) (payments []staged, removed []deletedPayment, err error) {
	reader, ok := r.source.(provider.PaymentReader)
	if !ok {
		return nil, nil, nil
	}
	st, err := p.stage(ctx, records.Payments)
	if err != nil {
		return nil, nil, err
	}
	for payment, err := range reader.Payments(ctx) {
		if err != nil {
			return nil, nil, fmt.Errorf("reading the payments: %w", err)
		}
		id, err := r.putPayment(ctx, p, st, payment)
		if err != nil {
			return nil, nil, err
		}
		one := staged{id: id, key: payment.Key}
		if date := payment.Payment.PayDate; date != nil {
			paid := *date // the payment is the connector's
			one.paid = &paid
		}
		payments = append(payments, one)
	}
	if r.paymentCoverage() == provider.Complete {
		if removed, err = removePayments(st); err != nil {
			return nil, nil, err
		}
		r.countDeleted(KindPayment, len(removed))
	}
	return payments, removed, p.finish(st)
}

func (r *run) paymentCoverage() provider.Coverage {
	if reporter, ok := r.source.(provider.CoverageReporter); ok {
		return reporter.PaymentCoverage()
	}
	return provider.Complete
}

func (r *run) putPayment(ctx context.Context, p *publisher, st *records.Stage, payment *provider.Payment) (perch.ID, error) {
	pay := payment.Payment
	pay.ID = PaymentID(r.Identity, r.account.EntityID, payment.Key)
	if payment.PersonKeys != nil {
		pay.IndividualIDs = r.individualIDs(payment.PersonKeys)
	}
	if payment.PayGroupKeys != nil {
		pay.PayGroupIDs = make([]perch.ID, len(payment.PayGroupKeys))
		for i, key := range payment.PayGroupKeys {
			pay.PayGroupIDs[i] = r.payGroupID(key)
		}
	}
	var date []byte
	if pay.PayDate != nil {
		date = []byte(pay.PayDate.String())
	}
	r.encoder.raw(records.FacetPayDate, date)
	r.encoder.set(records.FacetPayment, &pay)
	change, err := r.put(st, KindPayment, pay.ID, 2)
	if err != nil {
		return pay.ID, err
	}
	return pay.ID, p.tellPayment(ctx, pay.ID, change, string(date))
}

func (r *run) statements(ctx context.Context, p *publisher, payments []staged, first bool) error {
	reader, ok := r.source.(provider.PayStatementReader)
	if !ok {
		return nil
	}
	shown := r.Now()
	for _, payment := range payments {
		if err := r.paymentStatements(ctx, p, reader, payment); err != nil {
			return err
		}
		if first && r.Now().Sub(shown) >= publishEvery {
			if err := r.show(ctx, p); err != nil {
				return err
			}
			shown = r.Now()
		}
	}
	return nil
}

func (r *run) paymentStatements(ctx context.Context, p *publisher, reader provider.PayStatementReader, payment staged) error {
	st, err := p.stage(ctx, records.Statements(payment.id))
	if err != nil {
		return err
	}
	for statement, err := range reader.PayStatements(ctx, payment.key) {
		if err != nil {
			return fmt.Errorf("reading pay statements: %w", err)
		}
		statement.Statement.IndividualID = r.ids.of(statement.PersonKey)
		r.items.encode(&r.encoder, &statement.Statement)
		id := r.Identity.RecordID(payment.id, "pay_statement", statement.PersonKey+"\x00"+statement.Key)
		if !st.Seen(id) {
			r.items.note()
		}
		change, err := r.put(st, KindStatement, id, 2)
		if err != nil {
			return err
		}
		if err := p.tellStatement(ctx, payment.id, statement.Statement.IndividualID, change, st.Touched()); err != nil {
			return err
		}
	}
	if err := p.tellStatementsGone(ctx, st, payment.id); err != nil {
		return err
	}
	removed, err := st.RemoveAbsent()
	if err != nil {
		return err
	}
	r.countDeleted(KindStatement, len(removed))
	r.items.finish(payment.id, payment.paid)
	return p.finish(st)
}
