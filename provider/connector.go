package provider

import (
	"context"
	"iter"
	"time"

	perch "github.com/perchhq/perch"
)

// Connector opens accounts of one employment system.
type Connector interface {
	// Name is the connector's identifier, such as "sandbox" or "file". It takes part in deriving
	// ids and never changes.
	Name() string
	// Open returns a reader of one account. It may check the credentials; it fetches nothing else.
	Open(ctx context.Context, account Account) (Source, error)
}

// Account is what a connector needs to know to open one account.
type Account struct {
	// ID names the account within this installation, for a connector that keeps something beside it.
	ID perch.ID
	// ProviderID is the catalogue's id of the provider, such as "gusto".
	ProviderID string
	// Authentication is how the employer authorised access.
	Authentication perch.AuthenticationType
	// Settings is the connector's own JSON for this account: a seed, a folder, a region. It is
	// stored sealed and holds the credentials, where there are any.
	Settings []byte
	// Vault gives the settings as they stand now and stores changed ones. It is nil where nothing
	// may change them, as when credentials are only tried.
	Vault Vault
	// Products are the scopes of the connection. A source may skip what no product needs.
	Products []perch.Product
	// Now tells the time.
	Now func() time.Time
}

// Source reads one account. What it can read it shows by the reader interfaces below. Readers are
// called one after the other from one goroutine, people before pay groups, pay groups before
// payments, payments before their statements.
type Source interface {
	// Close releases what Open took. It is called once, also after an error.
	Close() error
}

// CompanyReader reads the employer itself.
type CompanyReader interface {
	// Company returns the company with a zero ID.
	Company(ctx context.Context) (perch.Company, error)
}

// PeopleReader reads everyone the system knows, leavers included.
type PeopleReader interface {
	// People yields every person once, in an order that is the same on every call where the
	// provider allows it. An error ends the iteration. The yielded value is the consumer's to read
	// until the next one is asked for; the connector may reuse it.
	People(ctx context.Context) iter.Seq2[*Person, error]
}

// PayGroupReader reads the pay groups.
type PayGroupReader interface {
	PayGroups(ctx context.Context) iter.Seq2[*PayGroup, error]
}

// PaymentReader reads the pay runs, oldest first.
type PaymentReader interface {
	Payments(ctx context.Context) iter.Seq2[*Payment, error]
}

// PayStatementReader reads the statements of one pay run.
type PayStatementReader interface {
	// PayStatements yields the statements of the payment with the given key, under the same rules
	// as People.
	PayStatements(ctx context.Context, paymentKey string) iter.Seq2[*PayStatement, error]
}

// W4Reader reads the Form W-4 that an employee has on file. It is not part of a sync: forms are
// fetched one by one, when somebody asks for one.
type W4Reader interface {
	// W4 returns the form in force of the person with the given key, or nil where there is none on
	// file, as for contractors. It fails with perch.NotFound for a key that nobody has.
	W4(ctx context.Context, personKey string) (*W4, error)
}

// W4 is a Form W-4. Exactly one of its editions is set, with the IndividualID left zero.
type W4 struct {
	// Year is the tax year of the form.
	Year  int
	W2020 *perch.W42020
	W2005 *perch.W42005
}

// ProblemReporter is implemented by sources that can skip what they could not read. Problems is
// asked once, after everything was read.
type ProblemReporter interface {
	Problems() []Problem
}

// Problem is one thing that a source could not read. It names the place and never quotes the
// value: problems are logged and printed.
type Problem struct {
	// Where is the place: "census.csv row 12 column DOB".
	Where string `json:"where"`
	// Message says what is wrong and what would be accepted.
	Message string `json:"message"`
}

// Person is one person in all their aspects. Ids inside Individual and Employment are left zero:
// the engine fills them from Keys and ManagerKey.
type Person struct {
	// Keys are the natural keys of the person, strongest first, each with its kind as prefix:
	// "employee:1042", "ssn:…", "name:…". One is enough where the provider has a stable key of its
	// own. A person who was known by a weaker key keeps the id when a stronger one appears.
	Keys []string
	// Individual is the person; SSN holds nine digits where the provider supplies it.
	Individual perch.Individual
	// Employment is the job. Its Manager is left nil; see ManagerKey.
	Employment perch.Employment
	// ManagerKey is a key of another person of the same source, or empty.
	ManagerKey string
	// Mentioned says that the source only mentions the person, as a payroll register does: someone who
	// is known already stays as they are.
	Mentioned bool
	// Unsaid are the fields about which the source says nothing for this person, because it has no such
	// column or could not read the cell. They keep the values that are known already; see [KeepKnown].
	// Sources that say everything they know leave it zero.
	Unsaid Fields
}

// PayGroup is a pay group with its members by key. Its ID and IndividualIDs are left empty.
type PayGroup struct {
	Key        string
	PayGroup   perch.PayGroup
	MemberKeys []string
}

// Payment is a pay run with its people and pay groups by key. Its ID, IndividualIDs and
// PayGroupIDs are left empty.
type Payment struct {
	Key          string
	Payment      perch.Payment
	PersonKeys   []string
	PayGroupKeys []string
}

// PayStatement is a person's statement within a payment. IndividualID is left zero.
type PayStatement struct {
	// PersonKey names the person.
	PersonKey string
	// Key tells several statements of one person within one payment apart; it may be empty when
	// there is one.
	Key       string
	Statement perch.PayStatement
}

// Coverage says what it means that a source does not list something that it listed before.
type Coverage uint8

const (
	// Complete sources list everything they know: what is absent was deleted.
	Complete Coverage = iota
	// AbsentLeft sources list who is there now: a person who is absent has left, and is kept as a
	// leaver.
	AbsentLeft
	// Additive sources list a part, such as one month: what is absent stays as it is.
	Additive
)

// CoverageReporter is implemented by sources that are not Complete.
type CoverageReporter interface {
	PeopleCoverage() Coverage
	// PaymentCoverage is Complete or Additive. It covers pay groups too.
	PaymentCoverage() Coverage
}
