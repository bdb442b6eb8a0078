package httpapi

import (
	"context"
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/sandbox"
)

// SandboxControls bend simulated employers. What they change is seen by reads after the next sync. Each
// call is all or nothing, and its errors name the field at fault; connections that are not simulated are
// refused.
type SandboxControls interface {
	CreateAccount(ctx context.Context, app *access.Application, request sandbox.AccountRequest) (sandbox.Account, error)
	// UpdateAccount moves the account to a status, at once; nil leaves it.
	UpdateAccount(ctx context.Context, grant *access.Grant, entity *access.Entity, status *perch.ConnectionStatus) (sandbox.Account, error)
	EditCompany(ctx context.Context, grant *access.Grant, entity *access.Entity, edit sandbox.CompanyEdit) (perch.Company, error)
	AddPeople(ctx context.Context, grant *access.Grant, entity *access.Entity, edits []sandbox.PersonEdit) ([]sandbox.Person, error)
	EditPerson(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, edit sandbox.PersonEdit) (sandbox.Person, error)
	AddPayment(ctx context.Context, grant *access.Grant, entity *access.Entity, request sandbox.PaymentRequest) (sandbox.PaymentAdded, error)
	Refresh(ctx context.Context, grant *access.Grant) (automated.Requested, error)
	JobConfigurations(ctx context.Context, grant *access.Grant) ([]sandbox.JobConfiguration, error)
	ConfigureJobs(ctx context.Context, grant *access.Grant, configuration sandbox.JobConfiguration) error
}

// badEdit are the errors of everything in the sandbox that takes a body, badData those of edits of data.
var (
	badEdit = []failure{{perch.NameInvalidRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}}
	badData = append([]failure{{perch.NameUnprocessableEntity, "edit_limit_exceeded"}}, badEdit...)
)

const (
	// exampleSandboxAccount is open at its end.
	exampleSandboxAccount = `{"connection_id":"` + exampleID + `","entity_id":"` + exampleID + `","company_id":"` + exampleID + `","account_id":"` + exampleID +
		`","provider_id":"gusto","authentication_type":"oauth","products":["company","directory"]`
	exampleConfiguration = `{"type":"data_sync_all","completion_status":"reauth_error"}`
	exampleSandboxPerson = `{"id":"` + exampleID + `","first_name":"Ada","middle_name":null,"last_name":"Byron","preferred_name":null,"emails":null,"phone_numbers":null,
"gender":null,"ethnicity":null,"marital_status":null,"dob":null,"residence":null,"title":null,"manager":null,"department":null,
"employment":{"type":"employee","subtype":"full_time"},"start_date":null,"end_date":null,"latest_rehire_date":null,"is_active":true,"employment_status":null,
"flsa_status":null,"class_code":null,"location":null,"income":null,"income_history":null,"custom_fields":null,"union_code":null,"union_local":null,
"highly_compensated_employee":null,"key_employee":null,"source_id":"emp_1021","work_id":"1021"}`
)

const afterSync = " Reads show it after the next sync; POST /sandbox/jobs starts one. Fields that the provider does not supply stay null."

var individualParam = param{name: "individual_id", in: "path", kind: kindID, required: true, description: "Id of the individual.", example: exampleID}

func sandboxRoutes() []route {
	return append(sandboxAccountRoutes(), sandboxDataRoutes()...)
}

func sandboxAccountRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/sandbox/connections/accounts", operation: "post-sandbox-connections-accounts", tag: tagSandbox,
			summary:     "Create a sandbox account",
			description: "Adds an account to the connection of a company at a provider, and returns an access token to it, shown this once. It begins with the same people as the connection's first account. A connection may have three accounts.",
			auth:        authBasic, version: versionOptional,
			body: reflect.TypeFor[SandboxAccountRequest](), bodyRequired: true, bodyExample: `{"company_id":"` + exampleID + `","provider_id":"gusto","products":["company","directory"]}`,
			answer: reflect.TypeFor[sandbox.Account](), answerExample: exampleSandboxAccount + `,"access_token":"u2nD3JqVbR8y0mC5tL1sXwZ4kE7hG9pA6fQiToYc"}`,
			errors: append([]failure{{perch.NameUnprocessableEntity, "account_limit_exceeded"}}, badEdit...),
			handle: createSandboxAccount,
		},
		{
			method: http.MethodPut, path: "/sandbox/connections/accounts", operation: "put-sandbox-connections-accounts", tag: tagSandbox,
			summary:     "Update a sandbox account",
			description: "Moves an account to a status, at once. It stays there, whatever its syncs bring, until it is moved again or authorised anew. An account that becomes connected for the first time, or after it was pending, gets its data before the answer.",
			auth:        authBearer, version: versionOptional, entities: true,
			body: reflect.TypeFor[SandboxAccountUpdate](), bodyExample: `{"connection_status":"reauth"}`,
			answer: reflect.TypeFor[sandbox.Account](), answerExample: exampleSandboxAccount + "}",
			errors: badEdit, handle: updateSandboxAccount,
		},
		{
			method: http.MethodPost, path: "/sandbox/jobs", operation: "post-sandbox-job", tag: tagSandbox,
			summary:     "Start a sandbox sync",
			description: "Reads the simulated employer anew, so that reads show what was changed in it. It counts like a refresh by POST /jobs/automated. A sync under way that may have missed a change is waited for first. Assisted connections have no jobs: job_id and job_url are null, and the data is there with the answer.",
			auth:        authBearer, version: versionOptional, also: []int{http.StatusTooManyRequests},
			body: reflect.TypeFor[SandboxJobRequest](), bodyRequired: true, bodyExample: `{"type":"data_sync_all"}`,
			answer: reflect.TypeFor[SandboxJob](), answerExample: `{"job_id":"` + exampleID + `","job_url":"https://perch.example.com/jobs/automated/` + exampleID + `","allowed_refreshes":10,"remaining_refreshes":9}`,
			errors: badEdit, handle: startSandboxJob,
		},
		{
			method: http.MethodGet, path: "/sandbox/jobs/configuration", operation: "get-sandbox-jobs-configuration", tag: tagSandbox,
			summary:     "Job configurations",
			description: "Says how jobs on this connection end, by type.",
			auth:        authBearer, version: versionOptional,
			answer: reflect.TypeFor[[]sandbox.JobConfiguration](), answerExample: `[` + exampleConfiguration + `]`,
			errors: []failure{{perch.NameInvalidRequest, "invalid_request"}}, handle: getJobConfigurations,
		},
		{
			method: http.MethodPut, path: "/sandbox/jobs/configuration", operation: "put-sandbox-jobs-configuration", tag: tagSandbox,
			summary:     "Configure jobs",
			description: "Says how jobs of a type on this connection end from now on, until it is said anew. The status of the connection follows, as it would if the provider had failed.",
			auth:        authBearer, version: versionOptional,
			body: reflect.TypeFor[sandbox.JobConfiguration](), bodyRequired: true, bodyExample: exampleConfiguration,
			answer: reflect.TypeFor[sandbox.JobConfiguration](), answerExample: exampleConfiguration,
			errors: badEdit, handle: configureJobs,
		},
	}
}

