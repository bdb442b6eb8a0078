package sandbox

import (
	"context"

	perch "github.com/perchhq/perch"
)

// Ledger keeps what was written to the deductions of simulated employers.
type Ledger interface {
	// Deductions returns the deductions that were added or changed, in ascending order of their numbers.
	Deductions(ctx context.Context, account perch.ID) ([]LedgerDeduction, error)
	// Enrolments returns what was written about people in a deduction, in ascending order of their indexes.
	Enrolments(ctx context.Context, account perch.ID, deduction int) ([]LedgerEnrolment, error)
	// Write runs change in a transaction in which no one else writes to the account's ledger, and keeps its
	// result. For an id that was used before it returns the kept result and does not run change.
	Write(ctx context.Context, account perch.ID, id string, change func(tx LedgerTx) (result []byte, err error)) ([]byte, error)
}

// LedgerTx is the ledger of one account within a transaction.
type LedgerTx interface {
	Deductions() ([]LedgerDeduction, error)
	PutDeduction(d LedgerDeduction) error
	// Enrolled says of everyone about whom something was written whether they are enrolled.
	Enrolled(deduction int) (map[int]bool, error)
	// PutEnrolments stores enrolments, no two of the same person.
	PutEnrolments(deduction int, list []LedgerEnrolment) error
}

// LedgerDeduction is a deduction that was added, or a generated one that was changed. Body is JSON.
type LedgerDeduction struct {
	Number int
	Body   []byte
}

// LedgerEnrolment is a person who was enrolled, or whose enrolment was ended. Body is JSON.
type LedgerEnrolment struct {
	Person   int
	Enrolled bool
	Body     []byte
}
