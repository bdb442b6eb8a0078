package file

import (
	"cmp"
	"slices"

	perch "github.com/perchhq/perch"
)

// Bounds of what a comparison names; it counts all.
const (
	maxNamed    = 100
	maxPayments = 200
)

// A change is a jump beyond these: pay or a payment up or down by half, and leavers as an employer does
// not lose them at once.
const (
	jumpPercent    = 50
	fewLeavers     = 5
	leaversPercent = 30
)

// Comparison is what publishing a reading would change.
type Comparison struct {
	// First says that there was nothing before.
	First bool
	// Day is when the reading before it was made.
	Day perch.Date
	// Before and After are how many people there were and are.
	Before, After int
	Joined        int
	// Left are active people who are not in the files any more, if those list everyone.
	Left      int
	Changed   int
	Unchanged int
	// Jumps are people whose pay jumped, or changed its unit.
	Jumps int
	// ManyLeavers says that more left than leave at once.
	ManyLeavers bool
	Aspects     []AspectCount
	// Joiners and Leavers are names, Changes people; all are bounded, jumps come first.
	Joiners, Leavers []string
	Changes          []PersonChange
	Payments         []PaymentChange
	// PaymentsDropped counts those that are not listed.
	PaymentsDropped int
}

// AspectCount is of how many people an aspect changed.
type AspectCount struct {
	Name  string
	Count int
}

// PersonChange is what changed about a person.
type PersonChange struct {
	Row     int
	Name    string
	Aspects []string
	// Before and After are pay in cents, if it changed; Jump says that one should look at it.
	Before, After int64
	PayChanged    bool
	Jump          bool
}

// PaymentChange is a payment of the files.
type PaymentChange struct {
	Day        perch.Date
	Group      string
	People     int
	Gross, Net int64
	// New payments were not there before; Changed ones have other sums.
	New, Changed bool
	// Jump says that gross pay is far from the payment before it in the same pay group.
	Jump bool
}

// Compare says what publishing the files would change against what was published last; before is nil
// for a first time. Options.Snapshot must have been set.
func (s *Source) Compare(before *Snapshot) Comparison {
	c := Comparison{First: before == nil, After: len(s.people)}
	if before == nil {
		before = &Snapshot{}
	}
	c.Day, c.Before = before.Day, len(before.offsets)
	if s.censuses > 0 {
		s.comparePeople(&c, before)
	}
	s.comparePayments(&c, before)
	return c
}

func (s *Source) comparePeople(c *Comparison, before *Snapshot) {
	matched := make([]bool, len(before.offsets))
	var rest []*entry
	for _, e := range s.people {
		switch {
		case e.before > 0:
			matched[e.before-1] = true
			c.Unchanged++
		case e.print != nil:
			rest = append(rest, e)
		}
	}
	counts := make([]int, aspects)
	match := newMatcher(before, matched)
	for _, e := range rest {
		known := match.find(e.print)
		if known < 0 {
			if c.Joined++; len(c.Joiners) < maxNamed && !c.First {
				c.Joiners = append(c.Joiners, e.called().whole())
			}
			continue
		}
		if change, changed := before.compare(e, known, counts); changed {
			c.Changed++
			c.note(change)
		} else {
			c.Unchanged++
		}
	}
	for a, n := range counts {
		if n > 0 {
			c.Aspects = append(c.Aspects, AspectCount{Aspect(a).String(), n})
		}
	}
	slices.SortStableFunc(c.Aspects, func(a, b AspectCount) int { return cmp.Compare(b.Count, a.Count) })
	if s.complete {
		c.leavers(before, matched)
	}
}

// note keeps a change, a jump rather than any other.
func (c *Comparison) note(change PersonChange) {
	if change.Jump {
		c.Jumps++
	}
	if len(c.Changes) < maxNamed {
		c.Changes = append(c.Changes, change)
	} else if change.Jump {
		if i := slices.IndexFunc(c.Changes, func(p PersonChange) bool { return !p.Jump }); i >= 0 {
			c.Changes[i] = change
		}
	}
	slices.SortStableFunc(c.Changes, func(a, b PersonChange) int { return -cmp.Compare(bit(a.Jump), bit(b.Jump)) })
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Comparison) leavers(before *Snapshot, matched []bool) {
	active := 0
	for i := range matched {
		if before.active(i) == no {
			continue
		}
		active++
		if matched[i] {
			continue
		}
		if c.Left++; len(c.Leavers) < maxNamed {
			_, name := before.person(i)
			c.Leavers = append(c.Leavers, name)
		}
	}
	c.ManyLeavers = c.Left > fewLeavers && c.Left*100 > active*leaversPercent
}

