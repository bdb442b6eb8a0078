package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	employer "github.com/perchhq/perch/provider/sandbox"
)

const (
	// maxPayments bounds the payments that are added to one employer.
	maxPayments = 1000
	// MaxCents bounds amounts, as the contract does: beyond it, programs in JavaScript count wrongly.
	MaxCents = 1<<53 - 1
	// periodDays is how many business days a pay period ends after its start, where nobody says.
	periodDays = 14
	// unsettled is how often a payment starts over because others were added meanwhile.
	unsettled = 10
)

// Days that a payment may have.
var (
	firstDay = perch.NewDate(1900, 1, 1)
	lastDay  = perch.NewDate(2199, 12, 31)
)

// PaymentRequest describes a payment to add. What is nil gets its default.
type PaymentRequest struct {
	StartDate, EndDate, PayDate, DebitDate *perch.Date
	// Statements are those of the payment; nil stands for one for each active full-time employee.
	Statements []StatementRequest
}

// StatementRequest describes a pay statement. Gross pay that is not given is the sum of the earnings or,
// without any, base pay for the period; net pay follows from gross pay, taxes and deductions, total hours
// from those of the earnings. A type and a method that are not set are regular payroll and direct deposit.
type StatementRequest struct {
	IndividualID          perch.ID
	Type                  employer.Change[*perch.StatementType]
	PaymentMethod         employer.Change[*perch.PaymentMethod]
	TotalHours            *perch.Hours
	GrossPay, NetPay      *int64
	Earnings              []perch.Earning
	Taxes                 []perch.Tax
	EmployeeDeductions    []perch.PayDeduction
	EmployerContributions []perch.Contribution
}

// PaymentAdded is a payment that was added.
type PaymentAdded struct {
	PaymentID perch.ID   `json:"payment_id"`
	PayDate   perch.Date `json:"pay_date"`
}

// AddPayment adds a pay run to an employer. It is all or nothing; errors name the field at fault. Reads
// show it after the next sync.
func (s *Service) AddPayment(ctx context.Context, grant *access.Grant, entity *access.Entity, request PaymentRequest) (PaymentAdded, error) {
	d, err := s.desk(ctx, grant, entity)
	if err != nil {
		return PaymentAdded{}, err
	}
	if !d.employer.HasPayroll() {
		return PaymentAdded{}, perch.ErrNotImplemented
	}
	for range unsettled {
		run, err := d.payRun(ctx, request)
		if err != nil {
			return PaymentAdded{}, failure(err)
		}
		stored := false
		err = d.write(ctx, func(w *writer) (err error) {
			stored, err = d.putPayment(w, run)
			return err
		})
		if err != nil {
			return PaymentAdded{}, err
		}
		if stored {
			return PaymentAdded{sync.PaymentID(s.Connections.Identity, d.entity, employer.PaymentKey(run.number)), run.Pay}, nil
		}
	}
	return PaymentAdded{}, perch.Internal(fmt.Errorf("adding a payment: %w", errUnsettled))
}

// payRun is a payment being made up.
type payRun struct {
	employer.AddedPayment
	number     int
	statements []employer.AddedStatement
	// seen counts the statements of each person.
	seen map[int]int
	// enrolled are the deductions that people were enrolled in over the API, and soFar what was deducted
	// for them before.
	enrolled map[int][]employer.Enrolled
	soFar    map[int]*employer.YearToDate
}

// payRun makes up the payment that would be the next one now.
func (d *desk) payRun(ctx context.Context, request PaymentRequest) (*payRun, error) {
	edits, err := d.Book.Edits(ctx, d.entity)
	if err != nil {
		return nil, destroyed(err)
	}
	run := &payRun{number: len(edits.Payments), seen: map[int]int{}}
	if err := run.setDates(request, d.lastEnd(edits)); err != nil {
		return nil, err
	}
	if err := d.enrol(ctx, run, edits); err != nil {
		return nil, destroyed(err)
	}
	if request.Statements == nil {
		for one, err := range d.employer.Staff(ctx, edits.People) {
			if err == nil {
				err = run.add(one.Index, StatementRequest{}, basePay(one.Income, run))
			}
			if err != nil {
				return nil, err
			}
		}
		return run, nil
	}
	people, err := d.payees(ctx, request.Statements)
	if err != nil {
		return nil, err
	}
	for i, one := range request.Statements {
		gross := one.GrossPay
		if gross == nil {
			if gross, err = d.gross(run, edits, people[i], one.Earnings); err != nil {
				return nil, err
			}
		}
		if err := run.add(people[i], one, gross); err != nil {
			return nil, err
		}
	}
	return run, nil
}

