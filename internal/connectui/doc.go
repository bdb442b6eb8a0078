// Package connectui is what an employer sees of Connect: pages made on the server, with one script
// that makes them quicker and lets them live in the iframe of a host application.
//
//	GET  /authorize                     opens a session's link, embedded or not; also previews and legacy links
//	POST /connect/step                  does one thing and answers with the page that follows
//	GET  /connect/oauth/callback        where a provider sends the browser back to
//	GET  /v1/connect.js                 what a host application embeds; /latest/connect.js is the same
//	GET  /connect/assets/…, /assets/…   files under addresses that carry their hash
//
// Every page works as a plain form; only embedding needs a script. The flow itself, its state and its
// rules are internal/connect; components and tokens are internal/web.
package connectui
