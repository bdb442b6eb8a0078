package connect

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
)

const (
	eventRequested = "requested_provider"
	// maxRequested bounds the name of a provider that an employer misses, in characters, and
	// requestsPerSession how many a session may ask for.
	maxRequested       = 100
	requestsPerSession = 5
)

// requestProvider notes which provider an employer misses. People type anything into such a field, so
// the text is sealed, apart from the steps of the visit.
func (v *visit) requestProvider(ctx context.Context) error {
	if v.preview() {
		v.problem = previewOnly()
		return nil
	}
	name := strings.TrimSpace(v.value("name"))
	if name == "" || utf8.RuneCountInString(name) > maxRequested || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		v.problem = &Problem{Kind: problemUnknown, Title: "Type the name of your provider", Text: "Up to " + strconv.Itoa(maxRequested) + " characters."}
		return nil
	}
	asked, err := v.Store.CountConnectEvents(ctx, nil, v.app.ID, v.row.ID, eventRequested)
	if err != nil {
		return unforeseen("reading the visit", err)
	}
	if asked >= requestsPerSession {
		v.problem = &Problem{Kind: problemUnknown, Title: "You have asked for several already", Text: "They are noted. Ask " + v.app.Name + " about others."}
		return nil
	}
	keys, err := v.Keyring.Create(ctx, v.app.ID)
	if err != nil {
		return unforeseen("making the application's key", err)
	}
	v.note(eventRequested, "")
	event := &v.events[len(v.events)-1]
	event.Detail = keys.Seal(nil, []byte(name), detailPlace(event.ID))
	return nil
}

// detailPlace is what the sealed detail of an event is bound to.
func detailPlace(event perch.ID) []byte { return append([]byte("connect event/"), event[:]...) }

// Requested is a provider that an employer asked for.
type Requested struct {
	SessionID perch.ID
	Name      string
	At        time.Time
}

// RequestedProviders returns up to most providers that employers of an application missed, newest first.
func (s *Service) RequestedProviders(ctx context.Context, application perch.ID, most int) ([]Requested, error) {
	events, err := s.Store.ConnectEventsOf(ctx, application, eventRequested, most)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	keys, err := s.Keyring.Cipher(ctx, application)
	if err != nil {
		return nil, unforeseen("reading the application's key", err)
	}
	var list []Requested
	for _, event := range events {
		if len(event.Detail) == 0 {
			continue
		}
		name, err := keys.Open(nil, event.Detail, detailPlace(event.ID))
		if err != nil {
			return nil, unforeseen("opening what was asked for", err)
		}
		list = append(list, Requested{SessionID: event.SessionID, Name: string(name), At: event.At})
	}
	return list, nil
}