// enrol finds who is enrolled in deductions, and what was deducted for them before.
func (d *desk) enrol(ctx context.Context, run *payRun, edits employer.Edits) (err error) {
	if run.enrolled, err = employer.WrittenEnrolments(ctx, d.Ledger, d.entity); err != nil || len(run.enrolled) == 0 {
		return err
	}
	run.soFar = make(map[int]*employer.YearToDate, len(run.enrolled))
	for person := range run.enrolled {
		run.soFar[person] = employer.NewYearToDate(run.Pay)
		d.employer.AddGenerated(run.soFar[person], person)
	}
	for n, encoded := range edits.Payments {
		payment, err := employer.DecodePayment(encoded)
		if err != nil {
			return err
		}
		for statement, err := range edits.Statements(ctx, n) {
			if err != nil {
				return err
			}
			if soFar := run.soFar[statement.Person]; soFar != nil {
				soFar.Add(payment.Pay, &statement.Statement)
			}
		}
	}
	return nil
}

// lastEnd is the last day that the payment made most recently pays for.
func (d *desk) lastEnd(edits employer.Edits) func() (perch.Date, error) {
	return func() (perch.Date, error) {
		if len(edits.Payments) == 0 {
			return d.employer.LastPeriodEnd(), nil
		}
		last, err := employer.DecodePayment(edits.Payments[len(edits.Payments)-1])
		return last.End, err
	}
}

// setDates fills in what is not given: the period begins on the business day after the last one and
// ends 14 business days later, pay day is its last day, and the debit follows on the next business day.
func (r *payRun) setDates(request PaymentRequest, lastEnd func() (perch.Date, error)) error {
	if request.StartDate != nil {
		r.Start = *request.StartDate
	} else {
		last, err := lastEnd()
		if err != nil {
			return err
		}
		r.Start = employer.BusinessDaysAfter(last, 1)
	}
	r.End = given(request.EndDate, func() perch.Date { return employer.BusinessDaysAfter(r.Start, periodDays) })
	r.Pay = given(request.PayDate, func() perch.Date { return r.End })
	r.Debit = given(request.DebitDate, func() perch.Date { return employer.BusinessDaysAfter(r.Pay, 1) })
	for _, day := range []struct {
		field string
		is    perch.Date
	}{{"start_date", r.Start}, {"end_date", r.End}, {"pay_date", r.Pay}, {"debit_date", r.Debit}} {
		if day.is < firstDay || day.is > lastDay {
			return perch.Invalid(day.field, "must lie between %s and %s.", firstDay, lastDay)
		}
	}
	if r.End < r.Start {
		return perch.Invalid("end_date", "must not be before the start_date, which is %s.", r.Start)
	}
	return nil
}

func given(day *perch.Date, fallback func() perch.Date) perch.Date {
	if day != nil {
		return min(max(*day, firstDay-1), lastDay+1) // what lies beyond is refused, and counted from first
	}
	return fallback()
}

// payees finds the people whose statements they are.
func (d *desk) payees(ctx context.Context, requests []StatementRequest) ([]int, error) {
	ids := make([]perch.ID, len(requests))
	for i := range requests {
		ids[i] = requests[i].IndividualID
	}
	found, err := d.indexes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	people := make([]int, len(ids))
	for i, id := range ids {
		index, ok := found[id]
		if !ok {
			return nil, perch.Invalid(fmt.Sprintf("pay_statements[%d].individual_id", i), "%s is not an individual of this company.", id)
		}
		people[i] = index
	}
	return people, nil
}

// add makes a statement and adds it to the totals. Deductions and contributions that are not given are those
// of the person's enrolments.
func (r *payRun) add(person int, request StatementRequest, gross *int64) error {
	kind, method := perch.StatementRegular, perch.PaidByDirectDeposit
	v := perch.PayStatement{Type: &kind, PaymentMethod: &method, TotalHours: request.TotalHours, Earnings: list(request.Earnings), Taxes: list(request.Taxes),
		EmployeeDeductions: list(request.EmployeeDeductions), EmployerContributions: list(request.EmployerContributions)}
	if request.Type.Set {
		v.Type = request.Type.Value
	}
	if request.PaymentMethod.Set {
		v.PaymentMethod = request.PaymentMethod.Value
	}
	r.deduct(&v, person, request, gross)
	settle(&v, gross, request.NetPay)
	added := employer.AddedStatement{Person: person, Statement: v}
	if n := r.seen[person]; n > 0 {
		added.Key = strconv.Itoa(n)
	} else {
		r.People = append(r.People, person)
	}
	r.seen[person]++
	r.statements = append(r.statements, added)
	return r.total(&v)
}

