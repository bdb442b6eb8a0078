package sandbox

import (
	"context"
	"iter"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// totals are the sums over a run's statements, in cents.
type totals struct {
	gross, net, employeeTaxes, employerTaxes int64
	statements                               int
	groups                                   [groupCount]bool
	keys                                     []string
}

// Payments implements provider.PaymentReader. Runs in which nobody is paid are left out. A provider
// that supplies no field of payments or statements has no payments.
func (s *source) Payments(ctx context.Context) iter.Seq2[*provider.Payment, error] {
	return func(yield func(*provider.Payment, error) bool) {
		if !s.fields.payments {
			return
		}
		for i := range s.runs {
			t, err := s.total(ctx, &s.runs[i])
			if err != nil {
				yield(nil, err)
				return
			}
			if t.statements > 0 && !yield(s.payment(&s.runs[i], t), nil) {
				return
			}
		}
		s.addedPayments(yield)
	}
}

// payees calls visit for everyone with a statement in the run. The slip is overwritten by the next.
func (e *employer) payees(ctx context.Context, r *run, visit func(*profile, *slip) bool) error {
	y := &payer{employer: e}
	var p profile // outside the loop: visit makes it escape
	for i := range e.people {
		if err := interrupted(ctx, i); err != nil {
			return err
		}
		p = e.person(i)
		if r.turn[p.group] < 0 || r.newest && !p.paidNewest() {
			continue
		}
		if y.pay(&p, &e.schedules[p.group][r.turn[p.group]]) && !visit(&p, &y.slip) {
			return nil
		}
	}
	return nil
}

// total adds up a run in one pass that holds no statement.
func (e *employer) total(ctx context.Context, r *run) (*totals, error) {
	t := &totals{}
	wantKeys := e.fields.everything || e.fields.Payment.IndividualIDs
	err := e.payees(ctx, r, func(p *profile, s *slip) bool {
		t.gross += s.gross
		t.net += s.net
		t.employeeTaxes += s.employeeTaxes
		t.employerTaxes += s.employerTaxes
		t.statements++
		t.groups[p.group] = true
		if wantKeys {
			t.keys = append(t.keys, personKey(p.index))
		}
		return true
	})
	return t, err
}

// payment makes the record of a run.
func (e *employer) payment(r *run, t *totals) *provider.Payment {
	pay, debit := r.pay, r.debit
	out := &provider.Payment{Key: r.key, PersonKeys: t.keys}
	out.Payment = perch.Payment{
		PayPeriod:     e.span(r, t),
		PayDate:       &pay,
		DebitDate:     &debit,
		CompanyDebit:  perch.Dollars(t.net + t.employeeTaxes + t.employerTaxes),
		GrossPay:      perch.Dollars(t.gross),
		NetPay:        perch.Dollars(t.net),
		EmployerTaxes: perch.Dollars(t.employerTaxes),
		EmployeeTaxes: perch.Dollars(t.employeeTaxes),
	}
	for g := range groupCount {
		if !t.groups[g] {
			continue
		}
		if e.fields.payGroups && (e.fields.everything || e.fields.Payment.PayGroupIDs) {
			out.PayGroupKeys = append(out.PayGroupKeys, groupKeys[g])
		}
		out.Payment.PayFrequencies = append(out.Payment.PayFrequencies, frequencies[g])
	}
	e.fields.payment(&out.Payment)
	return out
}

// span is the period that a run pays for: from the earliest start to the latest end of the groups
// in it.
func (e *employer) span(r *run, t *totals) *perch.PayPeriod {
	var start, end perch.Date
	first := true
	for g := range groupCount {
		if !t.groups[g] {
			continue
		}
		turn := &e.schedules[g][r.turn[g]]
		if first || turn.start < start {
			start = turn.start
		}
		if first || turn.end > end {
			end = turn.end
		}
		first = false
	}
	return &perch.PayPeriod{StartDate: &start, EndDate: &end}
}

// PayStatements implements provider.PayStatementReader. An unknown key is an error.
func (s *source) PayStatements(ctx context.Context, paymentKey string) iter.Seq2[*provider.PayStatement, error] {
	return func(yield func(*provider.PayStatement, error) bool) {
		for i := range s.runs {
			if s.runs[i].key == paymentKey {
				s.statements(ctx, &s.runs[i], yield)
				return
			}
		}
		if s.addedStatements(ctx, paymentKey, yield) {
			return
		}
		yield(nil, perch.NotFound("payment_not_found", "The simulated employer has no payment with this key."))
	}
}

func (s *source) statements(ctx context.Context, r *run, yield func(*provider.PayStatement, error) bool) {
	sheet := &sheet{fields: s.fields}
	err := s.payees(ctx, r, func(p *profile, slip *slip) bool {
		return yield(sheet.write(p, slip), nil)
	})
	if err != nil {
		yield(nil, err)
	}
}
