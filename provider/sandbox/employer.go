package sandbox

import (
	"context"
	"iter"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Employer is one simulated employer as its own system knows it: what edits are checked against and
// answered from. It is immutable and safe for concurrent use.
type Employer struct{ employer *employer }

// NewEmployer returns the employer that valid settings describe.
func NewEmployer(s Settings) *Employer { return &Employer{newEmployer(s)} }

// People is how many people are generated. Their indexes are those below it.
func (e *Employer) People() int { return e.employer.people }

// Manager returns the index of the manager that person index is generated with, if there is one.
func (e *Employer) Manager(index int) (int, bool) {
	if index < 0 || index >= e.employer.people {
		return 0, false
	}
	manager := e.employer.post(index).manager
	return manager, manager != noManager
}

// Company returns the company under an encoded [CompanyEdit], or nil, as reads will show it.
func (e *Employer) Company(edit []byte) (perch.Company, error) { return e.employer.edited(edit) }

// Person returns a person under an encoded [PersonEdit], or nil, as reads will show them.
func (e *Employer) Person(index int, edit []byte) (*provider.Person, error) {
	return e.read(newRecord(e.employer), index, edit)
}

// Income is what a person earns under an encoded [PersonEdit], or nil, whether the provider supplies it
// or not.
func (e *Employer) Income(index int, edit []byte) (*perch.Income, error) {
	r := newRecord(e.employer)
	r.bare = true
	read, err := e.read(r, index, edit)
	if err != nil {
		return nil, err
	}
	return read.Employment.Income, nil
}

func (e *Employer) read(r *record, index int, edit []byte) (*provider.Person, error) {
	if index >= e.employer.people {
		return r.add(EditedPerson{Index: index, Edit: edit})
	}
	p := e.employer.person(index)
	return r.write(&p, edit)
}

// HasPayroll reports whether the imitated provider supplies anything of payments.
func (e *Employer) HasPayroll() bool { return e.employer.fields.payments }

// LastPeriodEnd is the last day that the newest generated payment pays for.
func (e *Employer) LastPeriodEnd() perch.Date {
	turns := e.employer.schedules[groupSalaried]
	return turns[len(turns)-1].end
}

// Employee is somebody who is paid with the whole company.
type Employee struct {
	Index  int
	Income *perch.Income
}

// Staff yields the active full-time employees, edits considered.
func (e *Employer) Staff(ctx context.Context, people []EditedPerson) iter.Seq2[Employee, error] {
	return func(yield func(Employee, error) bool) {
		r := newRecord(e.employer)
		r.bare = true
		s := &source{employer: e.employer, edits: Edits{People: people}}
		for p, err := range s.everyone(ctx, r) {
			if err != nil {
				yield(Employee{}, err)
				return
			}
			if onStaff(&p.Employment) && !yield(Employee{r.index, p.Employment.Income}, nil) {
				return
			}
		}
	}
}

func onStaff(v *perch.Employment) bool {
	k := v.Employment
	return v.IsActive != nil && *v.IsActive && k != nil && k.Type != nil && *k.Type == perch.EmploymentEmployee &&
		k.Subtype != nil && *k.Subtype == perch.SubtypeFullTime
}

// BusinessDaysAfter returns the nth business day after a day, by the calendar of the Federal Reserve
// Banks.
func BusinessDaysAfter(day perch.Date, n int) perch.Date {
	banks := newBankingDays()
	for n > 0 {
		if day++; banks.calendar.IsWorkday(day.Time()) {
			n--
		}
	}
	return day
}

// A year of full-time work, from which all other units of pay follow.
const daysOfWork = 260

var perYear = map[perch.IncomeUnit]int64{
	perch.IncomeYearly: 1, perch.IncomeQuarterly: 4, perch.IncomeMonthly: 12, perch.IncomeSemiMonthly: 24,
	perch.IncomeBiWeekly: 26, perch.IncomeWeekly: 52, perch.IncomeDaily: daysOfWork, perch.IncomeHourly: fullTimeHours,
}

// mostIncome is beyond what anybody earns in any unit, in cents, and keeps BasePay within its type.
const mostIncome = 100_000_000_000

// BasePay is what an income pays full-time for the weekdays of a period, in cents. It has none for lump
// sums and for an income without amount or unit.
func BasePay(income *perch.Income, start, end perch.Date) (cents int64, ok bool) {
	if income == nil || income.Amount == nil || income.Unit == nil || *income.Amount < 0 || *income.Amount > mostIncome {
		return 0, false
	}
	times, ok := perYear[*income.Unit]
	worked := min(weekdays(start, end), 10*daysOfWork)
	return ratio(*income.Amount*times, worked, daysOfWork), ok && worked > 0
}
