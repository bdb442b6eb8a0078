package sandbox

import (
	"context"

	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	employer "github.com/perchhq/perch/provider/sandbox"
)

const (
	// maxEdited bounds the people of one employer who were changed or added.
	maxEdited = 20_000
	// maxLevels bounds the chain of managers above a person.
	maxLevels = 1000
)

// PersonEdit changes a person; see employer.PersonEdit. The manager is named by id instead.
type PersonEdit struct {
	employer.PersonEdit
	Manager employer.Change[*perch.ID]
}

// Person is a person as reads will show them after the next sync, without the social security number.
type Person struct {
	Individual perch.Individual
	Employment perch.Employment
}

// EditPerson changes the fields of a person that the edit names. It is all or nothing; errors name the
// field at fault. Reads show it after the next sync.
func (s *Service) EditPerson(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, edit PersonEdit) (Person, error) {
	d, err := s.desk(ctx, grant, entity)
	if err != nil {
		return Person{}, err
	}
	found, err := d.managed(ctx, []PersonEdit{edit}, func(int) string { return "manager.id" }, id)
	if err != nil {
		return Person{}, err
	}
	index, ok := found[id]
	if !ok {
		return Person{}, perch.NotFound("individual_not_found", "No individual with id %s found", id)
	}
	var merged employer.PersonEdit
	err = d.write(ctx, func(w *writer) error {
		known, err := d.get(w, store.SandboxPerson, index, &merged)
		if err != nil {
			return err
		}
		if merged.Removed {
			return perch.NotFound("individual_not_found", "No individual with id %s found", id)
		}
		if !known {
			if err := d.room(w, store.SandboxPerson, 1, maxEdited, "people who were changed or added"); err != nil {
				return err
			}
		}
		changes := d.resolved(edit, found)
		if changes.Manager.Set && changes.Manager.Value != nil {
			if err := d.checkManager(w, index, *changes.Manager.Value); err != nil {
				return err
			}
		}
		if err := lay(&merged, changes); err != nil {
			return err
		}
		return d.putPerson(w, index, merged)
	})
	if err != nil {
		return Person{}, err
	}
	return d.person(index, merged)
}

