package connect

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

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
	problemUsed        = "session_used"
	problemSession     = "session_unknown"
	problemHost        = "host_not_allowed"
	problemTooMany     = "too_many_attempts"
	problemScript      = "script_needed"
	problemStale       = "stale_form"
	problemUnknown     = "unknown"
)

func unknownSession() *Problem {
	return &Problem{Kind: problemSession, Title: "This link is not known", Text: "Check that you opened all of it, or ask for a new one.", Fatal: true}
}

func linkProblem(what string) *Problem {
	return &Problem{Kind: problemUnknown, Title: "This link cannot be used", Text: "The application that made it should know: " + what, Fatal: true}
}

// What host pages are told: the types of the published client, and the published code of a limit.
const (
	errorValidation = "validation_error"
	errorConnection = "employer_connection_error"
	errorTooMany    = "finch_auth_ip_rl"
)

func tooMany(wait time.Duration) *Problem {
	text := "Please wait a few minutes before you try again."
	if minutes := int((wait + time.Minute - 1) / time.Minute); minutes == 1 {
		text = "Please wait a minute before you try again."
	} else if minutes > 1 {
		text = "Please wait " + strconv.Itoa(minutes) + " minutes before you try again."
	}
	return &Problem{Kind: problemTooMany, Title: "Too many attempts", Text: text, Code: errorTooMany, RetryAfter: wait}
}

// linkWorn is for a session that was tried with too many credentials: no waiting helps.
func linkWorn(application string) *Problem {
	return &Problem{Kind: problemTooMany, Title: "Too many attempts with this link", Text: "Ask " + application + " for a new one.", Code: errorTooMany}
}

// movedOn is for a request that was overtaken by another page of the visit.
func movedOn() *Problem {
	return &Problem{Kind: problemStale, Title: "This page was out of date", Text: "The visit went on in another window. Go on there, or open the link again.", Fatal: true}
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
	v.Log.ErrorContext(ctx, "connect: authenticating", "application_id", v.app.ID, "provider_id", v.row.Visit.ProviderID, "error", err)
	return &Problem{Kind: problemUnknown, Title: "Something went wrong", Text: "Please try again."}, false
}

// take takes a place for an address under a limit, and says how to give it back. Addresses of one IPv6
// network count as one.
func (s *Service) take(ctx context.Context, what, ip string, most int) (place limit.Place, release func(), err error) {
	if s.Limits == nil {
		return limit.Place{OK: true}, func() {}, nil
	}
	key := limit.Key{Product: what + "/" + network(ip)}
	if place, err = s.Limits.Take(ctx, key, most, limitWindow); err != nil {
		return place, nil, unforeseen("counting attempts", err)
	}
	return place, func() { _ = s.Limits.Release(context.WithoutCancel(ctx), key, place.Ticket) }, nil
}

func network(ip string) string {
	parsed := net.ParseIP(ip)
	if parsed == nil || parsed.To4() != nil {
		return ip
	}
	return parsed.Mask(net.CIDRMask(64, 128)).String()
}
