package connect

// OpenRequest is what the link to Connect says. Values are as the query has them, unchecked.
type OpenRequest struct {
	// SessionID names a session made by the API. Without one the link is a preview or of the legacy
	// kind, which names the application and what it wants itself.
	SessionID string
	// State is the application's own value, sent back with the code.
	State string
	// Embedded says that the link was opened inside a page, which names itself in HostURL. The
	// redirect flow has neither.
	Embedded bool
	HostURL  string
	// Preview shows everything and connects nothing.
	Preview bool

	// The rest belongs to previews and legacy links. Products are separated by spaces.
	ClientID        string
	Products        string
	RedirectURI     string
	PayrollProvider string
	Manual          bool
	Sandbox         string
	ConnectionID    string
	Category        string

	// RemoteIP is for the limit on visits.
	RemoteIP string
}
