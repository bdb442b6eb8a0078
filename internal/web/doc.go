// Package web is the design system of what people see: Connect now, other pages as they come. It
// holds the tokens (colour, space, type, radius, shadow, motion), the components as templates with
// typed values, and the files that browsers load, served under addresses that carry their hash.
//
// A page is a template of the surface that shows it (internal/connectui has Connect's). It gets its
// components as values of this package and shows them with {{component .Submit}}.
//
// No file comes from elsewhere; one that does is listed in assets/vendored.json with its licence.
package web