func sandboxDataRoutes() []route {
	return []route{
		{
			method: http.MethodPut, path: "/sandbox/company", operation: "put-sandbox-company", tag: tagSandbox,
			summary:     "Update a sandbox company",
			description: "Changes the fields of the company that the body names; null empties a field, lists and objects are replaced whole. The answer is the company as it is now." + afterSync,
			auth:        authBearer, version: versionOptional, entities: true,
			body: reflect.TypeFor[SandboxCompany](), bodyRequired: true, bodyExample: `{"legal_name":"Acme Widgets, Inc.","primary_email":null}`,
			answer: reflect.TypeFor[SandboxCompany](), answerExample: "{" + exampleCompanyFields,
			errors: badData, handle: editSandboxCompany,
		},
		{
			method: http.MethodPost, path: "/sandbox/directory", operation: "post-sandbox-directory", tag: tagSandbox,
			summary:     "Add individuals",
			description: "Adds up to 10,000 people at once, all or none. Each takes the fields of an individual and of an employment, all of them optional; what is left out is null. The answer lists them with their ids." + afterSync,
			auth:        authBearer, version: versionOptional, entities: true,
			body: reflect.TypeFor[[]SandboxPersonEdit](), bodyExample: `[{"first_name":"Ada","last_name":"Byron","employment":{"type":"employee","subtype":"full_time"},"is_active":true}]`,
			answer: reflect.TypeFor[[]SandboxPerson](), answerExample: `[` + exampleSandboxPerson + `]`,
			errors: badData, handle: addSandboxPeople,
		},
		{
			method: http.MethodPut, path: "/sandbox/individual/{individual_id}", operation: "put-sandbox-individual-individual_id", tag: tagSandbox,
			summary:     "Update a sandbox individual",
			description: "Changes the fields of the individual that the body names; null empties a field, lists and objects are replaced whole. Names belong to the employment, too." + afterSync,
			auth:        authBearer, version: versionOptional, entities: true, params: []param{individualParam},
			body: reflect.TypeFor[SandboxIndividualEdit](), bodyRequired: true, bodyExample: `{"dob":"1990-04-12","gender":null}`,
			answer: reflect.TypeFor[perch.Individual](), answerExample: exampleIndividual + "}",
			errors: append([]failure{{perch.NameNotFound, "individual_not_found"}}, badData...), handle: editSandboxIndividual,
		},
		{
			method: http.MethodPut, path: "/sandbox/employment/{individual_id}", operation: "put-sandbox-employment-individual_id", tag: tagSandbox,
			summary:     "Update a sandbox employment",
			description: "Changes the fields of the employment that the body names; null empties a field, lists and objects are replaced whole. Names belong to the individual, too." + afterSync,
			auth:        authBearer, version: versionOptional, entities: true, params: []param{individualParam},
			body: reflect.TypeFor[SandboxEmploymentEdit](), bodyRequired: true, bodyExample: `{"title":"Foreman","income":{"unit":"hourly","amount":4250,"currency":"usd","effective_date":"2024-03-01"}}`,
			answer: reflect.TypeFor[perch.Employment](), answerExample: exampleEmployment,
			errors: append([]failure{{perch.NameNotFound, "individual_not_found"}}, badData...), handle: editSandboxEmployment,
		},
		{
			method: http.MethodPost, path: "/sandbox/payment", operation: "post-sandbox-payment", tag: tagSandbox,
			summary:     "Add a payment",
			description: "Adds a pay run. All fields are optional. No taxes or earnings are made up; a statement without lines of its own has the deductions that its individual was enrolled in over the API. The totals of the payment are those of its statements." + afterSync,
			auth:        authBearer, version: versionOptional, entities: true,
			body: reflect.TypeFor[SandboxPayment](), bodyExample: `{"pay_statements":[{"individual_id":"` + exampleID + `","gross_pay":250000,"taxes":[{"type":"federal","name":"Federal Income Tax","amount":31000}]}]}`,
			answer: reflect.TypeFor[sandbox.PaymentAdded](), answerExample: `{"payment_id":"` + exampleID + `","pay_date":"2024-03-22"}`,
			errors: append([]failure{{perch.NameNotImplemented, ""}}, badData...), handle: addSandboxPayment,
		},
	}
}

// SandboxAccountRequest is the body of POST /sandbox/connections/accounts.
type SandboxAccountRequest struct {
	CompanyID          perch.ID                 `json:"company_id" doc:"Id of the connection's company."`
	ProviderID         string                   `json:"provider_id" doc:"The connection's provider."`
	AuthenticationType perch.AuthenticationType `json:"authentication_type,omitempty" doc:"That of the connection, if left out."`
	Products           []perch.Product          `json:"products,omitempty" nullable:"false" minItems:"1" doc:"Scopes of the token; company, directory, individual and employment, if left out."`
}

// SandboxAccountUpdate is the body of PUT /sandbox/connections/accounts.
type SandboxAccountUpdate struct {
	ConnectionStatus perch.ConnectionStatus `json:"connection_status,omitempty"`
}

// SandboxJobRequest is the body of POST /sandbox/jobs.
type SandboxJobRequest struct {
	Type SandboxJobType `json:"type"`
}

// SandboxJobType is what can be started and configured in the sandbox.
type SandboxJobType string

// Values lists them.
func (SandboxJobType) Values() []SandboxJobType {
	return []SandboxJobType{SandboxJobType(perch.JobDataSyncAll)}
}

// SandboxJob is the answer of POST /sandbox/jobs. Assisted connections have no job.
type SandboxJob struct {
	JobID     *perch.ID `json:"job_id"`
	JobURL    *string   `json:"job_url"`
	Allowed   int       `json:"allowed_refreshes" doc:"How many refreshes the connection may have in an hour."`
	Remaining int       `json:"remaining_refreshes" doc:"How many of them remain."`
}

// SandboxCompany is a company without its id.
type SandboxCompany struct {
	LegalName          *string             `json:"legal_name"`
	Entity             *perch.LegalEntity  `json:"entity"`
	PrimaryEmail       *string             `json:"primary_email"`
	PrimaryPhoneNumber *string             `json:"primary_phone_number"`
	Departments        []perch.Department  `json:"departments"`
	EIN                *string             `json:"ein"`
	Locations          []perch.Location    `json:"locations"`
	Accounts           []perch.BankAccount `json:"accounts"`
}

