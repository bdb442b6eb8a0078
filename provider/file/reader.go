package file

import (
	"iter"
	"runtime"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/perchhq/perch/provider"
)

const (
	// blockRows is how many rows a worker reads at a time.
	blockRows = 1024
	// mostWorkers bounds how many read at a time.
	mostWorkers = 8
)

// part is what a worker made of one block of rows.
type part struct {
	people []found
	issues issues
	places *workplaces
}

// census reads the people of one sheet.
type census struct {
	*sheet
	roster *roster
	// prints says that what is read will be compared, and before with what; before is nil for nothing
	// that was read in the same way.
	prints bool
	before *Snapshot
	// numbers says that managers are named by number, if at all.
	numbers bool
}

// readPeople reads every row of a census, several blocks at a time. What comes out, problems included,
// is in the order of the rows.
func (c census) readPeople(places *workplaces) iter.Seq[found] {
	blocks := (c.Len() + blockRows - 1) / blockRows
	parts := make([]part, blocks)
	next := make(chan int, blocks)
	for i := range blocks {
		next <- i
	}
	close(next)
	for _, f := range []Field{FieldWorkLocation, FieldWorkStreet, FieldWorkCity, FieldWorkState, FieldWorkZIP, FieldWorkCountry, FieldWorkStreet2} {
		if c.has(f) {
			c.before = nil // places of work are not in a snapshot
		}
	}
	c.numbers = !c.has(FieldManagerName) && !c.has(FieldManagerEmail)
	var workers sync.WaitGroup
	for range min(blocks, runtime.GOMAXPROCS(0), mostWorkers) {
		workers.Go(func() {
			own := *c.sheet
			own.memo = make(memory, len(c.Header))
			for i := range next {
				parts[i] = c.readBlock(&own, i*blockRows)
			}
		})
	}
	workers.Wait()
	for i := range parts {
		for _, issue := range parts[i].issues.list {
			c.issues.add(issue)
		}
		c.issues.dropped += parts[i].issues.dropped
		parts[i].issues = issues{}
		places.join(parts[i].places)
		c.arrived += len(parts[i].people)
	}
	return func(yield func(found) bool) {
		for i := range parts {
			for _, f := range parts[i].people {
				if !yield(f) {
					return
				}
			}
			parts[i] = part{}
		}
	}
}

// readBlock reads the rows from one on with a worker's own copy of the sheet. The people point at the
// shared one.
func (c census) readBlock(own *sheet, from int) part {
	p := part{places: newWorkplaces()}
	own.issues = &p.issues
	to := min(from+blockRows, c.Len())
	entries := make([]entry, to-from)
	p.people = make([]found, 0, to-from)
	var buffer []string
	var person provider.Person
	unread := new(provider.Fields)
	for i := from; i < to; i++ {
		kept := &entries[i-from]
		var text uint64
		if c.prints {
			text = xxhash.Sum64String(c.rowText(i))
			if same := c.before.row(text); same >= 0 {
				*kept = entry{sheet: c.sheet, at: int32(i), active: c.before.active(same), managerKey: c.before.at(same, atManager), asked: c.numbers, before: int32(same) + 1}
				if d := c.before.department(same); d != "" {
					p.places.departments[d] = true
				}
				p.people = append(p.people, identified(kept, c.before.keys(same)))
				continue
			}
		}
		row := own.row(i, buffer)
		buffer, *unread = row.Cells, 0
		r := record{sheet: own, row: row, index: i, unread: unread}
		issues := len(p.issues.list) + p.issues.dropped
		person = provider.Person{}
		e := readPerson(r, &person)
		if e == nil {
			continue
		}
		*kept = *e
		kept.sheet = c.sheet
		if c.numbers {
			if number := r.number(FieldManagerNumber); number != "" {
				kept.managerKey = xxhash.Sum64String(employeeKey(number))
			}
			kept.asked = true
		}
		p.places.add(&person.Employment)
		if !c.prints {
			p.people = append(p.people, c.roster.found(kept, person.Keys))
			continue
		}
		kept.print = new(Print)
		kept.print.of(&person, r.manager())
		kept.print.manager = kept.managerKey
		if len(p.issues.list)+p.issues.dropped == issues && *unread&^(provider.FieldEmploymentStatus|provider.FieldIncomeUnit) == 0 && !r.dated(&person) {
			kept.print.text = text
		}
		p.people = append(p.people, identified(kept, kept.print.keys))
	}
	return p
}

// identified is a person with the hashes of their keys, strongest first; 0 is none.
func identified(e *entry, keys [3]uint64) found {
	f := found{entry: e}
	for _, h := range keys {
		if h != 0 {
			f.hashes[f.n] = h
			f.n++
		}
	}
	return f
}

// dated reports whether a row may be read otherwise on another day: somebody begins or leaves later, or
// a year has two digits.
func (r record) dated(p *provider.Person) bool {
	j := &p.Employment
	if j.StartDate != nil && *j.StartDate >= r.today || j.EndDate != nil && *j.EndDate >= r.today || j.LatestRehireDate != nil && *j.LatestRehireDate >= r.today {
		return true
	}
	for _, f := range []Field{FieldDOB, FieldHireDate, FieldRehireDate, FieldEndDate, FieldEffectiveDate} {
		cell := r.text(f)
		if cell == "" {
			continue
		}
		if parts, err := splitDate(cell); err != nil || parts.kind != serialDate && max(parts.digits[0], parts.digits[1], parts.digits[2]) < 4 {
			return true
		}
	}
	return false
}

// rowText is a row as it stands in the file, with what was skipped before the next one.
func (t *Table) rowText(i int) string {
	from, to := t.refs[i].offset, uint32(len(t.text))
	if i+1 < len(t.refs) {
		to = t.refs[i+1].offset
	}
	return t.text[from:to]
}