// matcher finds who a person was by the rules by which people are recognised: by the strongest key that
// is known, unless a stronger one of a kind that the known person has as well says that it is somebody
// else.
type matcher struct {
	before  *Snapshot
	matched []bool
	byKey   map[uint64]int32
}

func newMatcher(before *Snapshot, matched []bool) *matcher {
	m := &matcher{before: before, matched: matched, byKey: make(map[uint64]int32)}
	for i := range matched {
		if !matched[i] {
			for _, h := range before.keys(i) {
				if h != 0 {
					m.byKey[h] = int32(i)
				}
			}
		}
	}
	return m
}

// find returns the place of the person before, or -1.
func (m *matcher) find(p *Print) int {
	for kind, h := range p.keys {
		if h == 0 {
			continue
		}
		i, ok := m.byKey[h]
		if !ok || m.matched[i] || contradicts(m.before.keys(int(i)), p, kind) {
			continue
		}
		m.matched[i] = true
		return int(i)
	}
	return -1
}

// contradicts reports whether a stronger key of both is not the same.
func contradicts(known [3]uint64, p *Print, kind int) bool {
	for stronger := range kind {
		if p.keys[stronger] != 0 && known[stronger] != 0 && p.keys[stronger] != known[stronger] {
			return true
		}
	}
	return false
}

func (s *Snapshot) compare(e *entry, at int, counts []int) (PersonChange, bool) {
	now := e.print
	known, _ := s.person(at)
	change := PersonChange{}
	for a := range aspects {
		if before, after := known.aspects[a], now.aspects[a]; before != after && before != 0 && after != 0 {
			change.Aspects = append(change.Aspects, a.String())
			counts[a]++
		}
	}
	if len(change.Aspects) == 0 {
		return change, false
	}
	change.Row, change.Name = e.sheet.row(int(e.at), nil).Number, e.called().whole()
	if known.aspects[AspectPay] != 0 && now.aspects[AspectPay] != 0 && (known.pay != now.pay || known.unit != now.unit) {
		change.Before, change.After, change.PayChanged = known.pay, now.pay, true
		change.Jump = known.unit != now.unit || jumped(known.pay, now.pay)
	}
	return change, true
}

// jumped reports whether an amount rose by more than half, or fell by more than half.
func jumped(before, after int64) bool {
	if before <= 0 || after <= 0 {
		return before != after
	}
	// Amounts have at most fifteen digits, so that this cannot overflow.
	return after*100 > before*(100+jumpPercent) || after*100 < before*(100-jumpPercent)
}

func (s *Source) comparePayments(c *Comparison, before *Snapshot) {
	known := make(map[string]PaymentPrint, len(before.payments))
	last := make(map[string]PaymentPrint)
	for _, p := range before.payments {
		known[p.Key] = p
	}
	all := slices.Clone(before.payments)
	for _, r := range s.ledger.runs {
		if p := r.print(); known[p.Key].Key == "" {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b PaymentPrint) int { return cmp.Compare(a.Day, b.Day) })
	previous := make(map[string]PaymentPrint, len(all))
	for _, p := range all {
		if l, ok := last[p.Group]; ok {
			previous[p.Key] = l
		}
		last[p.Group] = p
	}
	for _, r := range s.ledger.runs {
		p := r.print()
		was, ok := known[p.Key]
		change := PaymentChange{Day: p.Day, Group: p.Group, People: p.People, Gross: p.Gross, Net: p.Net, New: !ok && !c.First}
		change.Changed = ok && (was.Gross != p.Gross || was.Net != p.Net || was.People != p.People)
		if l, ok := previous[p.Key]; ok {
			change.Jump = jumped(l.Gross, p.Gross)
		}
		if len(c.Payments) < maxPayments {
			c.Payments = append(c.Payments, change)
		} else {
			c.PaymentsDropped++
		}
	}
}
