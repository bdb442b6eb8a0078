package deduction

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/store"
)

const (
	// taskKind is what the queue of operators calls these tasks.
	taskKind = "deduction"
	// peoplesTime is how long people may take, as the published integration types promise.
	peoplesTime = 7 * 24 * time.Hour
	// maxMessage bounds what operators say about one individual, in bytes.
	maxMessage = 500
)

// ask puts a job into the queue of operators.
func (d *desk) ask(ctx context.Context, tx *sql.Tx, job store.ManualJob, r request) error {
	title := map[store.ManualJobType]string{
		store.BenefitCreate: "create one", store.BenefitRegister: "look one up", store.BenefitUpdate: "rename one",
		store.BenefitEnroll: fmt.Sprintf("enroll %d", len(r.People)), store.BenefitUnenroll: fmt.Sprintf("unenroll %d", len(r.Individuals)),
	}[job.Type]
	return d.People.Ask(ctx, tx, assist.Task{Kind: taskKind, Ref: job.ID.String(), ApplicationID: job.ApplicationID, ConnectionID: job.ConnectionID, Title: title,
		Due:  job.CreatedAt.Add(peoplesTime),
		Link: "/console/a/" + job.ApplicationID.String() + "/c/" + job.ConnectionID.String() + "/deductions/" + job.ID.String()})
}

// Task is a job that people do.
type Task struct {
	JobID perch.ID
	Type  store.ManualJobType
	// Deduction is what it is about, as it is to be, or as it was asked for.
	Deduction perch.Deduction
	// Description is the new one of a deduction that is renamed.
	Description string
	People      []TaskPerson
	CreatedAt   time.Time
	DueAt       time.Time
	// Open says that it waits to be done.
	Open bool
}

// TaskPerson is an individual of a task. Name is empty for ids that the connection does not have.
type TaskPerson struct {
	IndividualID  string
	Name          string
	Enrolment     *perch.Enrolment
	EffectiveDate *perch.Date
}

// Task returns a job of an application's connection that people do, or store.ErrNotFound.
func (s *Service) Task(ctx context.Context, application, connection, job perch.ID) (Task, error) {
	j, d, r, err := s.peoplesJob(ctx, application, connection, job)
	if err != nil {
		return Task{}, err
	}
	t := Task{JobID: job, Type: j.Type, Description: r.Description, CreatedAt: j.CreatedAt, DueAt: j.CreatedAt.Add(peoplesTime), Open: j.Status == perch.JobPending}
	if r.Deduction != nil {
		t.Deduction = *r.Deduction
	} else if found, err := d.find(ctx, nil, j.BenefitID); err == nil {
		t.Deduction = found.Deduction
	} else if !errors.Is(err, errNoBenefit) {
		return Task{}, err
	}
	names, err := d.names(ctx)
	if err != nil {
		return Task{}, err
	}
	for _, p := range r.People {
		t.People = append(t.People, TaskPerson{p.IndividualID, names(p.IndividualID), &p.Enrolment, p.EffectiveDate})
	}
	for _, id := range r.Individuals {
		t.People = append(t.People, TaskPerson{IndividualID: id, Name: names(id)})
	}
	return t, nil
}

// peoplesJob reads what a job asks people for.
func (s *Service) peoplesJob(ctx context.Context, application, connection, job perch.ID) (j store.ManualJob, d *desk, r request, err error) {
	if j, err = s.Store.PeoplesJob(ctx, application, connection, job); err != nil {
		return j, nil, r, err
	}
	account, err := s.Store.Account(ctx, connection, j.EntityID)
	if err != nil {
		return j, nil, r, err
	}
	if d, err = s.desk(ctx, account); err != nil {
		return j, nil, r, err
	}
	plain, err := d.cipher.Open(nil, j.Request, requestPlace(job))
	if err == nil {
		err = json.Unmarshal(plain, &r)
	}
	return j, d, r, err
}

// names returns a look-up of people's names.
func (d *desk) names(ctx context.Context) (func(individual string) string, error) {
	people, err := d.Records.View(ctx, d.account.EntityID, d.account.Groups[access.Organization].Generation, records.People)
	if err != nil {
		return nil, err
	}
	return func(individual string) string {
		id, err := perch.ParseID(individual)
		if err != nil {
			return ""
		}
		position, known, err := people.Position(id)
		if err != nil || !known {
			return ""
		}
		var entry perch.DirectoryEntry
		stored, err := people.Append(nil, records.FacetDirectory, position)
		if err != nil || json.Unmarshal(stored, &entry) != nil {
			return ""
		}
		var words []string
		for _, part := range []*string{entry.FirstName, entry.MiddleName, entry.LastName} {
			if part != nil && *part != "" {
				words = append(words, *part)
			}
		}
		return strings.Join(words, " ")
	}, nil
}

// Result is what people found for one individual, or for the deduction.
type Result struct {
	Code    int
	Message string
}

// Results are the codes that people may give, by type of job; the first is that of success.
func Results(kind store.ManualJobType) []int {
	switch kind {
	case store.BenefitEnroll:
		return []int{http.StatusCreated, http.StatusOK, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusInternalServerError}
	case store.BenefitUnenroll:
		return []int{http.StatusOK, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusInternalServerError}
	case store.BenefitUpdate:
		return []int{http.StatusOK, http.StatusUnprocessableEntity, http.StatusInternalServerError}
	}
	return []int{http.StatusCreated, http.StatusUnprocessableEntity, http.StatusInternalServerError}
}

