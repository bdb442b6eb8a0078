// Package showcase holds a made-up view for every screen of Connect and for everything that can go
// wrong on one, with long names and long lists. Tests render them, look at them in a browser and
// hold them against the accessibility rules.
package showcase
