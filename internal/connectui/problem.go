package connectui

import (
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

// alertFor shows what went wrong, or that something was done.
func alertFor(view connect.View, thanks bool) *web.Alert {
	if thanks {
		return &web.Alert{Title: "Thank you, we noted it.", Text: "You can connect another system in the meantime.", Tone: web.Good, Focus: true}
	}
	problem := view.Problem
	if problem == nil {
		return nil
	}
	a := web.Alert{ID: "problem", Title: problem.Title, Text: problem.Text, Tone: web.Danger, Focus: true}
	if problem.Kind == "stale_form" || problem.Kind == "cancelled" {
		a.Tone = web.Warning
	}
	if problem.Permission != "" {
		a.Text += " The missing right: " + problem.Permission + "."
	}
	return &a
}

// local are the problems that the server never hears of. The script shows them by their ID.
func local(view connect.View) []web.Alert {
	list := []web.Alert{{
		ID: "network-lost", Tone: web.Danger, Focus: true, Title: "The connection was lost",
		Text: "Perch cannot be reached at the moment. What you typed is still here. Check your internet connection and try again.",
	}}
	if view.Step != connect.StepOAuth {
		return list
	}
	name := providerName(view)
	return append(list,
		web.Alert{
			ID: "popup-blocked", Tone: web.Danger, Focus: true, Title: "Your browser blocked the window",
			Text:    "Signing in happens on a page of " + name + ". Allow pop-ups for this page, or open the window with the button below.",
			Actions: []web.Button{{Label: "Open the window", Look: web.Secondary, Plain: true, ID: "open-window"}},
		},
		web.Alert{
			ID: "popup-waiting", Focus: true, Title: "Finish in the other window",
			Text:    "This page goes on by itself once you have signed in to " + name + ".",
			Actions: []web.Button{{Label: "Open the window again", Look: web.Secondary, Plain: true, ID: "open-window"}},
		},
		web.Alert{
			ID: "popup-closed", Tone: web.Warning, Focus: true, Title: "The window was closed",
			Text:    "Sign in to " + name + " to connect it. If you have already finished there, check again.",
			Actions: []web.Button{{Label: "Check again", Look: web.Secondary, Plain: true, ID: "check-again"}},
		})
}

// fatal is a page with nothing to go on with.
func fatal(problem connect.Problem) page {
	return page{Title: problem.Title, Text: problem.Text, Fatal: true, Message: "{}"}
}

func unforeseen() connect.Problem {
	return connect.Problem{Title: "Something went wrong", Text: "This is our fault, not yours. Wait a minute, then open the link again."}
}

func unreadable() connect.Problem {
	return connect.Problem{Title: "This page cannot be opened", Text: "The address or the form is not complete. Go back to where you came from and start again."}
}
