package provider

import (
	"context"
	"iter"

	perch "github.com/perchhq/perch"
)

// DeductionReader reads deductions and who is enrolled in them, as they are at the moment. Deductions are
// no part of a sync: what was written shows in the next read.
type DeductionReader interface {
	// Deductions lists the company's deductions.
	Deductions(ctx context.Context) ([]Deduction, error)
	// Enrolments yields those who are enrolled in the deduction with the given key, each once and in an
	// order that is the same on every call. An error ends the iteration. The yielded value is the
	// consumer's to read until the next one is asked for.
	Enrolments(ctx context.Context, deductionKey string) iter.Seq2[*Enrolment, error]
}

// DeductionWriter writes deductions. Each write has an id of the caller's and is applied once: a call with
// an id that was used before changes nothing and returns what the first call returned. A write that fails
// has changed nothing, or will not change more when it is called again.
type DeductionWriter interface {
	DeductionReader
	// CreateDeduction makes a deduction and returns its key. Where there is one of the same type, frequency
	// and description, that one's key is returned.
	CreateDeduction(ctx context.Context, write string, deduction perch.Deduction) (key string, err error)
	// DescribeDeduction gives a deduction another description.
	DescribeDeduction(ctx context.Context, write, deductionKey, description string) error
	// Enrol enrols people one after the other, or replaces the whole of their enrolments. It returns an
	// outcome for each.
	Enrol(ctx context.Context, write, deductionKey string, enrolments []Enrolment) ([]Outcome, error)
	// Unenrol ends the enrolments of people. It returns an outcome for each.
	Unenrol(ctx context.Context, write, deductionKey string, personKeys []string) ([]Outcome, error)
}

// Deduction is a company-level deduction or contribution. Its BenefitID is left zero.
type Deduction struct {
	// Key is the provider's own key of the deduction, which never changes.
	Key       string
	Deduction perch.Deduction
}

// Enrolment is one person's participation in a deduction.
type Enrolment struct {
	PersonKey string
	Enrolment perch.Enrolment
}

// Outcome is what became of one person in a write.
type Outcome struct {
	Result WriteResult `json:"result"`
	// Message explains a refusal to the developer. It holds nothing personal.
	Message string `json:"message,omitempty"`
}

// WriteResult is what became of one person in a write.
type WriteResult string

// Results of writes.
const (
	Enrolled    WriteResult = "enrolled"
	Changed     WriteResult = "changed"
	Unenrolled  WriteResult = "unenrolled"
	NotEnrolled WriteResult = "not_enrolled"
	NoSuchKey   WriteResult = "no_such_key"
	Declined    WriteResult = "declined"
)