// SandboxPerson is a person with the job.
type SandboxPerson struct {
	perch.Individual
	Title                     *string                 `json:"title"`
	Manager                   *perch.Reference        `json:"manager"`
	Department                *perch.DepartmentName   `json:"department"`
	Employment                *perch.EmploymentKind   `json:"employment"`
	StartDate                 *perch.Date             `json:"start_date"`
	EndDate                   *perch.Date             `json:"end_date"`
	LatestRehireDate          *perch.Date             `json:"latest_rehire_date"`
	IsActive                  *bool                   `json:"is_active"`
	EmploymentStatus          *perch.EmploymentStatus `json:"employment_status"`
	FLSAStatus                *perch.FLSAStatus       `json:"flsa_status"`
	ClassCode                 *string                 `json:"class_code"`
	Location                  *perch.Location         `json:"location"`
	Income                    *perch.Income           `json:"income"`
	IncomeHistory             []perch.Income          `json:"income_history"`
	CustomFields              []perch.CustomField     `json:"custom_fields"`
	UnionCode                 *string                 `json:"union_code"`
	UnionLocal                *string                 `json:"union_local"`
	HighlyCompensatedEmployee *bool                   `json:"highly_compensated_employee"`
	KeyEmployee               *bool                   `json:"key_employee"`
	SourceID                  *string                 `json:"source_id"`
	WorkID                    *string                 `json:"work_id"`
}

// Bodies of edits, whose fields are all optional.
type (
	SandboxIndividualEdit perch.Individual
	SandboxEmploymentEdit perch.Employment
	SandboxPersonEdit     SandboxPerson
)

func decoded[T any](c *call, read func(s *scanner) (T, error)) (value T, err error) {
	body, err := c.body()
	if err != nil {
		return value, err
	}
	defer body.release()
	return whole(body.b, read)
}

func createSandboxAccount(c *call) error {
	request, err := decoded(c, func(s *scanner) (r sandbox.AccountRequest, err error) {
		return r, s.fields([]field{
			{"company_id", true, func() (err error) { r.CompanyID, err = s.uuid(); return err }},
			{"provider_id", true, func() (err error) { r.ProviderID, err = s.name(); return err }},
			{"authentication_type", false, func() error { return optional(s, &r.AuthenticationType, enumOf[perch.AuthenticationType](s)) }},
			{"products", false, func() error {
				return optional(s, &r.Products, func() ([]perch.Product, error) { return s.someProducts("those of the organization") })
			}},
		})
	})
	if err != nil {
		return err
	}
	made, err := c.api.Controls.CreateAccount(c.r.Context(), c.app, request)
	if err != nil {
		return err
	}
	return c.encode(made)
}

func updateSandboxAccount(c *call) error {
	status, err := decoded(c, func(s *scanner) (status *perch.ConnectionStatus, err error) {
		if len(s.data) == 0 || s.null() {
			return nil, nil
		}
		err = s.fields([]field{nullable(s, "connection_status", &status, s.connectionStatus)})
		return status, err
	})
	if err != nil {
		return err
	}
	account, err := c.api.Controls.UpdateAccount(c.r.Context(), c.grant, c.entity, status)
	if err != nil {
		return err
	}
	return c.encode(account)
}

// connectionStatus reads a status. The published documentation calls one of them otherwise.
func (s *scanner) connectionStatus() (perch.ConnectionStatus, error) {
	at := s.pos
	if text, err := s.text(); err == nil && string(text) == "error_reauth" {
		return perch.StatusReauth, nil
	}
	s.pos = at
	return enum(s, settable)
}

// settable are the statuses that an account can be moved to.
var settable = []perch.ConnectionStatus{perch.StatusPending, perch.StatusProcessing, perch.StatusConnected,
	perch.StatusNoAccountSetup, perch.StatusPermissions, perch.StatusReauth}

func startSandboxJob(c *call) error {
	_, err := decoded(c, func(s *scanner) (kind SandboxJobType, err error) {
		return kind, s.fields([]field{{"type", true, func() (err error) { kind, err = enumOf[SandboxJobType](s)(); return err }}})
	})
	if err != nil {
		return err
	}
	requested, err := c.api.Controls.Refresh(c.r.Context(), c.grant)
	if err != nil {
		return err
	}
	if requested.Outcome == automated.Refused {
		return c.requested(requested)
	}
	answer := SandboxJob{Allowed: requested.Quota.Allowed, Remaining: requested.Quota.Remaining}
	if !requested.JobID.IsZero() {
		url := c.jobURL(requested.JobID)
		answer.JobID, answer.JobURL = &requested.JobID, &url
	}
	return c.encode(answer)
}

