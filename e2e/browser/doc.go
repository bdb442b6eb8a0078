// Package browser drives Connect in Chromium: every screen in light and dark, narrow and wide, held
// against the accessibility rules; and whole visits, with the published component in a host page on
// another origin and third-party cookies blocked.
//
// The programs that move the browser are in driver/. With PERCH_PICTURES=folder the pictures that they
// take are kept there.
package browser
