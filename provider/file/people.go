package file

import (
	"reflect"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/perchhq/perch/provider"
)

// entry is what is kept of a person: where they were read, and by what others may mean them. The rest is
// read again from the row when it is asked for.
type entry struct {
	sheet *sheet
	at    int32
	// active is whether the person is there.
	active answer
	// unmanaged says that the row names a manager who was not found.
	unmanaged bool
	manager   *entry
	// nameless says that the name does not tell the person apart, so that it is no key.
	nameless bool
	// strongest is the first of the keys, once somebody asked.
	strongest string
	// made is the person whom a payroll register only mentions.
	made *provider.Person
	// print is what a later reading is compared with; nil where nobody asked for it.
	print *Print
	// managerKey is a hash of the manager's key where the row names one by number alone; asked says that
	// there is no more to know.
	managerKey uint64
	asked      bool
	// before is one more than the place in the last snapshot of what the row says unchanged; 0 for none.
	before int32
}

// called returns the person's name.
func (e *entry) called() personName {
	name, _ := e.record().name()
	return name
}

// numbered returns the person's employee number.
func (e *entry) numbered() string { return e.record().number(FieldEmployeeNumber) }

// found is a person who was just read, with the hashes of their keys.
type found struct {
	*entry
	hashes [3]uint64
	n      int
}

// found hashes the keys of a person.
func (r *roster) found(e *entry, keys []string) found {
	f := found{entry: e, n: len(keys)}
	for i, key := range keys {
		f.hashes[i] = r.hash(key)
	}
	return f
}

// answer is yes, no or unknown.
type answer uint8

const (
	unknown answer = iota
	yes
	no
)

func tristate(b *bool) answer {
	switch {
	case b == nil:
		return unknown
	case *b:
		return yes
	}
	return no
}

// person reads the person again. Nothing is reported: that was done when the row was read first.
func (e *entry) person() *provider.Person {
	p := e.made
	if p == nil {
		p = new(provider.Person)
		r := e.record()
		r.unread = new(provider.Fields)
		readPerson(r, p)
	} else {
		copied := *p
		p = &copied
	}
	return e.finish(p)
}

// finish adds what follows from the other people.
func (e *entry) finish(p *provider.Person) *provider.Person {
	if e.nameless {
		p.Keys = slices.DeleteFunc(slices.Clone(p.Keys), func(key string) bool { return strings.HasPrefix(key, "name:") })
	}
	if e.manager != nil {
		p.ManagerKey = e.manager.key()
	}
	if e.unmanaged {
		p.Unsaid |= provider.FieldManager
	}
	return p
}

// key is the person's strongest key.
func (e *entry) key() string {
	if e.strongest == "" {
		if number := e.numbered(); number != "" {
			e.strongest = employeeKey(number)
		} else {
			unmanaged := *e
			unmanaged.manager = nil
			e.strongest = unmanaged.person().Keys[0]
		}
	}
	return e.strongest
}

// roster holds the people of all files, each once, and finds them by key or name, of which it holds 64
// bits of a hash.
type roster struct {
	people []*entry
	byKey  map[uint64]*entry
	// byName is made when somebody is looked for by name.
	byName map[uint64][]*entry
}

func newRoster(people int) *roster {
	return &roster{byKey: make(map[uint64]*entry, 3*people)}
}

func (*roster) hash(s string) uint64 { return xxhash.Sum64String(s) }

// known returns the person with a key, or nil.
func (r *roster) known(key string) *entry { return r.byKey[r.hash(key)] }

const (
	sameNumber  = "another row has the same employee number with other data; the first row was kept"
	sameSSN     = "another row has the same social security number; the first row was kept"
	sameName    = "another row has the same name and birth date and no number tells them apart; the first row was kept"
	sharedNames = "the same name and birth date occur with different employee numbers; they are kept as two people"
)

// add takes a person in. Rows that repeat a person are merged when they say the same; otherwise the first
// one is kept and the other reported.
func (r *roster) add(e found) {
	var keys []string
	for i := range e.n {
		known := r.byKey[e.hashes[i]]
		if known == nil {
			continue
		}
		if keys == nil {
			keys = e.person().Keys
		}
		switch {
		case samePerson(known, e.entry):
			return
		case strings.HasPrefix(keys[i], "employee:"):
			e.report(sameNumber, true)
			return
		case strings.HasPrefix(keys[i], "ssn:"):
			e.report(sameSSN, true)
			return
		case otherNumbers(known.numbered(), e.numbered()):
			e.report(sharedNames, false)
			// The index keeps the key, so that a third person of the same name is noticed too.
			known.nameless, e.nameless = true, true
		default:
			e.report(sameName, true)
			return
		}
	}
	r.people = append(r.people, e.entry)
	for i := range e.n {
		r.byKey[e.hashes[i]] = e.entry
	}
	if r.byName != nil {
		r.call(e.entry)
	}
}

// otherNumbers reports whether two people have numbers that differ.
func otherNumbers(a, b string) bool { return a != "" && b != "" && a != b }

// report says something about the person's row.
func (e *entry) report(message string, skipped bool) {
	e.sheet.issues.add(Issue{File: e.sheet.Name, Row: e.sheet.row(int(e.at), nil).Number, Message: message, Skipped: skipped})
}

