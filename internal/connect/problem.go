package connect

import (
	"context"
	"errors"
	"net"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/provider"
)

// Kinds of problems.
const (
	problemWrong       = "wrong_credentials"
	problemLocked      = "locked"
	problemPermissions = "permissions"
	problemDown        = "provider_down"
	problemCancelled   = "cancelled"
	problemExpired     = "session_expired"
	problemSession     = "session_unknown"
	problemHost        = "host_not_allowed"
	problemTooMany     = "too_many_attempts"
	problemStale       = "stale_form"
	problemUnknown     = "unknown"
)

func unknownSession() *Problem {
	return &Problem{Kind: problemSession, Title: "This link is not known", Text: "Check that you opened all of it, or ask for a new one.", Fatal: true}
}

func linkProblem(what string) *Problem {
	return &Problem{Kind: problemUnknown, Title: "This link cannot be used", Text: "The application that made it should know: " + what, Fatal: true}
}

func tooMany() *Problem {
	return &Problem{Kind: problemTooMany, Title: "Too many attempts", Text: "Please wait a few minutes before you try again."}
}

func outOfDate() *Problem {
	return &Problem{Kind: problemStale, Title: "This page was out of date", Text: "It now shows where you are. Please go on from here."}
}

func previewOnly() *Problem {
	return &Problem{Kind: problemUnknown, Title: "This is a preview", Text: "It shows every screen and connects nothing."}
}

// explain turns an attempt's failure into what the employer reads. refused says that the credentials
// were at fault, so that the attempt counts.
func (v *visit) explain(ctx context.Context, err error, name string) (p *Problem, refused bool) {
	var wrong *provider.Refused
	var right *provider.MissingRight
	switch {
	case errors.As(err, &wrong):
		if wrong.Field != "" {
			v.faults = map[string]string{wrong.Field: wrong.Message}
		}
		return &Problem{Kind: problemWrong, Title: name + " did not accept this", Text: wrong.Message}, true
	case errors.Is(err, perch.ErrReauthenticate):
		return &Problem{Kind: problemWrong, Title: name + " did not accept this", Text: "Check what you typed and try again."}, true
	case errors.As(err, &right):
		return &Problem{Kind: problemPermissions, Title: "Your login lacks a right", Permission: right.Right,
			Text: "Ask an administrator of " + name + " to grant it, or to connect in your place."}, false
	case errors.Is(err, perch.ErrPermissions):
		return &Problem{Kind: problemPermissions, Title: "Your login lacks a right", Text: "Ask an administrator of " + name + " to connect in your place."}, false
	case errors.Is(err, provider.ErrLocked):
		return &Problem{Kind: problemLocked, Title: name + " has locked this login", Text: "Unlock it at " + name + ", then try again."}, true
	case errors.Is(err, provider.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &Problem{Kind: problemDown, Title: name + " does not answer", Text: "This is not your fault. Try again in a few minutes."}, false
	}
	v.Log.ErrorContext(ctx, "connect: authenticating", "session_id", v.row.ID, "provider_id", v.row.Visit.ProviderID, "error", err)
	return &Problem{Kind: problemUnknown, Title: "Something went wrong", Text: "Please try again."}, false
}

// allow takes a place for an address under a limit. Addresses of one IPv6 network count as one.
func (s *Service) allow(ctx context.Context, what, ip string, most int) (bool, error) {
	ok, _, err := s.take(ctx, what, ip, most)
	return ok, err
}

// take is allow with a way to give the place back.
func (s *Service) take(ctx context.Context, what, ip string, most int) (ok bool, release func(), err error) {
	if s.Limits == nil {
		return true, func() {}, nil
	}
	key := limit.Key{Product: what + "/" + network(ip)}
	place, err := s.Limits.Take(ctx, key, most, limitWindow)
	if err != nil {
		return false, nil, unforeseen("counting attempts", err)
	}
	return place.OK, func() { _ = s.Limits.Release(context.WithoutCancel(ctx), key, place.Ticket) }, nil
}

func network(ip string) string {
	parsed := net.ParseIP(ip)
	if parsed == nil || parsed.To4() != nil {
		return ip
	}
	return parsed.Mask(net.CIDRMask(64, 128)).String()
}
