package file

import (
	"reflect"
	"strings"

	"github.com/perchhq/perch/provider"
)

// roster holds the people of all files, each once, and finds them by key or name.
type roster struct {
	people []*entry
	byKey  map[string]*entry
	byName map[string][]*entry
}

func newRoster() *roster {
	return &roster{byKey: make(map[string]*entry), byName: make(map[string][]*entry)}
}

const (
	sameNumber  = "another row has the same employee number with other data; the first row was kept"
	sameSSN     = "another row has the same social security number; the first row was kept"
	sameName    = "another row has the same name and birth date and no number tells them apart; the first row was kept"
	sharedNames = "the same name and birth date occur with different employee numbers; they are kept as two people"
)

// add takes a person in. Rows that repeat a person are merged when they say the same; otherwise the first
// one is kept and the other reported.
func (r *roster) add(e *entry) {
	for _, key := range e.person.Keys {
		known := r.byKey[key]
		if known == nil {
			continue
		}
		switch {
		case samePerson(known, e):
			return
		case strings.HasPrefix(key, "employee:"):
			e.record.skip(sameNumber)
			return
		case strings.HasPrefix(key, "ssn:"):
			e.record.skip(sameSSN)
			return
		case known.number != "" && e.number != "" && known.number != e.number:
			e.record.note(sharedNames)
			known.drop(key)
			e.drop(key)
		default:
			e.record.skip(sameName)
			return
		}
	}
	r.people = append(r.people, e)
	for _, key := range e.person.Keys {
		r.byKey[key] = e
	}
	for _, name := range e.names() {
		r.byName[name] = append(r.byName[name], e)
	}
}

func samePerson(a, b *entry) bool {
	one, other := a.person, b.person
	one.Unsaid, other.Unsaid = 0, 0 // a column more that says nothing makes nobody else
	return reflect.DeepEqual(one, other) && a.manager == b.manager
}

// drop removes a key that does not tell the person apart. The roster's index keeps it, so that a third
// person of the same name is noticed too.
func (e *entry) drop(key string) {
	kept := make([]string, 0, len(e.person.Keys))
	for _, k := range e.person.Keys {
		if k != key {
			kept = append(kept, k)
		}
	}
	e.person.Keys = kept
}

// names are the forms under which others may call the person, without repetition.
func (e *entry) names() []string {
	var out []string
	add := func(first string) {
		name := strings.Join(nameWords(first+" "+e.name.last), " ")
		if name == "" {
			return
		}
		for _, n := range out {
			if n == name {
				return
			}
		}
		out = append(out, name)
	}
	add(e.name.first)
	if words := strings.Fields(e.name.first); len(words) > 1 {
		add(words[0])
	}
	if p := e.person.Individual.PreferredName; p != nil {
		add(*p)
	}
	return out
}

// resolveManagers fills ManagerKey. A name is stronger than a number, because the number beside it is often
// a code of its own and no employee number; it decides only between people of the same name.
func (r *roster) resolveManagers() {
	byEmail := make(map[string]*entry)
	for _, e := range r.people {
		if e.email != "" {
			byEmail[e.email] = e
		}
	}
	for _, e := range r.people {
		if e.manager == (managerRef{}) {
			continue
		}
		manager, field, message := r.manager(e.manager, byEmail)
		if manager == e {
			manager, message = nil, "the row names the person as their own manager; the manager is left empty"
		}
		if manager != nil {
			e.person.ManagerKey = manager.person.Keys[0]
			continue
		}
		e.person.Unsaid |= provider.FieldManager
		c, _ := e.record.column(field)
		e.record.failColumn(c, message)
	}
}

func (r *roster) manager(m managerRef, byEmail map[string]*entry) (found *entry, field Field, message string) {
	if m.email != "" {
		if e := byEmail[m.email]; e != nil {
			return e, FieldManagerEmail, ""
		}
	}
	if m.name == "" {
		field, message = FieldManagerNumber, "no row has this employee number; the manager is left empty"
		if m.number == "" {
			field, message = FieldManagerEmail, "no row has this e-mail address; the manager is left empty"
		}
		return r.byKey["employee:"+m.number], field, message
	}
	named := r.byName[matchName(m.name)]
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
	if e := only(func(e *entry) bool { return m.number != "" && e.number == m.number }); e != nil {
		return e
	}
	whole := strings.Fields(fold(m.name))
	if e := only(func(e *entry) bool {
		middle := strings.TrimSpace(fold(e.name.middle))
		for _, w := range whole {
			if middle != "" && strings.HasPrefix(middle, w) && len(w) == 1 {
				return true
			}
		}
		return false
	}); e != nil {
		return e
	}
	return only(func(e *entry) bool { return e.person.Employment.IsActive != nil && *e.person.Employment.IsActive })
}
