package sandbox

import (
	"time"

	perch "github.com/perchhq/perch"
)

// earningKind is a line of gross pay as the statement names it.
type earningKind struct {
	name string
	kind perch.EarningType
}

var (
	earnSalary     = earningKind{"Salary", perch.EarningSalary}
	earnWage       = earningKind{"Regular Wages", perch.EarningWage}
	earnOvertime   = earningKind{"Overtime", perch.EarningOvertime}
	earnPTO        = earningKind{"Paid Time Off", perch.EarningPTO}
	earnSick       = earningKind{"Sick Leave", perch.EarningSick}
	earnBonus      = earningKind{"Annual Bonus", perch.EarningBonus}
	earnCommission = earningKind{"Sales Commission", perch.EarningCommission}
	earnExpense    = earningKind{"Expense Reimbursement", perch.EarningReimbursement}
	earnContract   = earningKind{"Contractor Payment", perch.Earning1099}
)

// salariedHours is half a month of full-time work: 2,080 hours over 24 periods.
const salariedHours = perch.Hours(8667)

// earn fills in the earnings of a period and reports whether there are any. variable adds what
// differs from period to period: overtime, time off, bonuses, commissions and expenses.
func (s *slip) earn(p *profile, turn *period, variable bool) bool {
	s.reset()
	from, to := max(turn.start, p.start), turn.end
	if p.end != 0 {
		to = min(to, p.end)
	}
	if p.leave != 0 {
		to = min(to, p.leave-1)
	}
	worked, days := weekdays(from, to), weekdays(turn.start, turn.end)
	if worked == 0 {
		return false
	}
	s.full = worked == days
	d := dice(mix(uint64(p.dice) + uint64(turn.nominal)*0x8cb92ba72f3d8dd7))
	amount := p.rateOn(turn.end)
	switch p.group {
	case groupSalaried:
		s.salary(d, ratio(amount, worked, 24*days), salariedHours*perch.Hours(worked)/perch.Hours(days), variable)
		if variable {
			s.extras(p, d, turn, amount)
		}
	case groupHourly:
		s.wages(d, amount, perch.Hours(800*worked), variable)
	case groupPartTime:
		s.earning(&earnWage, 0, 0)
		weekly := perch.Hours(p.dice.between(askHours, 12, 28) * 25) // a day's share, in hundredths
		s.earnings[0].hours = weekly * perch.Hours(worked)
		s.earnings[0].amount = forHours(amount, s.earnings[0].hours)
	case groupContractors:
		s.contract(p, d, amount, worked, days)
	}
	for i := range s.earnings {
		s.gross += s.earnings[i].amount
		if s.earnings[i].kind != &earnExpense {
			s.taxable += s.earnings[i].amount
		}
	}
	return true
}

// forHours is an hourly rate times hours in hundredths, rounded half up.
func forHours(rate int64, hours perch.Hours) int64 { return (rate*int64(hours) + 50) / 100 }

func (s *slip) earning(k *earningKind, amount int64, hours perch.Hours) {
	s.earnings = append(s.earnings, earningLine{k, amount, hours})
}

// salary adds a salary, some of it as time off: the lines sum to the salary to the cent.
func (s *slip) salary(d dice, amount int64, hours perch.Hours, variable bool) {
	var off perch.Hours
	kind := &earnPTO
	if variable && hours >= 4000 {
		switch n := d.below(askPTO, 100); {
		case n < 12:
			off = perch.Hours(800 * (1 + n%3))
		case n < 17:
			kind, off = &earnSick, 800
		}
	}
	taken := int64(0)
	if off > 0 {
		taken = ratio(amount, int64(off), int64(hours))
	}
	s.earning(&earnSalary, amount-taken, hours-off)
	if off > 0 {
		s.earning(kind, taken, off)
	}
}

// wages adds hourly pay. Overtime is paid at one and a half times the rate (29 CFR 778.107).
func (s *slip) wages(d dice, rate int64, hours perch.Hours, variable bool) {
	var off, sick, over perch.Hours
	if variable && hours >= 4000 {
		if d.chance(askPTO, 120) {
			off = 800
		}
		if d.chance(askSick, 60) {
			sick = perch.Hours(400 * d.between(askSick+1000, 1, 2))
		}
		if off+sick == 0 && d.chance(askOvertime, 300) {
			over = perch.Hours(25 * d.between(askOvertime+1000, 2, 40))
		}
	}
	s.earning(&earnWage, forHours(rate, hours-off-sick), hours-off-sick)
	if over > 0 {
		s.earning(&earnOvertime, (rate*3*int64(over)+100)/200, over)
	}
	if off > 0 {
		s.earning(&earnPTO, forHours(rate, off), off)
	}
	if sick > 0 {
		s.earning(&earnSick, forHours(rate, sick), sick)
	}
}

// extras adds what salaried people are paid now and then. Bonuses come with the first run of March
// for those who were there half a year before.
func (s *slip) extras(p *profile, d dice, turn *period, yearly int64) {
	_, month, day := turn.nominal.Calendar()
	if month == time.March && day <= 15 && turn.start.AddDays(-180) >= p.start && p.dice.chance(askBonus+1000, 800) {
		s.bonus = portion(yearly, int64(p.dice.between(askBonus, 2, 8)*100))
		if p.post.height > 0 {
			s.bonus += portion(yearly, 600)
		}
		s.earning(&earnBonus, s.bonus, 0)
	}
	if p.title != nil && p.title.commission && d.chance(askCommission, 500) {
		s.earning(&earnCommission, portion(yearly, int64(d.between(askCommission+1000, 40, 260))), 0)
	}
	if d.chance(askExpense, 60) {
		s.earning(&earnExpense, int64(d.between(askExpense+1000, 1500, 32000)), 0)
	}
}

// contract adds a contractor's fee: a monthly retainer, or hours.
func (s *slip) contract(p *profile, d dice, rate, worked, days int64) {
	if p.unit == perch.IncomeFixed {
		s.earning(&earnContract, ratio(rate, worked, days), 0)
		return
	}
	hours := perch.Hours(int64(d.between(askHours, 40, 150)) * 100 * worked / days)
	hours = max(hours/25*25, 100)
	s.earning(&earnContract, forHours(rate, hours), hours)
}
