package apierror

import (
	"net/http"

	perch "github.com/perchhq/perch"
)

// Row is one line of the error table.
type Row struct {
	// Name and Code are those of perch.Error. Code "*" stands for every code not listed with the
	// name, and "" for an error without one.
	Name, Code string
	Status     int
	// Meaning explains the row in the reference.
	Meaning string
}

// rest stands for every code that is not listed with a name.
const rest = "*"

// table lists the rows of the published error table first, then those that only the contract's
// examples have, then our own.
//
// The published table gives invalid_request_error the status 401 and no code, while the contract
// answers 400 with the code invalid_request. Both rows stand; perch.Invalid makes the second.
var table = [...]Row{
	{perch.NameInvalidGrant, rest, http.StatusBadRequest, "The authorization code is wrong, expired or used."},
	{perch.NameBadRequest, "invalid_request", http.StatusBadRequest, "The request did not pass validation."},
	{perch.NameBadRequest, "enrollment_not_found", http.StatusNotFound, "The individual has no enrollment in the benefit."},
	{perch.NameInvalidToken, rest, http.StatusUnauthorized, "The access token is unknown, or its connection was disconnected."},
	{perch.NameInvalidRequest, "", http.StatusUnauthorized, "The request does not match this reference."},
	{perch.NameAuthentication, "reauthenticate_user", http.StatusUnauthorized, "The employer has to reconnect the employment system."},
	{perch.NameAuthentication, "account_setup_required", http.StatusUnauthorized, "The employer has not finished connecting the employment system."},
	{perch.NameInvalidClient, rest, http.StatusUnauthorized, "The client id or client secret is wrong."},
	{perch.NameUnauthorized, rest, http.StatusUnauthorized, "The request carries no access token."},
	{perch.NamePaymentRequired, rest, http.StatusPaymentRequired, "The application may not call the API until its account is settled."},
	{perch.NamePermissions, "insufficient_account_permissions", http.StatusForbidden, "The connected account lacks rights in the employment system."},
	{perch.NameInsufficientScope, rest, http.StatusForbidden, "The access token was not granted the product."},
	{perch.NameNotFound, "item_not_found", http.StatusNotFound, "Nothing has this id or address."},
	{perch.NameNotFound, "benefit_not_found", http.StatusNotFound, "No benefit has this id."},
	{perch.NameNotFound, "individual_not_found", http.StatusNotFound, "No individual has this id."},
	{perch.NameNotFound, "payment_not_found", http.StatusNotFound, "No payment has this id."},
	{perch.NameConnectionClosed, rest, http.StatusRequestTimeout, "The client hung up before the answer was ready."},
	{perch.NameUnprocessableRequest, "unsupported_parameters", http.StatusUnprocessableEntity, "The provider or the benefit does not support a parameter."},
	{perch.NameUnprocessableRequest, "invalid_employee_enrollment", http.StatusUnprocessableEntity, "The provider does not let this employee enroll in the benefit."},
	{perch.NameRateLimitExceeded, "finch_application_rl", http.StatusTooManyRequests, "The application has used up its requests for this minute."},
	{perch.NameRateLimitExceeded, "finch_api_ip_rl", http.StatusTooManyRequests, "Too many requests came from one address."},
	{perch.NameRateLimitExceeded, "finch_auth_ip_rl", http.StatusTooManyRequests, "Too many visits to Connect came from one address."},
	{perch.NameRateLimitExceeded, "upstream_rate_limit_exceeded", http.StatusTooManyRequests, "The provider limits how often it can be asked."},
	{perch.NameServer, rest, http.StatusInternalServerError, "Something failed on our side."},
	{perch.NameNotImplemented, rest, http.StatusNotImplemented, "This endpoint is not available for this provider."},
	{perch.NameBadGateway, "upstream_provider_error", http.StatusBadGateway, "The provider answered in a way that could not be used."},

	{perch.NameSyncInProgress, "data_sync_in_progress", http.StatusAccepted, "The data is being fetched; ask again later."},
	{perch.NameAccepted, "data_sync_in_progress", http.StatusAccepted, "The statements of this payment are being fetched; ask again later."},
	{perch.NameAuthorizationPending, "pending", http.StatusAccepted, "The connection is not set up yet; ask again later."},
	{perch.NameAuthorizationPending, "accountant_setup_pending", http.StatusAccepted, "A fallback account is being set up; ask again later."},
	{perch.NameInvalidRequest, "invalid_request", http.StatusBadRequest, "A header, a parameter or the body is wrong; the message names the field."},
	{perch.NameBadRequest, "w4_sync_required", http.StatusBadRequest, "No W-4 was fetched yet: start a job of type w4_form_employee_sync."},
	{perch.NameUnprocessableEntity, "batch_limit_exceeded", http.StatusUnprocessableEntity, "The batch holds too many entries."},
	{perch.NameUnprocessableEntity, "page_size_limit_exceeded", http.StatusUnprocessableEntity, "The page is larger than allowed."},
	{perch.NameUnprocessableRequest, "unprocessable_parameters", http.StatusUnprocessableEntity, "The parameters cannot be used together or with this provider."},

	{perch.NameInvalidRequest, "request_too_large", http.StatusRequestEntityTooLarge, "The body is larger than 16 MiB."},
	{perch.NameInvalidRequest, "method_not_allowed", http.StatusMethodNotAllowed, "The address exists, but not with this method; see the Allow header."},

	{perch.NameAccepted, rest, http.StatusAccepted, "The request was taken; ask again later."},
	{perch.NameSyncInProgress, rest, http.StatusAccepted, "The data is being fetched; ask again later."},
	{perch.NameAuthorizationPending, rest, http.StatusAccepted, "The connection is not set up yet; ask again later."},
	{perch.NameInvalidRequest, rest, http.StatusBadRequest, "The request did not pass validation."},
	{perch.NameBadRequest, rest, http.StatusBadRequest, "The request did not pass validation."},
	{perch.NameAuthentication, rest, http.StatusUnauthorized, "The employer has to reconnect the employment system."},
	{perch.NamePermissions, rest, http.StatusForbidden, "The connected account lacks rights in the employment system."},
	{perch.NameNotFound, rest, http.StatusNotFound, "Nothing has this id or address."},
	{perch.NameConflict, rest, http.StatusConflict, "The request contradicts what exists already."},
	{perch.NameUnprocessableEntity, rest, http.StatusUnprocessableEntity, "The request is well formed but cannot be carried out."},
	{perch.NameUnprocessableRequest, rest, http.StatusUnprocessableEntity, "The request is well formed but cannot be carried out."},
	{perch.NameRateLimitExceeded, rest, http.StatusTooManyRequests, "Too many requests."},
	{perch.NameBadGateway, rest, http.StatusBadGateway, "The provider answered in a way that could not be used."},
}

// Rows returns the table.
func Rows() []Row { return table[:] }

// Lookup returns the row of a name and code.
func Lookup(name, code string) (Row, bool) {
	fallback, found := Row{}, false
	for i := range table {
		row := &table[i]
		if row.Name != name {
			continue
		}
		if row.Code == code {
			return *row, true
		}
		if row.Code == rest {
			fallback, found = *row, true
		}
	}
	return fallback, found
}

// Status returns the HTTP status of an error; what the table does not know is 500.
func Status(e *perch.Error) int {
	if row, ok := Lookup(e.Name, e.Code); ok {
		return row.Status
	}
	return http.StatusInternalServerError
}
