package httpapi

import (
	"time"

	perch "github.com/perchhq/perch"
)

// The types below are the bodies that no type of the root package or of a use case is. Most answers
// are appended by the use cases and never built from them: they are what the API description is
// generated from, and tests hold real answers against it.

// Paging says where a page lies in the whole list.
type Paging struct {
	Count  int `json:"count" doc:"How many entries the whole list has."`
	Offset int `json:"offset" doc:"Position of the first entry of this page."`
}

// DirectoryPage is the answer of GET /employer/directory.
type DirectoryPage struct {
	Paging      Paging                 `json:"paging"`
	Individuals []perch.DirectoryEntry `json:"individuals" nullable:"false"`
}

// IndividualsRequest is the body of POST /employer/individual.
type IndividualsRequest struct {
	Requests []IndividualRequest `json:"requests" nullable:"false" maxItems:"10000"`
	Options  *IndividualOptions  `json:"options,omitempty"`
}

// IndividualOptions asks for fields that are left out otherwise, and leaves out who did not change.
type IndividualOptions struct {
	Include       []IncludedField `json:"include,omitempty" nullable:"false"`
	ModifiedAfter *time.Time      `json:"modified_after,omitempty" doc:"Only entries of individuals that changed in a publish after this time, and of ids that lead to nobody. A date stands for its beginning in UTC."`
}

// EmploymentOptions leaves out who did not change.
type EmploymentOptions struct {
	ModifiedAfter *time.Time `json:"modified_after,omitempty" doc:"Only entries of employments that changed in a publish after this time, and of ids that lead to nobody. A date stands for its beginning in UTC."`
}

// IncludedField is a field that is sent only on request.
type IncludedField string

// Values lists every such field.
func (IncludedField) Values() []IncludedField { return []IncludedField{"ssn"} }

// IndividualRequest names one individual.
type IndividualRequest struct {
	IndividualID string `json:"individual_id" doc:"Id of an individual, as the directory lists it."`
}

// IndividualsResponse is the answer of POST /employer/individual.
type IndividualsResponse struct {
	Responses []IndividualResult `json:"responses" nullable:"false"`
}

// IndividualResult is one entry of a batch, in the order of the request.
type IndividualResult struct {
	IndividualID string          `json:"individual_id"`
	Code         int             `json:"code" doc:"Reads like an HTTP status: 200, or that of the error in the body."`
	Body         individualOrErr `json:"body"`
}

// EmploymentsRequest is the body of POST /employer/employment.
type EmploymentsRequest struct {
	Requests []IndividualRequest `json:"requests" nullable:"false" maxItems:"10000"`
	Options  *EmploymentOptions  `json:"options,omitempty"`
}

// EmploymentsResponse is the answer of POST /employer/employment.
type EmploymentsResponse struct {
	Responses []EmploymentResult `json:"responses" nullable:"false"`
}

// EmploymentResult is one entry of a batch, in the order of the request.
type EmploymentResult struct {
	IndividualID string          `json:"individual_id"`
	Code         int             `json:"code" doc:"Reads like an HTTP status: 200, or that of the error in the body."`
	Body         employmentOrErr `json:"body"`
}

// PayStatementsRequest is the body of POST /employer/pay-statement.
type PayStatementsRequest struct {
	Requests []PaymentRequest `json:"requests" nullable:"false" minItems:"1" maxItems:"10"`
}

// PaymentRequest names a payment and a page of its statements.
type PaymentRequest struct {
	PaymentID string `json:"payment_id" doc:"Id of a payment, as GET /employer/payment lists it."`
	Limit     int    `json:"limit,omitempty" default:"100" minimum:"0" maximum:"5000" doc:"How many statements to return."`
	Offset    int    `json:"offset,omitempty" default:"0" minimum:"0" doc:"Position of the first statement to return."`
}

// PayStatementsResponse is the answer of POST /employer/pay-statement.
type PayStatementsResponse struct {
	Responses []PayStatementResult `json:"responses" nullable:"false"`
}

// PayStatementResult is one entry of a batch, in the order of the request.
type PayStatementResult struct {
	PaymentID string          `json:"payment_id"`
	Code      int             `json:"code" doc:"Reads like an HTTP status: 200, 202 while the statements are being fetched, or that of the error in the body."`
	Body      statementsOrErr `json:"body"`
}

// PayStatementPage is a page of one payment's statements.
type PayStatementPage struct {
	Paging        Paging               `json:"paging"`
	PayStatements []perch.PayStatement `json:"pay_statements" nullable:"false"`
}

// SandboxConnectionRequest is the body of POST /sandbox/connections.
type SandboxConnectionRequest struct {
	ProviderID         string                   `json:"provider_id" doc:"Id of a provider of the catalogue."`
	AuthenticationType perch.AuthenticationType `json:"authentication_type,omitempty"`
	Products           []perch.Product          `json:"products,omitempty" nullable:"false" minItems:"1" doc:"Scopes of the token; all that the provider has, if left out."`
	EmployeeSize       int                      `json:"employee_size,omitempty" default:"20" minimum:"1" maximum:"100000" doc:"How many people the simulated employer has."`
}

// StatusAnswer is the answer of operations that have nothing else to say.
type StatusAnswer struct {
	Status string `json:"status"`
}

// ErrorAnswer is the body of every error and of every 202.
type ErrorAnswer struct {
	Code      int    `json:"code" doc:"The HTTP status."`
	Name      string `json:"name" doc:"Broad category, for programs."`
	FinchCode string `json:"finch_code" doc:"Narrower category, for programs; empty where there is none."`
	Message   string `json:"message" doc:"Explanation, for people."`
}

// ItemError is the body of a failed entry of a batch.
type ItemError struct {
	Code         int    `json:"code"`
	Name         string `json:"name"`
	FinchCode    string `json:"finch_code"`
	Message      string `json:"message"`
	ErrorName    string `json:"error_name,omitempty" deprecated:"true" doc:"The same as name."`
	ErrorMessage string `json:"error_message,omitempty" deprecated:"true" doc:"The same as message."`
}

// RateLimitAnswer is the body of a 429.
type RateLimitAnswer struct {
	StatusCode int    `json:"statusCode"`
	Status     int    `json:"status"`
	Code       int    `json:"code"`
	Name       string `json:"name"`
	FinchCode  string `json:"finch_code"`
	Message    string `json:"message"`
}

// The body of a batch entry is either of two things.
type (
	individualOrErr struct{}
	employmentOrErr struct{}
	statementsOrErr struct{}
)