// deduct adds the lines of the person's enrolments.
func (r *payRun) deduct(v *perch.PayStatement, person int, request StatementRequest, gross *int64) {
	enrolled := r.enrolled[person]
	if len(enrolled) == 0 || request.EmployeeDeductions != nil && request.EmployerContributions != nil {
		return
	}
	left := amount(gross)
	for i := range v.Taxes {
		if !isEmployer(&v.Taxes[i]) {
			left -= amount(v.Taxes[i].Amount)
		}
	}
	deductions, contributions := r.soFar[person].Lines(enrolled, gross, left)
	if request.EmployeeDeductions == nil {
		v.EmployeeDeductions = list(deductions)
	}
	if request.EmployerContributions == nil {
		v.EmployerContributions = list(contributions)
	}
}

// gross is the sum of the earnings, or base pay for the period, or nothing where that is not known.
func (d *desk) gross(run *payRun, edits employer.Edits, person int, earnings []perch.Earning) (*int64, error) {
	if len(earnings) > 0 {
		var sum int64
		for _, e := range earnings {
			sum += amount(e.Amount)
		}
		return &sum, nil
	}
	var edit []byte
	if i, ok := slices.BinarySearchFunc(edits.People, person, func(p employer.EditedPerson, index int) int { return p.Index - index }); ok {
		edit = edits.People[i].Edit
	}
	income, err := d.employer.Income(person, edit)
	if err != nil {
		return nil, err
	}
	return basePay(income, run), nil
}

func basePay(income *perch.Income, run *payRun) *int64 {
	if cents, ok := employer.BasePay(income, run.Start, run.End); ok {
		return &cents
	}
	return nil
}

// settle fills in the amounts and hours that follow from the lines.
func settle(v *perch.PayStatement, gross, net *int64) {
	if v.TotalHours == nil {
		var hours perch.Hours
		for _, e := range v.Earnings {
			if e.Hours != nil {
				hours += *e.Hours
			}
		}
		if hours > 0 {
			v.TotalHours = &hours
		}
	}
	if gross != nil {
		v.GrossPay = perch.Dollars(*gross)
		if net == nil {
			left := *gross
			for _, t := range v.Taxes {
				if !isEmployer(&t) {
					left -= amount(t.Amount)
				}
			}
			for _, one := range v.EmployeeDeductions {
				left -= amount(one.Amount)
			}
			net = &left
		}
	}
	if net != nil {
		v.NetPay = perch.Dollars(*net)
	}
}

// list is empty rather than null: there are no such lines, which is known.
func list[L any](lines []L) []L {
	if lines == nil {
		return []L{}
	}
	return lines
}

func amount(cents *int64) int64 {
	if cents == nil {
		return 0
	}
	return *cents
}

func isEmployer(t *perch.Tax) bool { return t.Employer != nil && *t.Employer }

// total adds a statement to the payment.
func (r *payRun) total(v *perch.PayStatement) error {
	if v.GrossPay != nil {
		r.Gross += amount(v.GrossPay.Amount)
	}
	if v.NetPay != nil {
		r.Net += amount(v.NetPay.Amount)
	}
	for i := range v.Taxes {
		if t := &v.Taxes[i]; isEmployer(t) {
			r.EmployerTaxes += amount(t.Amount)
		} else {
			r.EmployeeTaxes += amount(t.Amount)
		}
	}
	for _, sum := range []int64{r.Gross, r.Net, r.EmployeeTaxes, r.EmployerTaxes, r.Net + r.EmployeeTaxes + r.EmployerTaxes} {
		if sum > MaxCents || sum < -MaxCents {
			return perch.Invalid("pay_statements", "add up to more than %d cents.", int64(MaxCents))
		}
	}
	return nil
}

// putPayment stores the run, unless it is not the next one any more.
func (d *desk) putPayment(w *writer, run *payRun) (stored bool, err error) {
	have, err := d.Connections.Store.CountSandboxEdits(w.ctx, w.tx, d.entity, store.SandboxPayment, 0)
	if err != nil || have != run.number {
		return false, err
	}
	if have >= maxPayments {
		return false, tooMany("edit_limit_exceeded", "A simulated employer may have %d added payments.", maxPayments)
	}
	if err := d.put(w, store.SandboxPayment, run.number, 0, run.AddedPayment, nil); err != nil {
		return false, err
	}
	part := 0
	for chunk := range slices.Chunk(run.statements, partSize) {
		if err := d.put(w, store.SandboxStatements, run.number, part, chunk, nil); err != nil {
			return false, err
		}
		part++
	}
	return true, nil
}
