// Package connect drives visits to Connect through the whole program, without a browser: the state
// machine, the codes, joining and reauthentication. The pages in a real browser are in e2e/browser.
package connect
