// Package httpapi is the public HTTP API.
//
// One table of routes (routes.go) says for every operation who may call it, with which parameters,
// which product and rate limit it needs, what it answers and how it fails. The table drives the
// mux, the checks, the API description at /openapi.json and the reference at /docs. A request
// passes, in this order: request id, route, authentication, version, scope, rate limit, entity,
// parameters, and then one method of a use case (services.go), which appends the JSON answer.
//
//	GET  /employer/company                    company
//	GET  /employer/directory                  directory
//	POST /employer/individual                 individual, and ssn for social security numbers
//	POST /employer/employment                 employment
//	GET  /employer/payment                    payment
//	POST /employer/pay-statement              pay_statement
//	GET  /employer/pay-statement-item         pay_statement; and …/rule, with POST, PUT and DELETE
//	GET  /employer/pay-groups                 payment
//	GET  /employer/pay-groups/{pay_group_id}  payment
//	GET  /providers                           bearer token optional
//	GET  /introspect                          any bearer token
//	POST /disconnect                          any bearer token
//	POST /sandbox/connections                 client id and secret
//	GET  /healthz, /readyz                    anyone
//	GET  /openapi.json, /docs                 anyone
//
// Errors become statuses in the subpackage apierror, and nowhere else. Counting for the rate limits
// is in internal/limit.
package httpapi
