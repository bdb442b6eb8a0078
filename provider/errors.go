package provider

import (
	"errors"
	"time"
)

// ErrNotSupported means that the provider's API does not offer what was asked for.
var ErrNotSupported = errors.New("the provider does not offer this")

// RateLimited means that the provider wants to be left alone for a while. After is 0 where it does not say
// for how long. A sync that ends with it is tried again then, and not before.
type RateLimited struct{ After time.Duration }

// Error implements error.
func (r *RateLimited) Error() string {
	if r.After == 0 {
		return "the provider asks for fewer requests"
	}
	return "the provider asks for fewer requests, and to wait " + r.After.String()
}

// Broken means that the provider sent something that breaks its own rules: no JSON, a page without
// an end, a redirect. It may pass by itself, like an outage. What says where, and never quotes people's data.
type Broken struct{ What string }

// Error implements error.
func (b *Broken) Error() string { return "the provider's answer cannot be used: " + b.What }

// Unwrap makes Broken match ErrUnavailable.
func (b *Broken) Unwrap() error { return ErrUnavailable }
