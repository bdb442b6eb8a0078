// Package signin is a made-up provider with an OAuth 2 page and token endpoint of its own, and the
// connector that signs employers in there. Tests of Connect use it in place of a real one: it gives a
// token only for a code that it issued, once, with the verifier of the challenge that the code was
// issued for and the same redirect URI.
package signin
