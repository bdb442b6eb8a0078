package connectui

import (
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

// page is the frame around a screen.
type page struct {
	// Nonce is the one of the content policy.
	Nonce string
	Title string
	// Text is all that a fatal page says below its title.
	Text string
	// Application is whose visit this is; empty on pages that belong to nobody.
	Application string
	Badges      []web.Badge
	Step        connect.Step
	Visit       visit
	Embedded    bool
	CanGoBack   bool
	// CanClose is false where a close button could tell nobody.
	CanClose bool
	// Fatal pages have no visit: their close button only tells the host page.
	Fatal    bool
	Progress web.Progress
	Alert    *web.Alert
	Main     template.HTML
	Actions  template.HTML
	Leave    web.Dialog
	// Message is the JSON for the script: what to tell whom, and where to go.
	Message string
	// Returned marks the page of a pop-up that has done its work.
	Returned bool
	// Answer is what a provider sent the browser back with.
	Answer *answer
	// Local are the problems that only a browser can notice.
	Local []web.Alert
}

// answer is what a provider adds to the address that it sends the browser back to.
type answer struct{ State, Code, Error string }

// visit is what every form carries.
type visit struct{ Session, Nonce string }

// message is what the page's script does once it has shown the page.
type message struct {
	// Host is the only origin that is told anything.
	Host string `json:"host,omitempty"`
	// Tell is sent there as it is.
	Tell *told `json:"tell,omitempty"`
	// Go is where the browser goes; Popup says in a window of its own.
	Go    string `json:"go,omitempty"`
	Popup bool   `json:"popup,omitempty"`
	// Proof is the state by which the page knows what it will be brought from there.
	Proof string `json:"proof,omitempty"`
	// Closed is what the close button of a page without a visit tells.
	Closed *told `json:"closed,omitempty"`
}

// wire is how the published client names itself in what it listens to.
const wire = "finch"

// told is a message of the published client's protocol.
type told struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"`
	Code  string     `json:"code,omitempty"`
	State string     `json:"state,omitempty"`
	Error *toldError `json:"error,omitempty"`
}

type toldError struct {
	Message     string `json:"message"`
	Type        string `json:"type"`
	ShouldClose bool   `json:"shouldClose"`
}

const messageName = wire + "-auth-message-v2"

// page makes the page of a view.
func (h *Handler) page(view connect.View, a asked) (page, error) {
	if view.Problem != nil && view.Problem.Fatal {
		p := fatal(*view.Problem)
		p.Application, p.Embedded = view.Application, view.Embedded
		return p, p.carry(view)
	}
	screen, ok := screens[view.Step]
	if !ok {
		return page{}, fmt.Errorf("there is no screen for step %q", view.Step)
	}
	p := page{
		Application: view.Application, Step: view.Step, Visit: visit{view.SessionID, view.Nonce},
		Embedded: view.Embedded, CanGoBack: view.CanGoBack, CanClose: true, Badges: badges(view),
		Progress: web.Progress{Label: "How far you are", Percent: view.Progressed, Line: true},
		Alert:    alertFor(view, a.thanks), Leave: leave(view), Local: local(view),
	}
	content := screen(view, p.Visit, a)
	if p.Alert == nil {
		content.focus()
	}
	p.Title = content.title()
	var err error
	if list, ok := content.(*providersScreen); ok {
		for _, card := range list.Cards {
			row, err := h.row(card)
			if err != nil {
				return page{}, err
			}
			list.List = append(list.List, row)
		}
	}
	if p.Main, err = h.render(string(view.Step), content); err != nil {
		return page{}, err
	}
	if p.Actions, err = h.render(string(view.Step)+"-actions", content); err != nil {
		return page{}, err
	}
	return p, p.carry(view)
}

// carry puts what the script has to do into the page.
func (p *page) carry(view connect.View) error {
	m := message{}
	if view.Embedded && isOrigin(view.HostOrigin) {
		m.Host = view.HostOrigin
		if m.Closed = (&told{Name: messageName, Kind: "closed"}); view.OnClose != nil {
			m.Closed = tell(*view.OnClose)
		}
	}
	if out := view.Outcome; out != nil {
		switch {
		case !view.Embedded && !isAddress(out.URL), out.Kind == connect.OutcomeNavigate && !isAddress(out.URL):
			return fmt.Errorf("the outcome %s has no address to go to", out.Kind)
		case out.Kind == connect.OutcomeNavigate:
			m.Go, m.Popup, m.Proof = out.URL, view.Embedded, out.Proof
		case view.Embedded:
			m.Tell = tell(*out)
		default:
			m.Go = out.URL
		}
	}
	if p.Fatal {
		p.CanClose = m.Host != ""
	}
	encoded, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding the message: %w", err)
	}
	p.Message = string(encoded)
	return nil
}

func tell(out connect.Outcome) *told {
	t := &told{Name: messageName, Kind: string(out.Kind)}
	switch out.Kind {
	case connect.OutcomeSuccess:
		t.Code, t.State = out.Code, out.State
	case connect.OutcomeError:
		t.Error = &toldError{Message: out.Message, Type: out.ErrorType, ShouldClose: out.ShouldClose}
	}
	return t
}

func badges(view connect.View) (list []web.Badge) {
	if view.Preview {
		list = append(list, web.Badge{Label: "Preview", Tone: web.Warning})
	}
	if view.Sandbox && !view.Preview {
		list = append(list, web.Badge{Label: "Sandbox", Tone: web.Warning})
	}
	return list
}

// leave asks before typed text is lost; the script shows it only then.
func leave(view connect.View) web.Dialog {
	return web.Dialog{
		ID: "leave", Title: "Leave without connecting?",
		Text:    "What you typed will be lost.",
		Confirm: web.Button{Label: "Leave", Look: web.Primary, Plain: true, ID: "leave-now"}, Cancel: "Stay",
	}
}

// returned is the page in a pop-up after the provider's own pages: the visit goes on in the frame.
func (h *Handler) returned(view connect.View) page {
	p := fatal(connect.Problem{Title: "You can close this window", Text: "Your sign-in is back with " + view.Application +
		". Go on in the window where you started."})
	p.Application, p.Returned = view.Application, true
	if view.Problem != nil {
		p.Alert = alertFor(view, false)
		p.Alert.Focus = false
	}
	return p
}

// asked is what a page needs to know of the form that it answers.
type asked struct {
	// thanks: a provider was asked for that is not listed yet.
	thanks bool
	// query is what the list of providers was searched for without a script.
	query string
	// host is the origin that a link says it is embedded in, unproven.
	host string
}
