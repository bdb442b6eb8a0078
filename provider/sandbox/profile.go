package sandbox

import (
	"time"

	perch "github.com/perchhq/perch"
)

// standing is a kind of position.
type standing int

const (
	standingActive standing = iota
	standingLeft
	standingContractor
	standingPartTime
	standingOnLeave
	standingIntern
	standingTemp
	standingSeasonal
	standingPrehire
	standingRetired
	standingDeceased
	standingContractorLeft
)

// group is a pay group.
type group int

const (
	groupSalaried group = iota
	groupHourly
	groupPartTime
	groupContractors
	groupCount
)

// maxRaises bounds the income history.
const maxRaises = 3

// rate is pay from a day on: cents a year, cents an hour, or cents a month for a retainer.
type rate struct {
	amount int64
	from   perch.Date
}

// profile is what is decided about one person; records and pay are derived from it.
type profile struct {
	index    int
	number   int
	dice     dice
	post     post
	title    *title
	name     string
	pay      payRange
	office   int
	group    group
	unit     perch.IncomeUnit
	start    perch.Date
	end      perch.Date
	rehired  perch.Date
	leave    perch.Date
	rates    [maxRaises + 1]rate
	rateSize int
}

// firstNumber is the employee number of person 0.
const firstNumber = 1001

// person decides everything about person i. It depends on the employer's seed, size and day only,
// and on no other person but the chain of managers, whose hire dates bound this one's.
func (e *employer) person(i int) profile {
	p := profile{index: i, number: firstNumber + i, dice: roll(e.seed, uint64(i)+1), post: e.post(i)}
	p.start = e.hired(i, p.post)
	e.setOffice(&p)
	e.setJob(&p)
	e.setDates(&p)
	e.setRates(&p)
	return p
}

// Days before the connection by which people were hired, so that managers precede reports, leavers
// have worked a while, and the newest pay period is a whole one for everyone in it.
const (
	managersHiredBy = 420
	leaversHiredBy  = 200
	hiredBy         = 45
)

// hired returns the day on which person i started: after their manager.
func (e *employer) hired(i int, at post) perch.Date {
	if at.manager == noManager {
		return onWeekday(e.founded)
	}
	d := roll(e.seed, uint64(i)+1)
	if at.standing == standingPrehire {
		return onWeekday(e.asOf.AddDays(d.between(askStart, 3, 40)))
	}
	low := e.hired(at.manager, e.post(at.manager))
	if at.height > 0 {
		high := e.asOf.AddDays(-managersHiredBy)
		// Early in the time that is left, so that there is time left for the reports.
		return onWeekday(low.AddDays(d.below(askStart, int(high-low)/3+1)))
	}
	by := hiredBy
	switch at.standing {
	case standingLeft, standingContractorLeft, standingRetired, standingDeceased, standingOnLeave:
		by = leaversHiredBy
	}
	high := e.asOf.AddDays(-by)
	return onWeekday(low.AddDays(d.between(askStart, 0, int(high-low))))
}

// onWeekday moves Saturdays and Sundays to the Monday. It keeps the order of days.
func onWeekday(day perch.Date) perch.Date {
	switch day.Weekday() {
	case time.Saturday:
		return day + 2
	case time.Sunday:
		return day + 1
	}
	return day
}

// setOffice places half of the people at the seat of the company and the rest elsewhere; the first
// people are spread so that small employers use every office.
func (e *employer) setOffice(p *profile) {
	at := 0
	switch {
	case p.index > 0 && p.index <= len(e.offices):
		at = p.index % len(e.offices)
	case p.dice.chance(askLocation, 600):
		at = p.dice.below(askLocation+1000, len(e.offices))
	}
	p.office = e.offices[at]
}

// setJob decides title, pay range and pay group.
func (e *employer) setJob(p *profile) {
	p.unit, p.group = perch.IncomeYearly, groupSalaried
	switch {
	case p.post.unit < 0:
		p.name, p.pay = "Chief Executive Officer", e.grown(chiefPay)
		return
	case p.post.seat < 0:
		p.name, p.pay = e.units[p.post.unit].head, e.grown(headPay)
		return
	case p.post.height > 0:
		rung := min(p.post.height, len(ladder)) - 1
		p.name, p.pay = e.units[p.post.unit].ladder[rung], ladder[rung].pay
		return
	}
	u := &e.units[p.post.unit]
	p.title = &u.staff[p.dice.below(askTitle, len(u.staff))]
	p.name, p.pay = p.title.name, p.title.pay
	if p.title.hourly {
		p.unit, p.group = perch.IncomeHourly, groupHourly
	}
	e.setKind(p, u)
}

