package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/deduction"
)

// Deductions reads deductions from the provider and writes them. Writes are checked whole before anything
// is stored; their results are read from the job.
type Deductions interface {
	List(ctx context.Context, grant *access.Grant, entity *access.Entity) ([]perch.Deduction, error)
	Get(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID) (perch.Deduction, error)
	Meta(ctx context.Context, grant *access.Grant, entity *access.Entity) ([]deduction.Feature, error)
	Enrolments(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID) ([]deduction.Enrolled, error)
	Individuals(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, ids []string) ([]deduction.Found, error)
	Create(ctx context.Context, grant *access.Grant, entity *access.Entity, d perch.Deduction) (deduction.Written, error)
	Register(ctx context.Context, grant *access.Grant, entity *access.Entity, d perch.Deduction) (deduction.Written, error)
	Update(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, description string) (deduction.Written, error)
	Enrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, people []deduction.Person) (deduction.Written, error)
	Unenrol(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, individuals []string) (deduction.Written, error)
	// Job returns a job on deductions of the grant's connection, or a not-found error.
	Job(ctx context.Context, grant *access.Grant, job perch.ID) (deduction.Job, error)
}

// benefit completes a route of deductions.
func benefitRoute(r route) route {
	r.tag, r.auth, r.version, r.product, r.entities = tagDeductions, authBearer, versionRequired, perch.ProductBenefits, true
	r.errors = append(r.errors, failure{perch.NameNotImplemented, ""}, failure{perch.NameSyncInProgress, "data_sync_in_progress"},
		failure{perch.NameAuthorizationPending, "pending"}, failure{perch.NameAuthorizationPending, "accountant_setup_pending"},
		failure{perch.NameAuthentication, "reauthenticate_user"}, failure{perch.NameAuthentication, "account_setup_required"},
		failure{perch.NamePermissions, "insufficient_account_permissions"})
	return r
}

// How requests about deductions fail.
var (
	noBenefit   = failure{perch.NameNotFound, "benefit_not_found"}
	badRequest  = failure{perch.NameInvalidRequest, "invalid_request"}
	tooLarge    = failure{perch.NameInvalidRequest, "request_too_large"}
	notTaken    = failure{perch.NameUnprocessableRequest, "unsupported_parameters"}
	manyAtOnce  = failure{perch.NameUnprocessableEntity, "batch_limit_exceeded"}
	badProvider = failure{perch.NameBadGateway, "upstream_provider_error"}
)

var benefitParam = param{name: "benefit_id", in: "path", kind: kindID, required: true, description: "Id of a deduction, as the list or its creation gave it.", example: exampleID}