// Complete ends a job that people did, with a result for each individual in their order, or one for the
// deduction. A message that is left out is that of the code. It returns store.ErrNotFound when the job does
// not wait any more. by names the operator, for the audit log.
func (s *Service) Complete(ctx context.Context, by string, application, connection, job perch.ID, results []Result) error {
	j, d, r, err := s.peoplesJob(ctx, application, connection, job)
	if err != nil {
		return err
	}
	lines, err := peoplesLines(j.Type, r, results)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	failed := lines[0].IndividualID == "" && lines[0].Code >= http.StatusBadRequest
	status := perch.JobComplete
	if failed {
		status = perch.JobError
	}
	return s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		if err := s.Store.EndPeoplesJob(ctx, tx, connection, job, status, d.cipher.Seal(nil, plain, resultPlace(job)), s.Now()); err != nil {
			return err
		}
		if err := d.settle(ctx, tx, j, r, failed); err != nil {
			return err
		}
		if err := s.People.Settle(ctx, tx, application, taskKind, job.String(), by); err != nil {
			return err
		}
		if err := s.Store.InsertAudit(ctx, tx, store.Audit{At: s.Now(), Actor: by, Action: "deduction.completed", ApplicationID: application, ConnectionID: connection,
			Detail: string(j.Type)}); err != nil {
			return err
		}
		return s.record(ctx, tx, &j)
	})
}

// settle notes what became of the deduction itself.
func (d *desk) settle(ctx context.Context, tx *sql.Tx, j store.ManualJob, r request, failed bool) error {
	switch {
	case failed && r.Deduction != nil:
		return d.Store.SettleDeduction(ctx, tx, j.EntityID, j.BenefitID, nil)
	case failed || j.Type != store.BenefitUpdate:
		return nil
	}
	found, err := d.find(ctx, nil, j.BenefitID)
	if errors.Is(err, errNoBenefit) {
		return nil
	}
	if err != nil {
		return err
	}
	found.Deduction.Description = &r.Description
	body, err := json.Marshal(found.Deduction)
	if err != nil {
		return err
	}
	return d.Store.RedescribeDeduction(ctx, tx, j.EntityID, j.BenefitID, d.cipher.Seal(nil, body, deductionPlace(j.BenefitID)), d.identity(&found.Deduction))
}

// peoplesLines makes the lines of a result.
func peoplesLines(kind store.ManualJobType, r request, results []Result) ([]perch.ManualJobResult, error) {
	individuals := slices.Clone(r.Individuals)
	for _, p := range r.People {
		individuals = append(individuals, p.IndividualID)
	}
	if len(individuals) == 0 {
		individuals = []string{""}
	}
	if len(results) != len(individuals) {
		return nil, perch.Invalid("", "The job has %d results to give, not %d.", len(individuals), len(results))
	}
	lines := make([]perch.ManualJobResult, len(individuals))
	for i, result := range results {
		if !slices.Contains(Results(kind), result.Code) || len(result.Message) > maxMessage {
			return nil, perch.Invalid("", "A result has a code that this job cannot have, or too long a message.")
		}
		lines[i] = peoplesLine(kind, individuals[i], result)
	}
	return lines, nil
}

func peoplesLine(kind store.ManualJobType, individual string, result Result) perch.ManualJobResult {
	l := perch.ManualJobResult{IndividualID: individual, Code: result.Code}
	switch {
	case result.Code == http.StatusNotFound && kind == store.BenefitUnenroll:
		l.Message, l.Name, l.FinchCode = errNotEnrolled.Message, errNotEnrolled.Name, errNotEnrolled.Code
	case result.Code == http.StatusNotFound:
		l.Message, l.Name, l.FinchCode = "Individual not found", perch.NameNotFound, "individual_not_found"
	case result.Code == http.StatusUnprocessableEntity && individual == "":
		l.Message, l.Name, l.FinchCode = "The provider does not take this deduction.", perch.NameUnprocessableRequest, "unsupported_parameters"
	case result.Code == http.StatusUnprocessableEntity:
		l.Message, l.Name, l.FinchCode = "The provider did not take this enrollment.", perch.NameUnprocessableRequest, "invalid_employee_enrollment"
	case result.Code == http.StatusInternalServerError:
		l.Message, l.Name = "Internal server error", perch.NameServer
	default:
		l.Message = done[kind][result.Code]
	}
	if result.Message != "" {
		l.Message = result.Message
	}
	return l
}

// done are the words of success.
var done = map[store.ManualJobType]map[int]string{
	store.BenefitCreate:   {http.StatusCreated: "Successfully created benefit"},
	store.BenefitRegister: {http.StatusCreated: "Successfully registered benefit"},
	store.BenefitUpdate:   {http.StatusOK: "Successfully updated benefit"},
	store.BenefitEnroll:   {http.StatusCreated: "Successfully enrolled individual in benefit", http.StatusOK: "Successfully updated enrollment for individual"},
	store.BenefitUnenroll: {http.StatusOK: "Successfully unenrolled individual from benefit"},
}
