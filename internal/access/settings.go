package access

import (
	"net"
	"net/url"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

// Settings are what an application's developer configures about Connect. They are stored as JSON.
type Settings struct {
	// RedirectURIs are where Connect may send an authorization code: https, or http on this machine.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// AllowedOrigins are the sites that may embed Connect, as scheme://host[:port].
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
	// FallbackEnabled offers the assisted way after three refused credentials.
	FallbackEnabled bool `json:"fallback_enabled,omitempty"`
	// AskMethod shows the choice of methods instead of the preferred one.
	AskMethod bool `json:"ask_method,omitempty"`
	// InviteAddress is whom an employer invites to an assisted connection.
	InviteAddress string `json:"invite_address,omitempty"`

	// ProviderOrder lists provider ids that come first, PinnedProviders those that stand out above
	// them, HiddenProviders those that are not offered.
	ProviderOrder   []string `json:"provider_order,omitempty"`
	PinnedProviders []string `json:"pinned_providers,omitempty"`
	HiddenProviders []string `json:"hidden_providers,omitempty"`

	// PreferredMethods orders the ways to connect a provider, by provider id.
	PreferredMethods map[string][]perch.AuthenticationType `json:"preferred_methods,omitempty"`
	// DisabledMethods are not offered for any provider, DisabledProviderMethods not for one.
	DisabledMethods         []perch.AuthenticationType            `json:"disabled_methods,omitempty"`
	DisabledProviderMethods map[string][]perch.AuthenticationType `json:"disabled_provider_methods,omitempty"`

	// DisabledFields are fields that the application does without, as "company.ein". The consent
	// screen does not name what is disabled.
	DisabledFields []string `json:"disabled_fields,omitempty"`
}

// maxURI bounds a redirect URI and an origin, in bytes; maxListed bounds how many there may be.
const (
	maxURI    = 2048
	maxListed = 100
)

// Check refuses settings that could not work, naming the field.
func (s *Settings) Check() error {
	if len(s.RedirectURIs) > maxListed || len(s.AllowedOrigins) > maxListed {
		return perch.Invalid("redirect_uris", "An application may have %d redirect URIs and %d origins.", maxListed, maxListed)
	}
	for _, uri := range s.RedirectURIs {
		if !ValidRedirectURI(uri) {
			return perch.Invalid("redirect_uri", "%.100q is not a redirect URI. Use https, or http on localhost, without a fragment or a user name.", uri)
		}
	}
	for _, origin := range s.AllowedOrigins {
		if got, ok := Origin(origin); !ok || got != strings.TrimSuffix(strings.ToLower(origin), "/") {
			return perch.Invalid("allowed_origin", "%.100q is not an origin. Write it as https://app.example.com, without a path.", origin)
		}
	}
	return nil
}

// ValidRedirectURI reports whether a URI may receive authorization codes: https anywhere, http on
// this machine.
func ValidRedirectURI(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > maxURI || u.Host == "" || u.Fragment != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}

// Loopback reports whether a host name means the machine itself.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Origin returns the origin of an http or https URL in the form that browsers send: lower case,
// without the scheme's own port.
func Origin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURI || u.Hostname() == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	if strings.ContainsAny(host, " \t\r\n;,'\"*") {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port != "" && !(u.Scheme == "https" && port == "443") && !(u.Scheme == "http" && port == "80") {
		host += ":" + port
	}
	return u.Scheme + "://" + host, true
}

// RedirectAllowed reports whether a code may go to the URI: it equals a registered one, or, for
// sandbox applications, lies on this machine.
func (s *Settings) RedirectAllowed(kind perch.ClientType, uri string) bool {
	if !ValidRedirectURI(uri) {
		return false
	}
	if slices.Contains(s.RedirectURIs, uri) {
		return true
	}
	u, err := url.Parse(uri)
	return err == nil && kind == perch.ClientSandbox && Loopback(u.Hostname())
}

// HostOrigins are the origins that may embed Connect: those allowed, and those of redirect URIs.
func (s *Settings) HostOrigins() []string {
	var all []string
	for _, text := range slices.Concat(s.AllowedOrigins, s.RedirectURIs) {
		if origin, ok := Origin(text); ok && !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}

// HostAllowed reports whether an origin may embed Connect. Sandbox applications may be developed on
// any port of this machine.
func (s *Settings) HostAllowed(kind perch.ClientType, origin string) bool {
	if slices.Contains(s.HostOrigins(), origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && kind == perch.ClientSandbox && Loopback(u.Hostname())
}
