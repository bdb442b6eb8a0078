package deduction

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// Written answers a write. BenefitID is usable at once; the job says what became of it.
type Written struct{ BenefitID, JobID perch.ID }

// Person is somebody to enrol. The id may be any text: who is not known gets a line that says so.
type Person struct {
	IndividualID string          `json:"individual_id"`
	Enrolment    perch.Enrolment `json:"enrolment"`
	// EffectiveDate is for the people who serve assisted connections; automated ones change things at once.
	EffectiveDate *perch.Date `json:"effective_date,omitempty"`
}

// request is what a job is to do. It is kept sealed.
type request struct {
	Deduction   *perch.Deduction `json:"deduction,omitempty"`
	Description string           `json:"description,omitempty"`
	People      []Person         `json:"people,omitempty"`
	Individuals []string         `json:"individuals,omitempty"`
}

func requestPlace(job perch.ID) []byte { return append([]byte("manual job/request/"), job[:]...) }
func resultPlace(job perch.ID) []byte  { return append([]byte("manual job/result/"), job[:]...) }

func deductionPlace(id perch.ID) []byte { return append([]byte("deduction/"), id[:]...) }

func (d *desk) openDeduction(k store.KnownDeduction) (b perch.Deduction, err error) {
	plain, err := d.cipher.Open(nil, k.Body, deductionPlace(k.ID))
	if err == nil {
		err = json.Unmarshal(plain, &b)
	}
	if err != nil {
		return b, perch.Internal(fmt.Errorf("reading a deduction: %w", err))
	}
	b.BenefitID = k.ID
	return b, nil
}

// Create makes a company-level deduction. Asked again for the same type, frequency and description, it
// returns the deduction that there is.
func (s *Service) Create(ctx context.Context, grant *access.Grant, entity *access.Entity, b perch.Deduction) (Written, error) {
	d, err := s.open(ctx, grant, entity)
	if err != nil {
		return Written{}, err
	}
	if err := checkDeduction(&b); err != nil {
		return Written{}, err
	}
	if err := d.terms.create(&b, toCreate); err != nil {
		return Written{}, err
	}
	return d.ensure(ctx, b, store.BenefitCreate)
}

// Register makes a deduction known that the employer has set up, on assisted connections.
func (s *Service) Register(ctx context.Context, grant *access.Grant, entity *access.Entity, b perch.Deduction) (Written, error) {
	d, err := s.open(ctx, grant, entity)
	if err != nil {
		return Written{}, err
	}
	if !d.terms.assisted {
		return Written{}, &perch.Error{Name: perch.NameUnprocessableRequest, Code: "unsupported_parameters",
			Message: "Deductions are registered on assisted connections. On automated ones GET /employer/benefits lists them."}
	}
	if err := checkDeduction(&b); err != nil {
		return Written{}, err
	}
	if err := d.terms.create(&b, ""); err != nil {
		return Written{}, err
	}
	return d.ensure(ctx, b, store.BenefitRegister)
}

// ensure finds or stores a deduction and queues the job that makes it.
func (d *desk) ensure(ctx context.Context, b perch.Deduction, kind store.ManualJobType) (Written, error) {
	existing, err := d.alike(ctx, &b)
	if err != nil {
		return Written{}, err
	}
	id := perch.NewID()
	body, err := json.Marshal(b)
	if err != nil {
		return Written{}, perch.Internal(err)
	}
	return d.queue(ctx, kind, request{Deduction: &b}, func(tx *sql.Tx) (perch.ID, error) {
		if !existing.IsZero() {
			return existing, nil
		}
		known, err := d.Store.EnsureDeduction(ctx, tx, d.account.EntityID,
			store.KnownDeduction{ID: id, Body: d.cipher.Seal(nil, body, deductionPlace(id))}, d.identity(&b), d.Now())
		return known, err
	})
}

