package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

type person struct {
	Name, Number string
}

func TestSecretsDoNotReachTheLog(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*slog.Logger){
		"a number in the message":     func(l *slog.Logger) { l.Info("found 123-45-6789") },
		"a bare number":               func(l *slog.Logger) { l.Info("x", "row", "line 123456789 is bad") },
		"a number in an error":        func(l *slog.Logger) { l.Info("x", "error", errors.New("no such person: 123456789")) },
		"a number in a struct":        func(l *slog.Logger) { l.Info("x", "person", person{"A", "123-45-6789"}) },
		"a number in bytes":           func(l *slog.Logger) { l.Info("x", "body", []byte("123-45-6789")) },
		"a number in a group":         func(l *slog.Logger) { l.Info("x", slog.Group("g", slog.String("h", "123-45-6789"))) },
		"a number in a wrapped key":   func(l *slog.Logger) { l.With("who", "123-45-6789").Info("x") },
		"a key that says so":          func(l *slog.Logger) { l.Info("x", "ssn", 123456789) },
		"an account":                  func(l *slog.Logger) { l.Info("x", "Account-Number", "123-45-6789") },
		"a bearer token":              func(l *slog.Logger) { l.Info("x", "header", "Authorization: Bearer 123-45-6789abc") },
		"a token in JSON":             func(l *slog.Logger) { l.Info("x", "body", `{"access_token": "123-45-6789abc"}`) },
		"a secret in a form":          func(l *slog.Logger) { l.WithGroup("g").Info("x", "body", `client_secret=123-45-6789abc&a=b`) },
		"a secret under its key":      func(l *slog.Logger) { l.With("client_secret", "123-45-6789abc").Info("x") },
		"a secret in a grouped value": func(l *slog.Logger) { l.Info("x", slog.Group("g", slog.String("token", "123-45-6789abc"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			write(slog.New(Redact(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime}))))
			if log := out.String(); !strings.Contains(log, masked) || strings.Contains(log, "6789") {
				t.Errorf("log = %s", log)
			}
		})
	}
}

// withoutTime leaves the time out, whose digits may be those that are looked for.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestRedactionKeepsTheRest(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(Redact(slog.NewTextHandler(&out, nil)))
	if log.Enabled(context.Background(), slog.LevelDebug) {
		t.Error("debug is on")
	}
	log.Info("sync done", "connection_id", anID, "token_id", "t-1", "rows", 123456789, "took", "1.5s", "date", "2024-03-20")
	want := "connection_id=" + anID + " token_id=t-1 rows=123456789 took=1.5s date=2024-03-20"
	if !strings.Contains(out.String(), want) {
		t.Errorf("log = %s", out.String())
	}
}