func samePerson(a, b *entry) bool {
	one, other := a.person(), b.person()
	one.Unsaid, other.Unsaid = 0, 0 // a column more that says nothing makes nobody else
	one.Mentioned, other.Mentioned = false, false
	one.ManagerKey, other.ManagerKey = "", ""
	one.Keys, other.Keys = nil, nil // they follow from the rest
	return reflect.DeepEqual(one, other) && a.managerRef() == b.managerRef()
}

// record is the person's row, read without reporting anything. It holds until the next one is asked for.
func (e *entry) record() record {
	quiet := e.sheet.silent()
	quiet.buffer = e.sheet.row(int(e.at), quiet.buffer).Cells
	return record{sheet: quiet, row: Row{Number: int(e.sheet.refs[e.at].number), Cells: quiet.buffer}, index: int(e.at)}
}

func (e *entry) managerRef() managerRef { return e.record().manager() }

// named returns the people whom a name may mean.
func (r *roster) named(name string) []*entry {
	if r.byName == nil {
		r.byName = make(map[uint64][]*entry, len(r.people))
		for _, e := range r.people {
			r.call(e)
		}
	}
	return r.byName[r.hash(name)]
}

// call notes the forms under which others may call the person, without repetition.
func (r *roster) call(e *entry) {
	var hashes []uint64
	whole := e.called()
	add := func(first string) {
		name := strings.Join(nameWords(first+" "+whole.last), " ")
		if name == "" {
			return
		}
		if h := r.hash(name); !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
			r.byName[h] = append(r.byName[h], e)
		}
	}
	add(whole.first)
	if strings.IndexByte(whole.first, ' ') >= 0 {
		add(strings.Fields(whole.first)[0])
	}
	if e.sheet.has(FieldPreferredName) {
		if p := e.record().string(FieldPreferredName); p != nil {
			add(*p)
		}
	}
}

// resolveManagers finds the managers. A name is stronger than a number, because the number beside it is
// often a code of its own and no employee number; it decides only between people of the same name.
func (r *roster) resolveManagers() {
	var byEmail map[uint64]*entry
	var buffer []string
	for _, e := range r.people {
		s := e.sheet
		if e.asked {
			if e.managerKey == 0 {
				continue
			}
			if manager := r.byKey[e.managerKey]; manager != nil && manager != e {
				e.manager = manager
				continue
			}
		}
		if e.made != nil || !s.has(FieldManagerName) && !s.has(FieldManagerNumber) && !s.has(FieldManagerEmail) {
			continue
		}
		row := record{sheet: s, row: s.row(int(e.at), buffer)}
		buffer = row.row.Cells
		ref := row.manager()
		if ref == (managerRef{}) {
			continue
		}
		if ref.email != "" && byEmail == nil {
			byEmail = r.emails()
		}
		manager, field, message := r.manager(ref, byEmail)
		if manager == e {
			manager, message = nil, "the row names the person as their own manager; the manager is left empty"
		}
		if manager != nil {
			e.manager = manager
			continue
		}
		e.unmanaged = true
		c, _ := row.column(field)
		row.failColumn(c, message)
	}
}

// emails leads from addresses to people: to the last one who has it.
func (r *roster) emails() map[uint64]*entry {
	all := make(map[uint64]*entry, len(r.people))
	for _, e := range r.people {
		if e.made != nil {
			continue
		}
		for _, m := range e.record().emails() {
			all[r.hash(strings.ToLower(m.Data))] = e
			break // the first is the one that others use
		}
	}
	return all
}

func (r *roster) manager(m managerRef, byEmail map[uint64]*entry) (found *entry, field Field, message string) {
	if m.email != "" {
		if e := byEmail[r.hash(m.email)]; e != nil {
			return e, FieldManagerEmail, ""
		}
	}
	if m.name == "" {
		field, message = FieldManagerNumber, "no row has this employee number; the manager is left empty"
		if m.number == "" {
			field, message = FieldManagerEmail, "no row has this e-mail address; the manager is left empty"
		}
		return r.known(employeeKey(m.number)), field, message
	}
	named := r.named(matchName(m.name))
	switch len(named) {
	case 0:
		return nil, FieldManagerName, "no row has this name; the manager is left empty"
	case 1:
		return named[0], FieldManagerName, ""
	}
	if e := narrow(named, m); e != nil {
		return e, FieldManagerName, ""
	}
	return nil, FieldManagerName, "several people have this name; the manager is left empty"
}

// maxNamesakes bounds the work that a file of one name repeated asks for.
const maxNamesakes = 100

// narrow picks the one of several people of a name whom the number, the middle initial or being the only
// active one points out.
func narrow(named []*entry, m managerRef) *entry {
	if len(named) > maxNamesakes {
		return nil
	}
	only := func(fits func(*entry) bool) *entry {
		var one *entry
		for _, e := range named {
			if fits(e) {
				if one != nil {
					return nil
				}
				one = e
			}
		}
		return one
	}
	if e := only(func(e *entry) bool { return m.number != "" && e.numbered() == m.number }); e != nil {
		return e
	}
	whole := strings.Fields(fold(m.name))
	if e := only(func(e *entry) bool {
		middle := strings.TrimSpace(fold(e.called().middle))
		for _, w := range whole {
			if middle != "" && strings.HasPrefix(middle, w) && len(w) == 1 {
				return true
			}
		}
		return false
	}); e != nil {
		return e
	}
	return only(func(e *entry) bool { return e.active == yes })
}