func getJobConfigurations(c *call) error {
	list, err := c.api.Controls.JobConfigurations(c.r.Context(), c.grant)
	if err != nil {
		return err
	}
	return c.encode(list)
}

func configureJobs(c *call) error {
	configuration, err := decoded(c, func(s *scanner) (v sandbox.JobConfiguration, err error) {
		return v, s.fields([]field{
			{"type", true, func() error {
				kind, err := enumOf[SandboxJobType](s)()
				v.Type = perch.JobType(kind)
				return err
			}},
			{"completion_status", true, func() (err error) {
				v.CompletionStatus, err = enumOf[sandbox.CompletionStatus](s)()
				return err
			}},
		})
	})
	if err != nil {
		return err
	}
	if err := c.api.Controls.ConfigureJobs(c.r.Context(), c.grant, configuration); err != nil {
		return err
	}
	return c.encode(configuration)
}

func editSandboxCompany(c *call) error {
	edit, err := decoded(c, readCompany)
	if err != nil {
		return err
	}
	v, err := c.api.Controls.EditCompany(c.r.Context(), c.grant, c.entity, edit)
	if err != nil {
		return err
	}
	return c.encode(SandboxCompany{LegalName: v.LegalName, Entity: v.Entity, PrimaryEmail: v.PrimaryEmail, PrimaryPhoneNumber: v.PrimaryPhoneNumber,
		Departments: v.Departments, EIN: v.EIN, Locations: v.Locations, Accounts: v.Accounts})
}

func addSandboxPeople(c *call) error {
	edits, err := decoded(c, readPeople)
	if err != nil {
		return err
	}
	added, err := c.api.Controls.AddPeople(c.r.Context(), c.grant, c.entity, edits)
	if err != nil {
		return err
	}
	people := make([]SandboxPerson, len(added))
	for i, p := range added {
		people[i] = sandboxPerson(p)
	}
	return c.encode(people)
}

func sandboxPerson(p sandbox.Person) SandboxPerson {
	e := p.Employment
	return SandboxPerson{
		Individual: p.Individual, Title: e.Title, Manager: e.Manager, Department: e.Department, Employment: e.Employment, StartDate: e.StartDate,
		EndDate: e.EndDate, LatestRehireDate: e.LatestRehireDate, IsActive: e.IsActive, EmploymentStatus: e.EmploymentStatus, FLSAStatus: e.FLSAStatus,
		ClassCode: e.ClassCode, Location: e.Location, Income: e.Income, IncomeHistory: e.IncomeHistory, CustomFields: e.CustomFields, UnionCode: e.UnionCode,
		UnionLocal: e.UnionLocal, HighlyCompensatedEmployee: e.HighlyCompensatedEmployee, KeyEmployee: e.KeyEmployee, SourceID: e.SourceID, WorkID: e.WorkID,
	}
}

func editSandboxIndividual(c *call) error {
	person, err := c.editPerson(readIndividual)
	if err != nil {
		return err
	}
	return c.encode(person.Individual)
}

func editSandboxEmployment(c *call) error {
	person, err := c.editPerson(readEmployment)
	if err != nil {
		return err
	}
	return c.encode(person.Employment)
}

// editPerson answers 404 for an id of any form.
func (c *call) editPerson(read func(s *scanner) (sandbox.PersonEdit, error)) (sandbox.Person, error) {
	edit, err := decoded(c, read)
	if err != nil {
		return sandbox.Person{}, err
	}
	text := c.r.PathValue("individual_id")
	id, err := perch.ParseID(text)
	if err != nil {
		return sandbox.Person{}, perch.NotFound("individual_not_found", "No individual with id %.60s found", text)
	}
	return c.api.Controls.EditPerson(c.r.Context(), c.grant, c.entity, id, edit)
}

func addSandboxPayment(c *call) error {
	request, err := decoded(c, func(s *scanner) (r sandbox.PaymentRequest, err error) {
		if len(s.data) == 0 {
			return r, nil
		}
		return readPayment(s)
	})
	if err != nil {
		return err
	}
	added, err := c.api.Controls.AddPayment(c.r.Context(), c.grant, c.entity, request)
	if err != nil {
		return err
	}
	return c.encode(added)
}
