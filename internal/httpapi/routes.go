package httpapi

import (
	"net/http"
	"reflect"
	"slices"

	perch "github.com/perchhq/perch"
)

// The sizes of batches and pages are those of the contract.
const (
	maxIndividuals = 10_000
	maxPayments    = 10
	maxDirectory   = 10_000
	maxStatements  = 5_000
	defaultPage    = 100
)

// Rate limits per minute, as the published table has them.
const (
	organizationPerMinute = 20
	payrollPerMinute      = 12
)

// routes returns the API. Operations of one tag stand together; the reference keeps this order.
func routes() []route {
	return slices.Concat(organizationRoutes(), payrollRoutes(), itemsRoutes(), documentRoutes(), deductionRoutes(), connectRoutes(), eventRoutes(), jobsRoutes(), webhookRoutes(), sandboxRoutes(), triggerRoutes(), otherRoutes())
}

func organizationRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/employer/company", operation: "get-company", tag: tagOrganization,
			summary:     "Company",
			description: "Reads the employer itself: legal name and form, departments, locations and the bank accounts that it pays from.",
			auth:        authBearer, version: versionRequired, product: perch.ProductCompany,
			limit: rateLimit{"company", organizationPerMinute}, entities: true, dataHeaders: true,
			answer: reflect.TypeFor[perch.Company](), answerExample: exampleCompany,
			handle: getCompany,
		},
		{
			method: http.MethodGet, path: "/employer/directory", operation: "get-directory", tag: tagOrganization,
			summary:     "Directory",
			description: "Lists everyone the employment system knows, leavers included, with manager and department. The order is the same on every call, so that pages can be read one after the other.",
			auth:        authBearer, version: versionRequired, product: perch.ProductDirectory,
			limit: rateLimit{"directory", organizationPerMinute}, entities: true, dataHeaders: true,
			params: []param{
				{name: "limit", in: "query", kind: kindInteger, fallback: defaultPage, max: maxDirectory, page: true, description: "How many people to return.", example: "100"},
				{name: "offset", in: "query", kind: kindInteger, max: maxInteger, description: "Position of the first person to return.", example: "0"},
				{name: "modified_after", in: "query", kind: kindTime, description: modifiedAfter, example: "2026-03-01T12:00:00.000Z"},
			},
			answer: reflect.TypeFor[DirectoryPage](), answerExample: exampleDirectory,
			errors: []failure{{perch.NameUnprocessableEntity, "page_size_limit_exceeded"}},
			handle: getDirectory,
		},
		{
			method: http.MethodPost, path: "/employer/individual", operation: "get-individual", tag: tagOrganization,
			summary:     "Individual",
			description: "Reads people by their ids, up to 10,000 at once: names, contact data, date of birth, residence. Social security numbers are sent to tokens with the ssn product that ask for them with options.include. Entries come back in the order of the request, each with a status of its own.",
			auth:        authBearer, version: versionRequired, product: perch.ProductIndividual,
			limit: rateLimit{"individual", organizationPerMinute}, entities: true, dataHeaders: true,
			body: reflect.TypeFor[IndividualsRequest](), bodyRequired: true, bodyExample: exampleIndividualsRequest,
			answer: reflect.TypeFor[IndividualsResponse](), answerExample: exampleIndividuals,
			errors: []failure{{perch.NameUnprocessableEntity, "batch_limit_exceeded"}, {perch.NameInvalidRequest, "request_too_large"}},
			handle: getIndividuals,
		},
		{
			method: http.MethodPost, path: "/employer/employment", operation: "get-employment", tag: tagOrganization,
			summary:     "Employment",
			description: "Reads the jobs of people by their ids, up to 10,000 at once: title, manager, status, dates, place of work and income. Entries come back in the order of the request, each with a status of its own.",
			auth:        authBearer, version: versionRequired, product: perch.ProductEmployment,
			limit: rateLimit{"employment", organizationPerMinute}, entities: true, dataHeaders: true,
			body: reflect.TypeFor[EmploymentsRequest](), bodyRequired: true, bodyExample: exampleEmploymentsRequest,
			answer: reflect.TypeFor[EmploymentsResponse](), answerExample: exampleEmployments,
			errors: []failure{{perch.NameUnprocessableEntity, "batch_limit_exceeded"}, {perch.NameInvalidRequest, "request_too_large"}},
			handle: getEmployments,
		},
	}
}

func payrollRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/employer/payment", operation: "get-payment", tag: tagPayroll,
			summary:     "Payment",
			description: "Lists the pay runs whose pay date lies between two days, both inclusive, with their totals and the people who were paid.",
			auth:        authBearer, version: versionRequired, product: perch.ProductPayment,
			limit: rateLimit{"payment", payrollPerMinute}, entities: true, dataHeaders: true,
			params: []param{
				{name: "start_date", in: "query", kind: kindDate, required: true, description: "First pay date, as YYYY-MM-DD.", example: "2024-01-01"},
				{name: "end_date", in: "query", kind: kindDate, required: true, description: "Last pay date, as YYYY-MM-DD.", example: "2024-12-31"},
				{name: "modified_after", in: "query", kind: kindTime, description: modifiedAfter, example: "2026-03-01T12:00:00.000Z"},
			},
			answer: reflect.TypeFor[[]perch.Payment](), answerExample: examplePayments,
			handle: getPayments,
		},
		{
			method: http.MethodPost, path: "/employer/pay-statement", operation: "get-pay-statement", tag: tagPayroll,
			summary:     "Pay statement",
			description: "Reads the pay slips of up to 10 payments: gross and net pay, earnings, taxes, deductions and contributions, in cents. Each payment is paged by itself. A payment whose statements are still being fetched gets an entry with code 202.",
			auth:        authBearer, version: versionRequired, product: perch.ProductPayStatement,
			limit: rateLimit{"pay-statement", payrollPerMinute}, entities: true, dataHeaders: true,
			body: reflect.TypeFor[PayStatementsRequest](), bodyRequired: true, bodyExample: exampleStatementsRequest,
			answer: reflect.TypeFor[PayStatementsResponse](), answerExample: exampleStatements,
			errors: []failure{{perch.NameUnprocessableEntity, "batch_limit_exceeded"}, {perch.NameUnprocessableEntity, "page_size_limit_exceeded"},
				{perch.NameInvalidRequest, "request_too_large"}},
			handle: getPayStatements,
		},
		{
			method: http.MethodGet, path: "/employer/pay-groups", operation: "get-all-pay-groups", tag: tagPayroll,
			summary:     "Pay groups",
			description: "Lists the groups of people who are paid together, all of them or those of one person or of some pay frequencies.",
			// The published permissions do not say which product pay groups belong to; they come with payments.
			auth: authBearer, version: versionRequired, product: perch.ProductPayment,
			limit: rateLimit{"pay-groups", payrollPerMinute}, entities: true, dataHeaders: true,
			params: []param{
				{name: "individual_id", in: "query", kind: kindID, description: "Only the pay groups of this individual."},
				{name: "pay_frequencies", in: "query", kind: kindEnums, values: texts(perch.PayFrequency("").Values()), description: "Only pay groups with one of these frequencies."},
			},
			answer: reflect.TypeFor[[]perch.PayGroupSummary](), answerExample: examplePayGroups,
			handle: getPayGroups,
		},
		{
			method: http.MethodGet, path: "/employer/pay-groups/{pay_group_id}", operation: "get-pay-group", tag: tagPayroll,
			summary:     "Pay group",
			description: "Reads one pay group with its members.",
			auth:        authBearer, version: versionRequired, product: perch.ProductPayment,
			limit: rateLimit{"pay-groups", payrollPerMinute}, entities: true, dataHeaders: true,
			params: []param{{name: "pay_group_id", in: "path", kind: kindID, required: true, description: "Id of the pay group.", example: exampleID}},
			answer: reflect.TypeFor[perch.PayGroup](), answerExample: examplePayGroup,
			errors: []failure{{perch.NameNotFound, "item_not_found"}},
			handle: getPayGroup,
		},
	}
}

func otherRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/providers", operation: "get-providers", tag: tagManagement,
			summary:     "Providers",
			description: "Lists the employment systems that can be connected, how, and with which products and fields. With a token, the list is that of the token's application.",
			auth:        authOptionalBearer, version: versionRequired,
			answer: reflect.TypeFor[[]perch.Provider](), answerExample: exampleProviders,
			handle: getProviders,
		},
		{
			method: http.MethodGet, path: "/introspect", operation: "get-introspect", tag: tagManagement,
			summary:     "Introspect",
			description: "Says what an access token stands for: its connection, the connection's status and entities, and the products granted.",
			auth:        authBearer, version: versionRequired,
			answer: reflect.TypeFor[perch.Introspection](), answerExample: exampleIntrospection,
			handle: introspect,
		},
		{
			method: http.MethodPost, path: "/disconnect", operation: "post-disconnect", tag: tagManagement,
			summary:     "Disconnect",
			description: "Ends the token's connection for good. Every token of the connection stops working, and its data becomes unreadable.",
			auth:        authBearer, version: versionRequired,
			answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"success"}`,
			handle: disconnect,
		},
		disconnectEntityRoute(),
		tokenRoute(),
		{
			method: http.MethodPost, path: "/sandbox/connections", operation: "post-sandbox-connections", tag: tagSandbox,
			summary:     "Create a sandbox connection",
			description: "Makes a simulated employer at a provider, with its people and payroll, and returns an access token to it. The token is shown this once. Give the client id and secret of a sandbox application as user name and password.",
			auth:        authBasic, version: versionOptional,
			body: reflect.TypeFor[SandboxConnectionRequest](), bodyRequired: true, bodyExample: exampleSandboxRequest,
			answer: reflect.TypeFor[SandboxConnectionCreated](), answerExample: exampleSandboxConnection,
			errors: []failure{{perch.NameInvalidRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}},
			handle: createSandboxConnection,
		},
		{
			method: http.MethodGet, path: "/healthz", operation: "get-health", tag: tagSystem,
			summary: "Liveness", description: "Answers as long as the process runs.",
			answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"ok"}`,
			handle: healthy,
		},
		{
			method: http.MethodGet, path: "/readyz", operation: "get-readiness", tag: tagSystem,
			summary: "Readiness", description: "Answers 200 when the database answers and jobs run, and 503 with the status \"unavailable\" otherwise.",
			answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"ready"}`,
			handle: ready,
		},
		{
			method: http.MethodGet, path: "/openapi.json", operation: "get-openapi", tag: tagSystem,
			summary: "API description", description: "This reference for programs, as OpenAPI 3.1.",
			handle: showOpenAPI,
		},
		{
			method: http.MethodGet, path: "/docs", operation: "get-docs", tag: tagSystem,
			summary: "Reference", description: "This reference for people.",
			handle: showReference,
		},
	}
}

// Tags, in the order of the reference.
const (
	tagOrganization = "Organization"
	tagPayroll      = "Payroll"
	tagDocuments    = "Documents"
	tagDeductions   = "Deductions"
	tagConnect      = "Connect"
	tagEvents       = "Events"
	tagManagement   = "Management"
	tagWebhooks     = "Webhooks"
	tagSandbox      = "Sandbox"
	tagSystem       = "System"
)

var tags = []string{tagOrganization, tagPayroll, tagDocuments, tagDeductions, tagConnect, tagEvents, tagManagement, tagWebhooks, tagSandbox, tagSystem}

// entityParam is the parameter of all routes with entities.
var entityParam = param{name: "entity_ids", in: "query", kind: kindIDs, max: 1,
	description: "The entity to read, one at most. Left out, the first entity of the token is read."}

func texts[E ~string](values []E) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

// failures returns how the operation can fail, each way once, in the order of the checks.
func (r *route) failures() []failure {
	var list []failure
	switch r.auth {
	case authBearer:
		list = append(list, failure{perch.NameUnauthorized, ""}, failure{perch.NameInvalidToken, ""})
	case authOptionalBearer:
		list = append(list, failure{perch.NameInvalidToken, ""})
	case authBasic:
		list = append(list, failure{perch.NameInvalidClient, ""})
	}
	if r.version == versionRequired {
		list = append(list, failure{perch.NameInvalidRequest, "invalid_request"})
	}
	if r.product != "" {
		list = append(list, failure{perch.NameInsufficientScope, ""})
	}
	if r.limit.perMinute > 0 {
		list = append(list, failure{perch.NameRateLimitExceeded, "finch_application_rl"})
	}
	for _, f := range r.errors {
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	if r.dataHeaders {
		list = append(list, failure{perch.NameSyncInProgress, "data_sync_in_progress"},
			failure{perch.NameAuthorizationPending, "pending"}, failure{perch.NameAuthorizationPending, "accountant_setup_pending"},
			failure{perch.NameAuthentication, "reauthenticate_user"}, failure{perch.NameAuthentication, "account_setup_required"},
			failure{perch.NamePermissions, "insufficient_account_permissions"})
	}
	return list
}