func deductionRoutes() []route {
	return []route{
		benefitRoute(route{
			method: http.MethodGet, path: "/employer/benefits", operation: "get-company-benefits",
			summary:     "Deductions",
			description: "Lists the company's deductions and contributions as the provider has them at the moment. Automated connections only.",
			answer:      reflect.TypeFor[[]perch.Deduction](), answerExample: "[" + exampleDeduction + "]",
			errors: []failure{badProvider}, handle: listDeductions,
		}),
		benefitRoute(route{
			method: http.MethodPost, path: "/employer/benefits", operation: "create-company-benefits", created: true,
			summary: "Create a deduction",
			description: "Makes a company-wide deduction or contribution. Asked again with the same type, frequency and description, the answer is the id of the one that there is. " +
				"The id can be used at once; the job says what became of it. Without a frequency it is taken from every paycheck.",
			body: reflect.TypeFor[NewDeduction](), bodyRequired: true, bodyExample: `{"type":"401k","description":"Acme 401(k)","frequency":"every_paycheck"}`,
			answer: reflect.TypeFor[DeductionWritten](), answerExample: exampleWritten,
			errors: []failure{badRequest, tooLarge, notTaken, badProvider}, handle: createDeduction,
		}),
		benefitRoute(route{
			method: http.MethodPost, path: "/employer/benefits/register", operation: "register-company-benefits", created: true,
			summary:     "Register a deduction",
			description: "Makes a deduction known that the employer has set up already. Assisted connections only.",
			body:        reflect.TypeFor[NewDeduction](), bodyRequired: true, bodyExample: `{"type":"401k","description":"Acme 401(k)","frequency":"every_paycheck"}`,
			answer: reflect.TypeFor[DeductionWritten](), answerExample: exampleWritten,
			errors: []failure{badRequest, tooLarge, notTaken}, handle: registerDeduction,
		}),
		benefitRoute(route{
			method: http.MethodGet, path: "/employer/benefits/meta", operation: "get-company-benefits-meta",
			summary:     "What the provider takes",
			description: "Says in which forms the connection's provider takes each benefit type. Null means that nothing is known.",
			answer:      reflect.TypeFor[[]deduction.Feature](), answerExample: exampleFeatures, handle: deductionFeatures,
		}),
		benefitRoute(route{
			method: http.MethodGet, path: "/employer/benefits/{benefit_id}", operation: "get-company-benefit",
			summary: "Deduction", description: "Reads one deduction as the provider has it at the moment. Automated connections only.",
			params: []param{benefitParam}, answer: reflect.TypeFor[perch.Deduction](), answerExample: exampleDeduction,
			errors: []failure{noBenefit, badProvider}, handle: getDeduction,
		}),
		benefitRoute(route{
			method: http.MethodPost, path: "/employer/benefits/{benefit_id}", operation: "update-company-benefits",
			summary: "Change a deduction", description: "Gives a deduction another description.",
			params: []param{benefitParam}, body: reflect.TypeFor[DeductionChange](), bodyRequired: true, bodyExample: `{"description":"Acme 401(k) plan"}`,
			answer: reflect.TypeFor[DeductionWritten](), answerExample: exampleWritten,
			errors: []failure{badRequest, tooLarge, noBenefit, notTaken, badProvider}, handle: updateDeduction,
		}),
		benefitRoute(route{
			method: http.MethodGet, path: "/employer/benefits/{benefit_id}/enrolled", operation: "get-company-benefits-enrolled",
			summary: "Enrolled individuals", description: "Lists who is enrolled in a deduction at the moment. Automated connections only.",
			params: []param{benefitParam}, answer: reflect.TypeFor[EnrolledIndividuals](),
			answerExample: `{"benefit_id":"` + exampleID + `","individual_ids":["0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"]}`,
			errors:        []failure{noBenefit, badProvider}, handle: listEnrolled,
		}),
		benefitRoute(route{
			method: http.MethodGet, path: "/employer/benefits/{benefit_id}/individuals", operation: "get-individual-benefits", also: []int{http.StatusMultiStatus},
			summary: "Enrollments",
			description: "Reads the enrolments of individuals, or of everybody who is enrolled, as they are at the moment. Entries come back in the order of the request, each with a status of its own; " +
				"if one is an error, the answer is a 207. Automated connections only.",
			params: []param{benefitParam, {name: "individual_ids", in: "query", kind: kindIDs, description: "Only these individuals."}},
			answer: reflect.TypeFor[[]IndividualDeduction](), answerExample: exampleEnrolments,
			errors: []failure{noBenefit, badProvider}, handle: getEnrolments,
		}),
		benefitRoute(route{
			method: http.MethodPost, path: "/employer/benefits/{benefit_id}/individuals", operation: "post-employer-individual-benefits-benefit_id",
			summary: "Enroll individuals",
			description: "Enrolls individuals in a deduction, or replaces the whole of their enrolments. All entries are checked before anything is written: fixed amounts are cents, percentages and tiers basis points. " +
				"The job has a line for each individual. Automated connections ignore effective_date.",
			params: []param{benefitParam}, body: reflect.TypeFor[[]EnrolmentRequest](), bodyRequired: true,
			bodyExample: `[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","configuration":{"employee_deduction":{"type":"percent","amount":600},"company_contribution":{"type":"fixed","amount":10000}}}]`,
			answer:      reflect.TypeFor[JobQueued](), answerExample: `{"job_id":"` + exampleID + `"}`,
			errors: []failure{badRequest, tooLarge, manyAtOnce, noBenefit, notTaken, badProvider}, handle: enrol,
		}),
		benefitRoute(route{
			method: http.MethodDelete, path: "/employer/benefits/{benefit_id}/individuals", operation: "delete-individual-benefits",
			summary: "Unenroll individuals", description: "Ends the enrolments of individuals. The job has a line for each of them.",
			params: []param{benefitParam}, body: reflect.TypeFor[UnenrolmentRequest](), bodyRequired: true, bodyExample: `{"individual_ids":["0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"]}`,
			answer: reflect.TypeFor[JobQueued](), answerExample: `{"job_id":"` + exampleID + `"}`,
			errors: []failure{badRequest, tooLarge, manyAtOnce, noBenefit, notTaken, badProvider}, handle: unenrol,
		}),
		{
			method: http.MethodGet, path: "/jobs/manual/{job_id}", operation: "get-jobs-manual-job_id", tag: tagManagement,
			summary:     "Job on deductions",
			description: "Reads a job on deductions, automated or assisted: pending, in_progress, complete or error. Once it is over, the body has a line for each individual.",
			auth:        authBearer, version: versionRequired,
			params: []param{{name: "job_id", in: "path", kind: kindID, required: true, description: "Id of the job.", example: exampleID}},
			answer: reflect.TypeFor[perch.ManualJob](), answerExample: exampleManualJob,
			errors: []failure{{perch.NameNotFound, "item_not_found"}}, handle: getManualJob,
		},
	}
}