// AddPeople adds people to an employer. Fields that are not given are null.
func (s *Service) AddPeople(ctx context.Context, grant *access.Grant, entity *access.Entity, edits []PersonEdit) ([]Person, error) {
	d, err := s.desk(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	found, err := d.managed(ctx, edits, func(i int) string { return fmt.Sprintf("[%d].manager.id", i) })
	if err != nil {
		return nil, err
	}
	added, first := make([]employer.PersonEdit, len(edits)), 0
	for i, edit := range edits {
		added[i] = d.resolved(edit, found)
	}
	err = d.write(ctx, func(w *writer) error {
		if err := d.room(w, store.SandboxPerson, len(added), maxEdited, "people who were changed or added"); err != nil {
			return err
		}
		before, err := d.Connections.Store.CountSandboxEdits(ctx, w.tx, d.entity, store.SandboxPerson, d.employer.People())
		if err != nil {
			return err
		}
		if first = d.employer.People() + before; first+len(added) > employer.MaxEmployees {
			return tooMany("edit_limit_exceeded", "A simulated employer may have %d people.", employer.MaxEmployees)
		}
		for i, edit := range added {
			if err := d.putPerson(w, first+i, edit); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	people := make([]Person, len(added))
	for i, edit := range added {
		if people[i], err = d.person(first+i, edit); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// managed finds everyone who is named, and refuses managers who do not exist. field names the place of
// the nth manager.
func (d *desk) managed(ctx context.Context, edits []PersonEdit, field func(i int) string, ids ...perch.ID) (map[perch.ID]int, error) {
	for _, edit := range edits {
		if edit.Manager.Value != nil {
			ids = append(ids, *edit.Manager.Value)
		}
	}
	found, err := d.indexes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for i, edit := range edits {
		if edit.Manager.Value == nil {
			continue
		}
		if _, ok := found[*edit.Manager.Value]; !ok {
			return nil, perch.Invalid(field(i), "%s is not an individual of this company.", *edit.Manager.Value)
		}
	}
	return found, nil
}

// resolved is the edit with the manager's index in place of the id.
func (d *desk) resolved(edit PersonEdit, found map[perch.ID]int) employer.PersonEdit {
	changes := edit.PersonEdit
	changes.Manager = employer.Change[*int]{Set: edit.Manager.Set}
	if edit.Manager.Value != nil {
		index := found[*edit.Manager.Value]
		changes.Manager.Value = &index
	}
	return changes
}

// putPerson stores the number apart from the rest.
func (d *desk) putPerson(w *writer, index int, edit employer.PersonEdit) error {
	var identifiers any
	if edit.SSN.Set {
		identifiers = employer.PersonEdit{SSN: edit.SSN}
		edit.SSN = employer.Change[*string]{}
	}
	return d.put(w, store.SandboxPerson, index, 0, edit, identifiers)
}

// checkManager refuses somebody who reports to the person, at any remove, or is the person.
func (d *desk) checkManager(w *writer, index, manager int) error {
	at := manager
	for range maxLevels {
		if at == index {
			return perch.Invalid("manager.id", "would make the individual report to themselves.")
		}
		above, ok, err := d.managerOf(w, at)
		if err != nil || !ok {
			return err
		}
		at = above
	}
	return perch.Invalid("manager.id", "would put the individual below more than %d levels of managers.", maxLevels)
}

func (d *desk) managerOf(w *writer, index int) (manager int, ok bool, err error) {
	var edit struct {
		Manager employer.Change[*int] `json:"manager"`
	}
	if _, err := d.get(w, store.SandboxPerson, index, &edit); err != nil {
		return 0, false, err
	}
	switch {
	case !edit.Manager.Set:
		manager, ok = d.employer.Manager(index)
	case edit.Manager.Value != nil:
		manager, ok = *edit.Manager.Value, true
	}
	return manager, ok, nil
}

// person is how reads will show an edited person.
func (d *desk) person(index int, edit employer.PersonEdit) (Person, error) {
	encoded, err := encode(edit)
	if err != nil {
		return Person{}, perch.Internal(err)
	}
	read, err := d.employer.Person(index, encoded)
	if err != nil {
		return Person{}, perch.Internal(err)
	}
	p := Person{read.Individual, read.Employment}
	p.Individual.ID = d.individualID(index)
	p.Employment.ID = p.Individual.ID
	p.Individual.SSN, p.Individual.EncryptedSSN = nil, nil
	if read.ManagerKey != "" {
		p.Employment.Manager = &perch.Reference{ID: sync.IndividualID(d.Connections.Identity, d.entity, read.ManagerKey)}
	}
	return p, nil
}

// EditCompany changes the fields of the company that the edit names; see EditPerson.
func (s *Service) EditCompany(ctx context.Context, grant *access.Grant, entity *access.Entity, edit employer.CompanyEdit) (perch.Company, error) {
	d, err := s.desk(ctx, grant, entity)
	if err != nil {
		return perch.Company{}, err
	}
	var merged employer.CompanyEdit
	err = d.write(ctx, func(w *writer) error {
		if _, err := d.get(w, store.SandboxCompany, 0, &merged); err != nil {
			return err
		}
		if err := lay(&merged, edit); err != nil {
			return err
		}
		rest := merged
		var identifiers any
		if merged.Accounts.Set {
			identifiers = employer.CompanyEdit{Accounts: merged.Accounts}
			rest.Accounts.Set = false
		}
		return d.put(w, store.SandboxCompany, 0, 0, rest, identifiers)
	})
	if err != nil {
		return perch.Company{}, err
	}
	encoded, err := encode(merged)
	if err != nil {
		return perch.Company{}, perch.Internal(err)
	}
	company, err := d.employer.Company(encoded)
	if err != nil {
		return perch.Company{}, perch.Internal(err)
	}
	company.ID = d.account.CompanyID
	return company, nil
}

// Change is a new value for one field, or none.
type Change[T any] = employer.Change[T]

// CompanyEdit changes the employer itself.
type CompanyEdit = employer.CompanyEdit
