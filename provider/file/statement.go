package file

import (
	"reflect"

	perch "github.com/perchhq/perch"
)

// statement reads the items of a row. ok is false when the row holds no pay at all. A cell that cannot be
// read costs its own line only; a cell that is blank or exactly zero is no line.
func (r record) statement() (perch.PayStatement, runSums, bool) {
	b := statementBuilder{record: r, kind: r.earningKind()}
	b.collectHours()
	for _, c := range r.Proposal.Columns {
		b.item(c)
	}
	gross, net := r.cents(FieldGross), r.cents(FieldNet)
	if gross == nil && len(b.out.Earnings) == 0 {
		return b.out, runSums{}, false
	}
	b.settle(gross, net)
	b.out.Type = new(perch.StatementRegular)
	b.out.PaymentMethod = read(r, FieldPaymentMethod, methods.parse)
	b.out.TotalHours = b.totalHours()
	return b.out, b.sums, true
}

// statementBuilder adds up a statement while it is read.
type statementBuilder struct {
	record
	kind perch.EarningType
	out  perch.PayStatement
	sums runSums
	// hours are the row's hours by the earning column that they belong to.
	hours map[string]hoursCell
	all   perch.Hours
	some  bool

	wages, reimbursed, deducted int64
	// incomplete means that an item could not be read, so that nothing can be expected to add up.
	incomplete bool
}

type hoursCell struct {
	hours  perch.Hours
	shared bool
}

// earningKind is the type of regular pay: salary when the row's pay type says so.
func (r record) earningKind() perch.EarningType {
	if unit := read(r, FieldPayType, units.parse); unit != nil && *unit != perch.IncomeHourly {
		return perch.EarningSalary
	}
	return perch.EarningWage
}

func (b *statementBuilder) collectHours() {
	b.hours = make(map[string]hoursCell)
	for _, c := range b.byField[FieldHours] {
		cell := b.cell(c)
		if cell == "" {
			continue
		}
		h, err := parseHours(cell)
		if err != nil {
			b.failColumn(c, err.Error())
			continue
		}
		b.all, b.some = b.all+h, true
		if c.Of != "" {
			key := titleKey(c.Of)
			known := b.hours[key]
			b.hours[key] = hoursCell{known.hours + h, known.shared || c.Shared}
		}
	}
}

func (b *statementBuilder) totalHours() *perch.Hours {
	if total := read(b.record, FieldTotalHours, parseHours); total != nil {
		return total
	}
	if b.some {
		return &b.all
	}
	return nil
}

func (b *statementBuilder) item(c ProposedColumn) {
	if !c.Field.isAmount() || c.Field == FieldGross || c.Field == FieldNet {
		return
	}
	cell := b.cell(c)
	if cell == "" {
		return
	}
	amount, err := parseCents(cell)
	if err != nil {
		b.incomplete = true
		b.failColumn(c, unreadableItem+err.Error())
		return
	}
	if amount == 0 {
		return
	}
	name := or(c.Column.Name, c.Column.Column)
	switch currency := new(perch.USD); c.Field {
	case FieldEarning:
		b.wages += amount
		kind := or(perch.EarningType(c.Type), b.kind)
		b.out.Earnings = append(b.out.Earnings, perch.Earning{Type: &kind, Name: &name, Amount: &amount, Currency: currency, Hours: b.hoursOf(c)})
	case FieldReimbursement:
		b.reimbursed += amount
		b.out.Earnings = append(b.out.Earnings, perch.Earning{Type: new(perch.EarningReimbursement), Name: &name, Amount: &amount, Currency: currency})
	case FieldTax:
		if c.Employer {
			b.sums.employerTaxes += amount
		} else {
			b.sums.employeeTaxes += amount
		}
		b.out.Taxes = append(b.out.Taxes, perch.Tax{Type: new(perch.TaxType(c.Type)), Name: &name, Employer: new(c.Employer), Amount: &amount, Currency: currency})
	case FieldDeduction:
		b.deducted += amount
		b.out.EmployeeDeductions = append(b.out.EmployeeDeductions, perch.PayDeduction{Name: &name, Amount: &amount, Currency: currency, PreTax: c.PreTax, Type: optional(perch.BenefitType(c.Type))})
	case FieldContribution:
		b.out.EmployerContributions = append(b.out.EmployerContributions, perch.Contribution{Name: &name, Amount: &amount, Currency: currency, Type: optional(perch.BenefitType(c.Type))})
	}
}

// hoursOf returns the hours of an earning. Hours that cover time off as well are left out where the row
// pays time off, since nobody can say how they part.
func (b *statementBuilder) hoursOf(c ProposedColumn) *perch.Hours {
	cell, ok := b.hours[titleKey(c.Column.Column)]
	if !ok || cell.hours == 0 || cell.shared && b.paysTimeOff() {
		return nil
	}
	return &cell.hours
}

func (b *statementBuilder) paysTimeOff() bool {
	for _, c := range b.byField[FieldEarning] {
		if !oneOf(perch.EarningType(c.Type), perch.EarningPTO, perch.EarningSick) {
			continue
		}
		if _, own := b.hours[titleKey(c.Column.Column)]; own {
			continue
		}
		if amount, err := parseCents(b.cell(c)); err == nil && amount != 0 {
			return true
		}
	}
	return false
}

// cents reads an amount that is not an item.
func (r record) cents(f Field) *int64 { return read(r, f, parseCents) }

// settle checks that the row adds up, and fills gross and net where the register has none. Registers differ
// in whether gross holds reimbursements; both are right.
func (b *statementBuilder) settle(gross, net *int64) {
	earned := b.wages + b.reimbursed
	if gross == nil {
		gross = &earned
	} else if *gross != earned && *gross != b.wages && len(b.byField[FieldEarning]) > 0 && !b.incomplete {
		b.note(grossMismatch)
	}
	paid := *gross
	if *gross == b.wages {
		paid += b.reimbursed
	}
	paid -= b.sums.employeeTaxes + b.deducted
	if net == nil {
		net = &paid
	} else if *net != paid && !b.incomplete {
		b.note(netMismatch)
	}
	b.sums.gross, b.sums.net = *gross, *net
	b.out.GrossPay, b.out.NetPay = perch.Dollars(*gross), perch.Dollars(*net)
}

func equalStatements(a, b *perch.PayStatement) bool { return reflect.DeepEqual(a, b) }