// grown scales the pay at the top with the size of the company.
func (e *employer) grown(r payRange) payRange {
	percent := 100
	for size := 20; size <= e.people; size *= 5 {
		percent += 20
	}
	return payRange{r.low * percent / 100, r.high * percent / 100}
}

// setKind turns a staff job into that of a part-timer, intern, temporary worker or contractor.
func (e *employer) setKind(p *profile, u *unit) {
	switch p.post.standing {
	case standingPartTime, standingTemp, standingSeasonal:
		if !p.title.hourly {
			p.pay = payRange{p.pay.low * 100 / fullTimeHours, p.pay.high * 100 / fullTimeHours}
		}
		p.unit, p.group = perch.IncomeHourly, groupPartTime
	case standingIntern:
		p.name, p.pay = u.intern, payRange{1800, 2800}
		p.unit, p.group = perch.IncomeHourly, groupPartTime
	case standingContractor, standingContractorLeft:
		p.name, p.group = u.consultant, groupContractors
		p.unit, p.pay = perch.IncomeHourly, payRange{5500, 14500}
		if p.dice.chance(askRetainer, 400) {
			p.unit, p.pay = perch.IncomeFixed, payRange{2500, 9500}
		}
	}
}

// fullTimeHours is a year of full-time work: 52 weeks of 40 hours.
const fullTimeHours = 2080

// setDates decides when people left, came back or went on leave.
func (e *employer) setDates(p *profile) {
	switch p.post.standing {
	case standingLeft, standingContractorLeft, standingRetired, standingDeceased:
		p.end = onWeekday(e.asOf.AddDays(-p.dice.between(askEnd, 10, min(int(e.asOf-p.start)-90, 640))))
	case standingOnLeave:
		p.leave = e.asOf.AddDays(-p.dice.between(askLeave, 20, 110))
	}
	// A rehire lies before the oldest payment, so the gap shows in no pay run.
	const earliest, latest = 500, 800
	if room := int(e.asOf-p.start) - earliest - latest; room > 0 && p.post.height == 0 && p.dice.chance(askRehire, 80) {
		p.rehired = onWeekday(p.start.AddDays(earliest + p.dice.below(askRehire+1000, room)))
	}
}

// setRates decides current pay and the raises that led to it, newest first.
func (e *employer) setRates(p *profile) {
	raw := int64(p.dice.between(askPay, p.pay.low, p.pay.high)) * places[p.office].labour / 10000
	step := int64(5) // hourly pay in steps of 5 cents
	if p.unit != perch.IncomeHourly {
		raw, step = raw*100, 500_00
	}
	amount := max(raw/step, 1) * step
	last := e.asOf
	if p.end != 0 {
		last = p.end
	}
	p.rates[0], p.rateSize = rate{amount, p.start}, 1
	review := last.AddDays(-p.dice.between(askReview, 30, 330))
	for n := range maxRaises {
		if review < p.start.AddDays(180) {
			return
		}
		p.rates[p.rateSize-1].from = review
		amount = amount * 10000 / int64(10000+p.dice.between(askRaise+question(n)*1000, 200, 700))
		amount = max(amount/step, 1) * step
		p.rates[p.rateSize] = rate{amount, p.start}
		p.rateSize++
		review = review.AddDays(-365)
	}
}

// rateOn returns the pay that was in force on a day.
func (p *profile) rateOn(day perch.Date) int64 {
	for _, r := range p.rates[:p.rateSize] {
		if r.from <= day {
			return r.amount
		}
	}
	return p.rates[p.rateSize-1].amount
}

func (p *profile) contractor() bool { return p.group == groupContractors }

// active reports whether the employment status is "active".
func (p *profile) active() bool {
	switch p.post.standing {
	case standingActive, standingContractor, standingPartTime, standingIntern, standingTemp, standingSeasonal:
		return true
	}
	return false
}

// paidNewest reports whether the person has a statement in the newest payment: every active
// full-time employee and no one else.
func (p *profile) paidNewest() bool { return p.post.standing == standingActive }

// employedOn reports whether the person had been hired and had not left by the end of the day.
func (p *profile) employedOn(day perch.Date) bool {
	return p.start <= day && (p.end == 0 || p.end >= day)
}
