// Package console is the operations console: the pages on which the people who run Perch serve
// connections that no connector reads. What they do there is in internal/assist, who they are in
// internal/operator; this package turns both into pages.
//
//	GET  /console                                     to the queue
//	GET  /console/sign-in, POST                       e-mail address and password
//	GET  /console/link, POST                          a link that signs in once, on this machine only
//	POST /console/sign-out
//	GET  /console/queue                               what is due; filters, order and page are in the address
//	POST /console/requests                            an employer's request for a provider was dealt with
//	GET  /console/connections                         connections that people serve
//	GET  /console/a/{application}/c/{connection}      one of them, and below it what is done with it
//	GET  /console/audit                               who did what
//
// Pages are made on the server and work without a script. Every form carries the session's token and
// must come from the same origin. The policy allows the console's own files only. The files of the
// design system are served by internal/connectui.
package console
