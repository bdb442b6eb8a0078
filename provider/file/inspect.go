package file

import (
	"errors"

	perch "github.com/perchhq/perch"
)

// Inspection is what can be said of one file on its own.
type Inspection struct {
	// Kind is what the file looks like, where the caller did not say.
	Kind Kind
	// Preview is how its columns would be read; it has no samples.
	Preview FilePreview
	// Err is why the file is of no use at all, or nil.
	Err error
}

// Inspect looks at one file without reading its rows, to show its columns where [Open] fails, and to tell
// a census from a register where f.Kind is empty.
func Inspect(f File, mapping Mapping, options Options) Inspection {
	in := Inspection{Kind: f.Kind}
	given := mapping.Census
	if f.Kind == Payroll {
		given = mapping.Payroll
	}
	t, err := readFile(f, given, options.Limits)
	if err != nil {
		in.Preview.Name, in.Err = f.Name, err
		return in
	}
	if in.Kind == "" {
		if in.Kind = Census; newSheet(t, Census, nil, &issues{}, 0).looksLikeRegister() {
			in.Kind = Payroll
		}
		if given = mapping.Census; in.Kind == Payroll {
			given = mapping.Payroll
		}
	}
	found := &issues{}
	sh := newSheet(t, in.Kind, given, found, 0)
	in.Preview = (&Source{}).filePreview(sh)
	if err := sh.checkColumns(); err != nil {
		in.Err = err
	}
	return in
}

// Explain is an error of a file in words for people. What it does not know is not about the file.
func Explain(err error) (string, bool) {
	var known *perch.Error
	switch {
	case errors.As(err, &known):
		return known.Message, true
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrNotReadable), errors.Is(err, ErrNoData):
		return err.Error(), true
	}
	return "", false
}
