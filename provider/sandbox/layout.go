package sandbox

import perch "github.com/perchhq/perch"

// smallestWithHeads is the number of people below which there are no department heads: everyone
// reports to the chief.
const smallestWithHeads = 8

// noManager is the manager of the chief executive.
const noManager = -1

// unit is a department of this employer.
type unit struct {
	*department
	// leader is the index of the person at its head.
	leader int
	// first and size are its range of seats, managers how many of them (the first ones) have reports.
	first, size, managers int
	// leaves counts the seats without reports in the units before this one.
	leaves int
	// ladder holds the titles of its managers by height.
	ladder []string
}

// employer is one simulated company: the parts of the data that all people share. It is immutable.
type employer struct {
	seed   uint64
	people int
	asOf   perch.Date
	dice   dice

	founded   perch.Date
	units     []unit
	heads     int
	seats     shuffle
	seatCount int
	positions shuffle
	quotas    []quota
	offices   []int
	numbers   shuffle
	surnames  shuffle
	legalName string
	domain    string
	fields    *mask
	schedules [groupCount][]period
	runs      []run
}

// quota is a kind of position that a number of people without reports have.
type quota struct {
	until    int
	standing standing
}

func newEmployer(s Settings) *employer {
	e := &employer{seed: s.Seed, people: s.Employees, asOf: s.AsOf, dice: roll(s.Seed, 0)}
	youngest := 6
	if e.people > 1000 {
		youngest = 15 // it takes time to hire so many
	}
	e.founded = e.asOf.AddDays(-e.dice.between(askFounded, youngest*365, 24*365))
	e.offices = choosePlaces(e.dice, e.people)
	e.numbers = newShuffle(socialNumbers, e.dice.bits(askNumbers))
	e.surnames = newShuffle(len(lastNames), e.dice.bits(askLastName))
	e.layUnits()
	e.setQuotas()
	e.nameCompany()
	e.fields = newMask(s.Fields)
	e.layRuns()
	return e
}

// layUnits divides the people below the heads among the departments by weight.
func (e *employer) layUnits() {
	count := min(len(departments), 2+e.people/8)
	if e.people >= smallestWithHeads {
		e.heads = count
	}
	e.seatCount = max(0, e.people-1-e.heads)
	e.seats = newShuffle(e.seatCount, e.dice.bits(askSeats))
	weights, total := make([]int, count), 0
	for i := range count {
		base := departments[i].weight * 10
		weights[i] = base + e.dice.below(askWeights+question(i+1)*1000, base/2+1)
		total += weights[i]
	}
	passed, first, leaves := 0, 0, 0
	for i := range count {
		passed += weights[i]
		u := unit{department: &departments[i], first: first, leaves: leaves}
		u.size = e.seatCount*passed/total - first
		if e.heads > 0 {
			u.leader = i + 1
			u.managers = max(0, u.size-1) / u.span
		}
		for _, rung := range ladder {
			u.ladder = append(u.ladder, rung.before+u.name+rung.after)
		}
		first += u.size
		leaves += u.size - u.managers
		e.units = append(e.units, u)
	}
}

// setQuotas says how many of the people without reports are not plainly active full-time
// employees. Numbers of 20 people and more always include each of the common kinds.
func (e *employer) setQuotas() {
	leaves := 0
	if len(e.units) > 0 {
		last := e.units[len(e.units)-1]
		leaves = last.leaves + last.size - last.managers
	}
	e.positions = newShuffle(leaves, e.dice.bits(askStatuses))
	share := func(perMille, least, from int) int {
		n := leaves * perMille / 1000
		if leaves >= from {
			n = max(n, least)
		}
		return n
	}
	until := 0
	for _, q := range []struct {
		count    int
		standing standing
	}{
		{share(95, 2, 10), standingLeft},
		{share(40, 1, 8), standingContractor},
		{share(45, 1, 8), standingPartTime},
		{share(20, 1, 10), standingOnLeave},
		{share(8, 1, 80), standingIntern},
		{share(5, 0, 0), standingTemp},
		{share(5, 0, 0), standingSeasonal},
		{share(6, 0, 0), standingPrehire},
		{share(4, 0, 0), standingRetired},
		{share(1, 0, 0), standingDeceased},
		{share(10, 0, 0), standingContractorLeft},
	} {
		until += q.count
		e.quotas = append(e.quotas, quota{until: until, standing: q.standing})
	}
}

// post is where a person stands in the organisation.
type post struct {
	// unit is the department, or -1 for the chief executive.
	unit int
	// seat is the position within the unit; heads and the chief have none (-1).
	seat    int
	manager int
	// height is the number of levels below: 0 for people without reports.
	height   int
	standing standing
}

// post returns the position of person i.
func (e *employer) post(i int) post {
	if i == 0 {
		return post{unit: -1, seat: -1, manager: noManager, height: len(ladder) + 2}
	}
	if i <= e.heads {
		return post{unit: i - 1, seat: -1, manager: 0, height: len(ladder) + 1}
	}
	seat := e.seats.to(i - 1 - e.heads)
	at := 0
	for seat >= e.units[at].first+e.units[at].size {
		at++
	}
	u := &e.units[at]
	seat -= u.first
	p := post{unit: at, seat: seat, manager: u.leader}
	if e.heads > 0 && seat >= u.span {
		p.manager = e.personAt(u.first + seat/u.span - 1)
	}
	if seat < u.managers {
		p.height = heightOf(seat, u.size, u.span)
		return p
	}
	p.standing = e.standingOf(u.leaves + seat - u.managers)
	return p
}

// personAt is the inverse of the assignment of seats.
func (e *employer) personAt(seat int) int { return 1 + e.heads + e.seats.from(seat) }

// heightOf counts the levels below a seat of a tree in which the reports of seat s sit from
// (s+1)*span on.
func heightOf(seat, size, span int) int {
	height := 0
	for seat = (seat + 1) * span; seat < size; seat = (seat + 1) * span {
		height++
	}
	return height
}

// standingOf returns the kind of position of a person without reports.
func (e *employer) standingOf(leaf int) standing {
	at := e.positions.to(leaf)
	for _, q := range e.quotas {
		if at < q.until {
			return q.standing
		}
	}
	return standingActive
}
