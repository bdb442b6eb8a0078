package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// masked replaces what must not be logged.
const masked = "[masked]"

// Redact wraps a log handler so that secrets and social security numbers do not reach the log, even
// if they get into an error or an attribute by mistake. Values of attributes whose name says that
// they are secret are masked whole; in all other text, bearer and basic credentials and whatever
// looks like a social security number are.
func Redact(next slog.Handler) slog.Handler { return redactor{next} }

type redactor struct{ next slog.Handler }

// Enabled implements slog.Handler.
func (h redactor) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h redactor) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, maskText(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(maskAttr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactor{h.next.WithAttrs(maskAttrs(attrs))}
}

// WithGroup implements slog.Handler.
func (h redactor) WithGroup(name string) slog.Handler { return redactor{h.next.WithGroup(name)} }

func maskAttrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = maskAttr(a)
	}
	return clean
}

func maskAttr(a slog.Attr) slog.Attr {
	if isSecret(a.Key) {
		return slog.String(a.Key, masked)
	}
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, maskText(value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(maskAttrs(value.Group())...)}
	case slog.KindAny:
		// Errors, byte slices and structs are written as text, so that what is inside is seen here.
		if text, ok := value.Any().([]byte); ok {
			return slog.String(a.Key, maskText(string(text)))
		}
		return slog.String(a.Key, maskText(fmt.Sprintf("%+v", value.Any())))
	}
	return slog.Attr{Key: a.Key, Value: value}
}

// secretKeys are parts of the names of attributes that are masked whole.
var secretKeys = []string{"authorization", "token", "secret", "password", "passphrase", "cookie", "api_key", "apikey",
	"_ssn_", "social_security", "account_number", "routing_number", "credential", "private_key"}

func isSecret(key string) bool {
	key = "_" + strings.ToLower(strings.ReplaceAll(key, "-", "_")) + "_"
	if strings.HasSuffix(key, "_id_") { // the id of a token names it without opening anything
		return false
	}
	return slices.ContainsFunc(secretKeys, func(part string) bool { return strings.Contains(key, part) })
}

var (
	credentialText = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[^\s"',;]+`)
	secretPair     = regexp.MustCompile(`(?i)("?\b(?:access_token|client_secret|refresh_token|password|ssn|account_number|routing_number)"?\s*[:=]\s*)("[^"]*"|[^\s,;&}]+)`)
	ssnText        = regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b|\b\d{9}\b`)
)

func maskText(text string) string {
	text = credentialText.ReplaceAllString(text, "$1 "+masked)
	text = secretPair.ReplaceAllString(text, "${1}"+masked)
	return ssnText.ReplaceAllString(text, masked)
}
