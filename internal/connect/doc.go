// Package connect is the visit in which an employer grants access: a state machine over a stored
// session that any process can continue. What the employer sees is in internal/connectui, which shows
// a [View] and sends back an [Action].
//
// There are no cookies: the session's link is the only authority, and every step's form carries a
// nonce that works once. Opening the link again starts over at consent and reveals nothing typed.
package connect
