package file

import (
	"context"
	"encoding/json"
	"errors"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Connector opens accounts whose data came as files. The files travel in the account's settings, which the
// engine stores sealed; the zero value is ready to use.
type Connector struct {
	// Limits bound each file.
	Limits Limits
}

var _ provider.Connector = Connector{}

// Settings are the account settings of this connector.
type Settings struct {
	Files []File `json:"files"`
	// Mapping is the YAML text of a [Mapping]; empty leaves everything to the lexicon.
	Mapping string `json:"mapping,omitempty"`
	// Headers are the column titles of the files that were published last, by kind, in lower case and
	// alphabetical order: a file that has them can be read without asking.
	Headers map[Kind][]string `json:"headers,omitempty"`
}

// maxSettings bounds settings before they are decoded: files in base64 and a mapping.
const maxSettings = 512 << 20

// Name implements provider.Connector.
func (Connector) Name() string { return "file" }

// Open implements provider.Connector.
func (c Connector) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(account.Settings) > maxSettings {
		return nil, perch.Invalid("settings", "must not be larger than %d MiB", maxSettings>>20)
	}
	var settings Settings
	if err := json.Unmarshal(account.Settings, &settings); err != nil {
		return nil, perch.Invalid("settings", "%s", settingsFault(err))
	}
	mapping, err := ParseMapping([]byte(settings.Mapping))
	if err != nil {
		return nil, err
	}
	source, err := Open(settings.Files, mapping, Options{Limits: c.Limits, Now: account.Now})
	if err != nil {
		return nil, err
	}
	return source, nil
}

// settingsFault describes a decoding error without the decoder's own text, which may quote the input.
func settingsFault(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return wrong.Field + " has the wrong type"
	}
	return "must be a JSON object with files and mapping"
}
