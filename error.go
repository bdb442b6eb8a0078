package perch

import (
	"errors"
	"fmt"
)

// Error is what went wrong, for three readers: Name and Code for programs, Message for the
// developer who called, Err for the log. It carries no HTTP status: one table in internal/httpapi
// maps Name and Code to one.
type Error struct {
	// Name is the broad category, such as "not_found_error".
	Name string
	// Code narrows Name, such as "individual_not_found". It is sent as finch_code and may be empty.
	Code string
	// Message is shown to the caller. It names the field at fault and never holds personal data.
	Message string
	// Err is the cause. It is logged once and never shown.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Name
	if e.Code != "" {
		text += "/" + e.Code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is compare by Name and Code, so that a fresh Error equals a predefined one.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Name == e.Name && t.Code == e.Code
}

// Names of errors, as the wire spells them.
const (
	NameAccepted             = "accepted"
	NameSyncInProgress       = "sync_in_progress"
	NameAuthorizationPending = "authorization_pending"
	NameInvalidRequest       = "invalid_request_error"
	NameBadRequest           = "bad_request"
	NameInvalidGrant         = "invalid_grant_error"
	NameInvalidToken         = "invalid_token_error"
	NameAuthentication       = "authentication_error"
	NameInvalidClient        = "invalid_client_error"
	NameUnauthorized         = "unauthorized_request_error"
	NamePaymentRequired      = "payment_required"
	NamePermissions          = "error_permissions"
	NameInsufficientScope    = "insufficient_scope_error"
	NameNotFound             = "not_found_error"
	NameConflict             = "conflict_error"
	NameConnectionClosed     = "client_connection_closed"
	NameUnprocessableEntity  = "unprocessable_entity_error"
	NameUnprocessableRequest = "unprocessable_request_error"
	NameRateLimitExceeded    = "rate_limit_exceeded_error"
	NameServer               = "server_error"
	NameNotImplemented       = "not_implemented_error"
	NameBadGateway           = "bad_gateway_error"
)

// Errors that carry no detail of their own; compare with errors.Is.
var (
	ErrInvalidToken = &Error{Name: NameInvalidToken, Message: "The access token is not valid: it is unknown, or its connection was disconnected."}
	ErrMissingToken = &Error{Name: NameUnauthorized, Message: "The Authorization header is missing. Send 'Authorization: Bearer <access_token>'."}
	// ErrInvalidClient answers a wrong client_id or client_secret.
	ErrInvalidClient = &Error{Name: NameInvalidClient, Message: "The client_id or client_secret is not valid."}
	// ErrReauthenticate means that the provider no longer accepts the employer's credentials.
	ErrReauthenticate = &Error{Name: NameAuthentication, Code: "reauthenticate_user", Message: "The provider no longer accepts this connection's credentials. The employer must reauthenticate through Connect."}
	// ErrAccountSetup means that the employer never finished setting up the account.
	ErrAccountSetup = &Error{Name: NameAuthentication, Code: "account_setup_required", Message: "The account was never set up. The employer must connect the employment system."}
	// ErrPermissions means that the connected account lacks rights in the provider.
	ErrPermissions = &Error{Name: NamePermissions, Code: "insufficient_account_permissions", Message: "The connected account lacks permissions in the provider. The employer must grant them."}
	// ErrNotImplemented answers reads of what the connection's provider does not have.
	ErrNotImplemented = &Error{Name: NameNotImplemented, Message: "This connection's provider does not offer this data."}
	// ErrSyncInProgress answers a read whose product group has not been published yet.
	ErrSyncInProgress = &Error{Name: NameSyncInProgress, Code: "data_sync_in_progress", Message: "The data being requested is being fetched. Please check back later."}
	// ErrStatementsInProgress stands inside a pay-statement batch for a payment without statements yet.
	ErrStatementsInProgress = &Error{Name: NameAccepted, Code: "data_sync_in_progress", Message: "The pay statements for this payment are being fetched. Please check back later."}
	// ErrW4SyncRequired answers reads of documents before the first W-4 was asked for.
	ErrW4SyncRequired = &Error{Name: NameBadRequest, Code: "w4_sync_required", Message: "W4 documents are not available. Please trigger a W4 sync job first."}
	// ErrPending answers reads of an assisted connection that is not set up yet.
	ErrPending = &Error{Name: NameAuthorizationPending, Code: "pending", Message: "Authorization to this company's data is pending"}
	// ErrAccountantSetup answers reads while a fallback account is being set up.
	ErrAccountantSetup = &Error{Name: NameAuthorizationPending, Code: "accountant_setup_pending", Message: "The accountant user for this connection is still being set up. Please try again later."}
)

// Invalid returns the error for input that cannot be accepted. field names the parameter, header
// or JSON path at fault; the message says what would be accepted.
func Invalid(field, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	if field != "" {
		message = field + ": " + message
	}
	return &Error{Name: NameInvalidRequest, Code: "invalid_request", Message: message}
}

// NotFound returns the error for an object that does not exist for the caller. code is one of
// item_not_found, individual_not_found, payment_not_found, benefit_not_found.
func NotFound(code, format string, args ...any) *Error {
	return &Error{Name: NameNotFound, Code: code, Message: fmt.Sprintf(format, args...)}
}

// InsufficientScope returns the error for a call outside the token's products.
func InsufficientScope(product Product) *Error {
	return &Error{Name: NameInsufficientScope, Message: fmt.Sprintf("This access token was not granted the %q product.", product)}
}

// Internal wraps an unexpected failure. The caller sees nothing of err.
func Internal(err error) *Error {
	return &Error{Name: NameServer, Message: "Something went wrong on our side. The request id identifies it in the log.", Err: err}
}