// benefit reads the id in the path. An id of any form is an address without a thing behind it.
func (c *call) benefit() (perch.ID, error) {
	id, err := perch.ParseID(c.r.PathValue("benefit_id"))
	if err != nil {
		return id, perch.NotFound("benefit_not_found", "Benefit not found")
	}
	return id, nil
}

// live sends what was read from the provider just now.
func (c *call) live(status int, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	now := time.Now()
	c.describe(access.Publication{RetrievedAt: now, AttemptedAt: now, Result: access.ResultSuccess})
	c.write(status, body)
	return nil
}

func listDeductions(c *call) error {
	list, err := c.api.Deductions.List(c.r.Context(), c.grant, c.entity)
	if err != nil {
		return err
	}
	return c.live(http.StatusOK, append([]perch.Deduction{}, list...))
}

func deductionFeatures(c *call) error {
	list, err := c.api.Deductions.Meta(c.r.Context(), c.grant, c.entity)
	if err != nil {
		return err
	}
	return c.live(http.StatusOK, list)
}

func getDeduction(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	found, err := c.api.Deductions.Get(c.r.Context(), c.grant, c.entity, id)
	if err != nil {
		return err
	}
	return c.live(http.StatusOK, found)
}

func listEnrolled(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	list, err := c.api.Deductions.Enrolments(c.r.Context(), c.grant, c.entity, id)
	if err != nil {
		return err
	}
	answer := EnrolledIndividuals{BenefitID: id, IndividualIDs: make([]perch.ID, len(list))}
	for i, one := range list {
		answer.IndividualIDs[i] = one.IndividualID
	}
	return c.live(http.StatusOK, answer)
}

func getEnrolments(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	var individuals []string
	err = c.query.each("individual_ids", func(value string) error {
		if value != "" {
			individuals = append(individuals, value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	list, err := c.api.Deductions.Individuals(c.r.Context(), c.grant, c.entity, id, individuals)
	if err != nil {
		return err
	}
	answer, status := make([]IndividualDeduction, len(list)), http.StatusOK
	for i, one := range list {
		answer[i] = IndividualDeduction{IndividualID: one.IndividualID, Code: http.StatusOK, Body: deductionOrErr{enrolment: one.Enrolment, err: one.Err}}
		if one.Err != nil {
			answer[i].Code, status = apierror.Status(one.Err), http.StatusMultiStatus
		}
	}
	return c.live(status, answer)
}

// posted decodes a body and sends what write answers.
func posted[T any](c *call, status int, read func(s *scanner) (T, error), write func(request T) (any, error)) error {
	request, err := decoded(c, read)
	if err != nil {
		return err
	}
	written, err := write(request)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(written)
	if err != nil {
		return err
	}
	c.write(status, answer)
	return nil
}

func createDeduction(c *call) error {
	return posted(c, http.StatusCreated, readDeduction, func(d perch.Deduction) (any, error) {
		written, err := c.api.Deductions.Create(c.r.Context(), c.grant, c.entity, d)
		return DeductionWritten(written), err
	})
}

func registerDeduction(c *call) error {
	return posted(c, http.StatusCreated, readDeduction, func(d perch.Deduction) (any, error) {
		written, err := c.api.Deductions.Register(c.r.Context(), c.grant, c.entity, d)
		return DeductionWritten(written), err
	})
}

func updateDeduction(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	return posted(c, http.StatusOK, readDescription, func(description string) (any, error) {
		written, err := c.api.Deductions.Update(c.r.Context(), c.grant, c.entity, id, description)
		return DeductionWritten(written), err
	})
}

func enrol(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	return posted(c, http.StatusOK, readEnrolments, func(people []deduction.Person) (any, error) {
		written, err := c.api.Deductions.Enrol(c.r.Context(), c.grant, c.entity, id, people)
		return JobQueued{written.JobID}, err
	})
}

func unenrol(c *call) error {
	id, err := c.benefit()
	if err != nil {
		return err
	}
	return posted(c, http.StatusOK, readUnenrolment, func(individuals []string) (any, error) {
		written, err := c.api.Deductions.Unenrol(c.r.Context(), c.grant, c.entity, id, individuals)
		return JobQueued{written.JobID}, err
	})
}

// getManualJob answers 404 for an id of any form: an address without a thing behind it.
func getManualJob(c *call) error {
	text := c.r.PathValue("job_id")
	id, err := perch.ParseID(text)
	if err != nil {
		return deduction.NoJob(text)
	}
	job, err := c.api.Deductions.Job(c.r.Context(), c.grant, id)
	if err != nil {
		return err
	}
	return c.encode(job)
}
