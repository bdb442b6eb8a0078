package connect

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// fallbackAfter is how many refused passwords lead to the assisted instructions, where an application
// has that enabled. The documentation makes it the default for one provider, without a second try.
func fallbackAfter(providerID string) int {
	if providerID == "adp_workforce_now" {
		return 1
	}
	return 3
}

// offer is which providers a session may connect, and how.
type offer struct {
	service  *Service
	row      *store.ConnectSession
	settings access.Settings
}

func (o offer) simulated() bool { return o.row.Sandbox == sandboxSimulated }

// authenticator returns what checks credentials for a provider, or nil where people set it up.
func (o offer) authenticator(providerID string) (name string, a provider.Authenticator) {
	name = providerID
	if o.simulated() {
		name = employer.Name
	}
	a, ok := o.service.Connectors[name].(provider.Authenticator)
	if !ok {
		return "", nil
	}
	return name, a
}

// connectorFor returns the name of the connector that will read a connection.
func (o offer) connectorFor(providerID string, method perch.AuthenticationType) string {
	if name, a := o.authenticator(providerID); a != nil && (o.simulated() || method != perch.AuthAssisted) {
		return name
	}
	return file.Connector{}.Name() // people bring the data in as files
}

// methods lists the ways to connect a provider, the preferred one first. Assisted is among them where
// nothing else is, where the application asks for it, with assisted set, or as a fallback.
func (o offer) methods(entry catalog.Entry, assisted, fallback bool) []perch.AuthenticationType {
	all := o.existing(entry)
	if fallback && entry.Fallback() && !slices.Contains(all, perch.AuthAssisted) {
		all = append(slices.Clone(all), perch.AuthAssisted)
	}
	disabled := o.settings.DisabledProviderMethods[entry.ID]
	var list []perch.AuthenticationType
	for _, m := range all {
		if slices.Contains(o.settings.DisabledMethods, m) || slices.Contains(disabled, m) {
			continue
		}
		if m == perch.AuthAssisted && len(all) > 1 && !assisted && !o.row.Manual {
			continue
		}
		list = append(list, m)
	}
	preferred := o.settings.PreferredMethods[entry.ID]
	rank := func(m perch.AuthenticationType) int {
		if i := slices.Index(preferred, m); i >= 0 {
			return i
		}
		return len(preferred)
	}
	slices.SortStableFunc(list, func(a, b perch.AuthenticationType) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// existing lists the ways that this installation has at all: what the catalogue says for simulated
// providers; otherwise those of the connector, and files.
func (o offer) existing(entry catalog.Entry) []perch.AuthenticationType {
	if o.simulated() {
		return entry.Authentications()
	}
	var list []perch.AuthenticationType
	if _, a := o.authenticator(entry.ID); a != nil {
		list = a.Methods(entry.ID)
	}
	if !slices.Contains(list, perch.AuthAssisted) {
		list = append(slices.Clone(list), perch.AuthAssisted)
	}
	return list
}

// assistedOnly says that people set the provider up whatever the employer chooses.
func (o offer) assistedOnly(entry catalog.Entry) bool {
	all := o.existing(entry)
	return len(all) == 1 && all[0] == perch.AuthAssisted
}

// listed reports whether the provider is on the search screen.
func (o offer) listed(entry catalog.Entry) bool {
	if slices.Contains(o.settings.HiddenProviders, entry.ID) || o.assistedOnly(entry) && !o.row.Manual {
		return false
	}
	return len(o.methods(entry, false, false)) > 0
}

// cards lists the providers: pinned ones, then the application's order, then by name.
func (o offer) cards(providers *catalog.Catalog) []ProviderCard {
	var cards []ProviderCard
	for _, entry := range providers.All() {
		if o.listed(entry) {
			cards = append(cards, o.card(entry))
		}
	}
	place := func(list []string, id string) int {
		if i := slices.Index(list, id); i >= 0 {
			return i
		}
		return len(list)
	}
	slices.SortFunc(cards, func(a, b ProviderCard) int {
		return cmp.Or(
			cmp.Compare(place(o.settings.PinnedProviders, a.ID), place(o.settings.PinnedProviders, b.ID)),
			cmp.Compare(place(o.settings.ProviderOrder, a.ID), place(o.settings.ProviderOrder, b.ID)),
			cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return cards
}

func (o offer) card(entry catalog.Entry) ProviderCard {
	return ProviderCard{ID: entry.ID, Name: entry.DisplayName, Monogram: monogram(entry.DisplayName), Color: entry.PrimaryColor,
		Pinned: slices.Contains(o.settings.PinnedProviders, entry.ID), Beta: entry.Beta(), Assisted: o.assistedOnly(entry)}
}

// monogram is the first letters of the first two words.
func monogram(name string) string {
	var letters []rune
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if letters = append(letters, unicode.ToUpper([]rune(word)[0])); len(letters) == 2 {
			break
		}
	}
	return string(letters)
}

// method describes a way to connect.
func (o offer) method(entry catalog.Entry, kind perch.AuthenticationType, preferred bool) Method {
	m := Method{Type: kind, Preferred: preferred}
	switch kind {
	case perch.AuthOAuth:
		m.Title, m.Hint = "Sign in with your "+entry.DisplayName+" account", "You log in on "+entry.DisplayName+"'s own page."
	case perch.AuthCredential:
		m.Title, m.Hint = "Use your "+entry.DisplayName+" login", "For administrators who log in with a username and a password."
	case perch.AuthAPIToken:
		m.Title, m.Hint = "Use an API token", "For administrators who can make a token in "+entry.DisplayName+"."
	case perch.AuthAPICredential:
		m.Title, m.Hint = "Use a client ID and secret", "For administrators who can register API access in "+entry.DisplayName+"."
	case perch.AuthAssisted:
		m.Title, m.Hint = "Add us as an administrator", "For everyone else: you follow a few steps, and we set the connection up."
	}
	return m
}