// alike returns the id of the provider's deduction of the same type, frequency and description, or zero.
func (d *desk) alike(ctx context.Context, b *perch.Deduction) (perch.ID, error) {
	if d.terms.assisted {
		return perch.ID{}, nil
	}
	reader, done, err := d.reader(ctx)
	if err != nil {
		return perch.ID{}, err
	}
	defer done()
	list, _, err := d.live(ctx, reader)
	if err != nil {
		return perch.ID{}, err
	}
	for _, one := range list {
		if same(one.Deduction.Type, b.Type) && same(one.Deduction.Frequency, b.Frequency) && same(one.Deduction.Description, b.Description) {
			return one.ID, nil
		}
	}
	return perch.ID{}, nil
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// target finds the deduction that a write is about.
func (s *Service) target(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID) (*desk, listed, error) {
	d, err := s.open(ctx, grant, entity)
	if err != nil {
		return nil, listed{}, err
	}
	var reader provider.DeductionReader
	if !d.terms.assisted {
		live, done, err := d.reader(ctx)
		if err != nil {
			return nil, listed{}, err
		}
		defer done()
		reader = live
	}
	found, err := d.find(ctx, reader, benefit)
	return d, found, err
}

// Update gives a deduction another description.
func (s *Service) Update(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, description string) (Written, error) {
	d, found, err := s.target(ctx, grant, entity, benefit)
	if err != nil {
		return Written{}, err
	}
	if err := checkDescription(description); err != nil {
		return Written{}, err
	}
	if _, err := d.supports(found, toUpdate); err != nil {
		return Written{}, err
	}
	if err := d.terms.describe(description); err != nil {
		return Written{}, err
	}
	return d.queueFor(ctx, store.BenefitUpdate, benefit, request{Description: description})
}

// supports checks an operation on a deduction that there is.
func (d *desk) supports(found listed, operation string) (*perch.BenefitSupport, error) {
	if found.Deduction.Type == nil {
		return nil, nil
	}
	support, err := d.terms.support("benefit_id", *found.Deduction.Type)
	if err != nil {
		return nil, err
	}
	return support, d.terms.allows("benefit_id", support, *found.Deduction.Type, operation)
}

// Enrol enrols people, or replaces their enrolments. Everything is checked before anything is stored.
func (s *Service) Enrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, people []Person) (Written, error) {
	d, found, err := s.target(ctx, grant, entity, benefit)
	if err != nil {
		return Written{}, err
	}
	if err := checkBatch("body", len(people)); err != nil {
		return Written{}, err
	}
	support, err := d.supports(found, toEnrol)
	if err != nil {
		return Written{}, err
	}
	for i := range people {
		field := fmt.Sprintf("[%d].configuration", i)
		if err := checkEnrolment(field, &people[i].Enrolment); err != nil {
			return Written{}, err
		}
		if found.Deduction.Type == nil {
			continue
		}
		if err := d.terms.enrol(field, support, *found.Deduction.Type, &people[i].Enrolment); err != nil {
			return Written{}, err
		}
	}
	return d.queueFor(ctx, store.BenefitEnroll, benefit, request{People: people})
}

// checkBatch checks how many individuals a field names.
func checkBatch(field string, people int) error {
	switch {
	case people == 0:
		return perch.Invalid(field, "must name at least one individual.")
	case people > maxPeople:
		return &perch.Error{Name: perch.NameUnprocessableEntity, Code: "batch_limit_exceeded", Message: fmt.Sprintf("%s: must not have more than %d individuals.", field, maxPeople)}
	}
	return nil
}

// Unenrol ends the enrolments of people.
func (s *Service) Unenrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, individuals []string) (Written, error) {
	d, found, err := s.target(ctx, grant, entity, benefit)
	if err != nil {
		return Written{}, err
	}
	if err := checkBatch("individual_ids", len(individuals)); err != nil {
		return Written{}, err
	}
	if _, err := d.supports(found, toUnenrol); err != nil {
		return Written{}, err
	}
	return d.queueFor(ctx, store.BenefitUnenroll, benefit, request{Individuals: individuals})
}

func (d *desk) queueFor(ctx context.Context, kind store.ManualJobType, benefit perch.ID, r request) (Written, error) {
	return d.queue(ctx, kind, r, func(*sql.Tx) (perch.ID, error) { return benefit, nil })
}

// queue stores a job, as the last one of its entity, and has it done unless it waits for people. benefit
// tells inside the transaction which deduction it is about.
func (d *desk) queue(ctx context.Context, kind store.ManualJobType, r request, benefit func(tx *sql.Tx) (perch.ID, error)) (Written, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return Written{}, perch.Internal(err)
	}
	job := store.ManualJob{ID: perch.NewID(), ApplicationID: d.account.ApplicationID, ConnectionID: d.account.ConnectionID, EntityID: d.account.EntityID,
		Type: kind, ForPeople: d.terms.assisted, CreatedAt: d.Now()}
	job.Request = d.cipher.Seal(nil, plain, requestPlace(job.ID))
	err = d.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		if err := d.Store.HoldEntity(ctx, tx, job.ApplicationID, job.ConnectionID, job.EntityID); err != nil {
			return err
		}
		if job.BenefitID, err = benefit(tx); err != nil {
			return err
		}
		if err := d.Store.InsertManualJob(ctx, tx, job); err != nil {
			return err
		}
		if job.ForPeople {
			return d.ask(ctx, tx, job, r)
		}
		return d.Queue.InsertDeductions(ctx, tx, job.ConnectionID, job.EntityID)
	})
	if errors.Is(err, store.ErrNotFound) {
		return Written{}, perch.ErrInvalidToken
	}
	if err != nil {
		return Written{}, perch.Internal(fmt.Errorf("asking for a write: %w", err))
	}
	if !job.ForPeople {
		d.Queue.WriteNow(job.ConnectionID, job.EntityID)
	}
	return Written{job.BenefitID, job.ID}, nil
}
