package sandbox

import (
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/us"
)

// bankingDays is the calendar of the Federal Reserve Banks: their eleven holidays, where one that
// falls on a Sunday is kept on the Monday and one on a Saturday is not moved (Federal Reserve, Bank
// Services, "Holiday Schedules").
type bankingDays struct{ calendar *cal.BusinessCalendar }

func newBankingDays() bankingDays {
	c := cal.NewBusinessCalendar()
	sundays := []cal.AltDay{{Day: time.Sunday, Offset: 1}}
	for _, h := range []*cal.Holiday{us.NewYear, us.MlkDay, us.PresidentsDay, us.MemorialDay, us.Juneteenth,
		us.IndependenceDay, us.LaborDay, us.ColumbusDay, us.VeteransDay, us.ThanksgivingDay, us.ChristmasDay} {
		c.AddHoliday(h.Clone(&cal.Holiday{Observed: sundays}))
	}
	return bankingDays{c}
}

// onOrBefore returns the last banking day up to and including the given day.
func (b bankingDays) onOrBefore(day perch.Date) perch.Date {
	for !b.calendar.IsWorkday(day.Time()) {
		day--
	}
	return day
}

// period is one turn of a pay group's schedule. Start and end are inclusive.
type period struct {
	nominal, pay, start, end perch.Date
	// perYear is how many there are in a year.
	perYear int64
	// year selects the tax tables: the year of the pay date.
	year int
	// earlier is how many turns of the schedule fall before this one in the same year.
	earlier int
}

// run is one payment: a turn of one group's schedule, or of two for the newest.
type run struct {
	key   string
	pay   perch.Date
	debit perch.Date
	// turn is the index into the schedule per group, or -1 where the group is not paid.
	turn   [groupCount]int
	newest bool
}

// lag is the number of days from the end of a pay period to the nominal pay date.
const lag = 5

// peopleWithHistory is the largest employer that has payments before the newest one.
const peopleWithHistory = 100

var groupKeys = [groupCount]string{"salaried", "hourly", "part-time", "contractors"}

// layRuns makes the schedules and payments since 1 January of the year before the connection.
func (e *employer) layRuns() {
	banks := newBankingDays()
	from := perch.NewDate(e.asOf.Year()-1, 1, 1)
	e.schedules[groupSalaried] = e.schedule(banks, from, 24, e.semiMonthly)
	e.schedules[groupHourly] = e.schedule(banks, from, 26, func(n int) perch.Date { return e.asOf.AddDays(-14 * n) })
	e.schedules[groupPartTime] = e.schedule(banks, from, 26, func(n int) perch.Date { return e.asOf.AddDays(-14*n - 7) })
	e.schedules[groupContractors] = e.schedule(banks, from, 12, e.monthEnd)
	if e.people <= peopleWithHistory {
		e.addHistory(banks)
	}
	newest := run{key: "payment:company:" + e.asOf.String(), pay: e.asOf, newest: true,
		debit: banks.onOrBefore(e.asOf - 1), turn: [groupCount]int{-1, -1, -1, -1}}
	for _, g := range []group{groupSalaried, groupHourly} {
		newest.turn[g] = len(e.schedules[g]) - 1
	}
	e.runs = append(e.runs, newest)
}

// addHistory makes a payment of every turn but the newest of the anchored groups.
func (e *employer) addHistory(banks bankingDays) {
	for g, turns := range e.schedules {
		for i, t := range turns {
			if t.nominal == e.asOf && group(g) <= groupHourly {
				continue
			}
			r := run{key: "payment:" + groupKeys[g] + ":" + t.nominal.String(), pay: t.pay,
				debit: banks.onOrBefore(t.pay - 1), turn: [groupCount]int{-1, -1, -1, -1}}
			r.turn[g] = i
			e.runs = append(e.runs, r)
		}
	}
	slices.SortFunc(e.runs, func(a, b run) int {
		if a.pay != b.pay {
			return int(a.pay - b.pay)
		}
		return strings.Compare(a.key, b.key)
	})
}

// schedule lists the turns whose pay date is on or after from, oldest first. nominal gives the nth
// nominal pay date before the connection.
func (e *employer) schedule(banks bankingDays, from perch.Date, perYear int64, nominal func(n int) perch.Date) []period {
	var turns []period
	for n := 0; ; n++ {
		day, before := nominal(n), nominal(n+1)
		t := period{nominal: day, pay: banks.onOrBefore(day), start: before.AddDays(1 - lag), end: day.AddDays(-lag), perYear: perYear}
		if perYear == 12 {
			t.start, t.end = before.AddDays(1), day
		}
		if day == e.asOf {
			t.pay = day
		}
		if t.pay < from {
			break
		}
		t.year = t.pay.Year()
		turns = append(turns, t)
	}
	slices.Reverse(turns)
	for i := 1; i < len(turns); i++ {
		if turns[i].year == turns[i-1].year {
			turns[i].earlier = turns[i-1].earlier + 1
		}
	}
	return turns
}

// semiMonthly counts back by half months: the day of the month of the connection, and 15 days before
// it.
func (e *employer) semiMonthly(n int) perch.Date {
	day := e.asOf.AddMonths(-n / 2)
	if n%2 == 1 {
		day = day.AddDays(-15)
	}
	return day
}

// monthEnd counts back by the last days of the months before the connection.
func (e *employer) monthEnd(n int) perch.Date {
	y, m, _ := e.asOf.Calendar()
	return perch.NewDate(y, m-time.Month(n), 0)
}

// weekdays counts the days from Monday to Friday in a span, both ends inclusive.
func weekdays(from, to perch.Date) int64 {
	if to < from {
		return 0
	}
	return weekdaysBefore(to+1) - weekdaysBefore(from)
}

// weekdaysBefore counts weekdays since Monday, 29 December 1969.
func weekdaysBefore(day perch.Date) int64 {
	n := int64(day) + 3
	return n/7*5 + min(n%7, 5)
}
