// Package archtest holds the tests that keep the source in shape: which package may import which,
// what packages may be called, and what the tree may not contain. There is no other code here.
//
// A new package falls under the rule for its place. When a rule is in the way, the design is
// changed on purpose, and docs/architecture.md with it.
package archtest
