package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	perch "github.com/perchhq/perch"
)

// Limits of the number of people, and the number where none is asked for.
const (
	DefaultEmployees = 20
	MaxEmployees     = 100_000
)

// maxSettingsBytes bounds what Decode reads; a full field mask takes about 8 KB.
const maxSettingsBytes = 64 << 10

// Days of connection that the calendar and tax tables can serve.
var (
	firstAsOf = perch.NewDate(2000, 1, 1)
	lastAsOf  = perch.NewDate(2199, 12, 31)
)

// Settings describe one simulated employer. Equal settings give equal data, byte for byte.
type Settings struct {
	// Seed selects the employer.
	Seed uint64 `json:"seed"`
	// Employees is the number of people, leavers and contractors included.
	Employees int `json:"employees"`
	// AsOf is the day on which the connection was made; the newest payment is dated so.
	AsOf perch.Date `json:"as_of"`
	// Fields is what the imitated provider supplies; nil is everything.
	Fields *perch.SupportedFields `json:"fields,omitempty"`
}

// NewSettings returns valid settings. employees 0 stands for [DefaultEmployees]; fields nil for every
// field.
func NewSettings(seed uint64, employees int, asOf perch.Date, fields *perch.SupportedFields) (Settings, error) {
	s := Settings{Seed: seed, Employees: employees, AsOf: asOf, Fields: fields}
	if s.Employees == 0 {
		s.Employees = DefaultEmployees
	}
	return s, s.validate()
}

func (s Settings) validate() error {
	if s.Employees < 1 || s.Employees > MaxEmployees {
		return perch.Invalid("employees", "must be between 1 and %d", MaxEmployees)
	}
	if s.AsOf < firstAsOf || s.AsOf > lastAsOf {
		return perch.Invalid("as_of", "must be between %s and %s", firstAsOf, lastAsOf)
	}
	return nil
}

// Encode returns the JSON that a connection keeps as provider.Account.Settings.
func (s Settings) Encode() ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// Decode reads what Encode wrote. Unknown members, missing dates and values out of range are errors
// that name the member.
func Decode(data []byte) (Settings, error) {
	if len(data) > maxSettingsBytes {
		return Settings{}, perch.Invalid("settings", "must be at most %d bytes", maxSettingsBytes)
	}
	var raw struct {
		Settings
		AsOf *perch.Date `json:"as_of"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return Settings{}, malformed(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, perch.Invalid("settings", "must be one JSON object")
	}
	if raw.AsOf == nil {
		return Settings{}, perch.Invalid("as_of", "is required: the day of the connection as YYYY-MM-DD")
	}
	return NewSettings(raw.Seed, raw.Employees, *raw.AsOf, raw.Fields)
}

// malformed turns a decoder's error into one that names the member where that is known.
func malformed(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return perch.Invalid(kind.Field, "must not be a JSON %s", kind.Value)
	case errors.Is(err, perch.ErrInvalidDate):
		return perch.Invalid("as_of", "must be a date as YYYY-MM-DD")
	}
	return fmt.Errorf("decoding the sandbox settings: %w", err)
}
