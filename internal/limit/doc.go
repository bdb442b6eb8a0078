// Package limit counts requests in sliding windows and says when there have been too many.
//
// It knows neither HTTP nor which limits exist: internal/httpapi owns that table and asks for a
// place before a request runs. [Memory] counts within one process. Several processes that are to
// share one count put another implementation behind [Limiter].
package limit
