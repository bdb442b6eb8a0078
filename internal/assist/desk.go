package assist

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
)

// Times that people have, as the published integration types promise them: two weeks to set a
// connection up and a week between refreshes. Deductions set their own; see [Task].
const (
	SetUpTime   = 14 * 24 * time.Hour
	RefreshTime = 7 * 24 * time.Hour
	fileTime    = 24 * time.Hour
	requestTime = 14 * 24 * time.Hour
)

// Syncs queues syncs of simulated connections, whose data needs no file.
type Syncs interface {
	Enqueue(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) error
}

// Desk is what operators do about connections. Every change names who made it and is in the audit log.
type Desk struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Catalog func() (*catalog.Catalog, error)
	Syncs   Syncs
	Now     func() time.Time
}

// Due returns what waits for people.
func (d *Desk) Due(ctx context.Context, q store.DueQuery) ([]store.Due, int, map[string]int, error) {
	return d.Store.Due(ctx, store.SLA{SetUp: SetUpTime, Refresh: RefreshTime, File: fileTime, Request: requestTime}, q)
}

// Task is work that another part of Perch asks people to do, such as a deduction to enter at a provider.
type Task struct {
	// Kind is a word such as "deduction"; Ref is the task's own id within the kind.
	Kind, Ref     string
	ApplicationID perch.ID
	// ConnectionID is the connection that it concerns; zero for none.
	ConnectionID perch.ID
	// Title says what is to be done, without personal data.
	Title string
	Due   time.Time
	// Link is the page on which it is done, a path below /console/; empty means the connection's page.
	Link string
}

// Ask puts a task into the queue, or changes one that is there, in the caller's transaction.
func (d *Desk) Ask(ctx context.Context, tx *sql.Tx, t Task) error {
	if t.Kind == "" || t.Ref == "" || t.Due.IsZero() || t.Link != "" && !strings.HasPrefix(t.Link, "/console/") {
		return fmt.Errorf("task %s %s: it needs a kind, a ref, a due date and a link within the console", t.Kind, t.Ref)
	}
	return d.Store.PutTask(ctx, tx, store.ConsoleTask{Kind: t.Kind, Ref: t.Ref, ApplicationID: t.ApplicationID, ConnectionID: t.ConnectionID,
		Title: t.Title, Link: t.Link, CreatedAt: d.Now(), DueAt: t.Due})
}

// Settle takes a task off the queue, in the caller's transaction.
func (d *Desk) Settle(ctx context.Context, tx *sql.Tx, application perch.ID, kind, ref, by string) error {
	return d.Store.CloseTask(ctx, tx, application, kind, ref, by, d.Now())
}

// CloseRequest notes that an employer's request for a provider was dealt with.
func (d *Desk) CloseRequest(ctx context.Context, by string, application, event perch.ID) error {
	return d.write(ctx, store.Audit{Actor: by, Action: "request.closed", ApplicationID: application}, func(tx *sql.Tx) error {
		return d.Store.CloseRequest(ctx, tx, application, event, by, d.Now())
	})
}

// Connections lists those that people serve.
func (d *Desk) Connections(ctx context.Context, q store.AssistedQuery) ([]store.AssistedRow, int, error) {
	return d.Store.AssistedConnections(ctx, q)
}

// Case is all about one connection that people serve.
type Case struct {
	store.AssistedRow
	// Provider is the catalogue's entry; its ID is empty where the catalogue has none.
	Provider catalog.Entry
	Entity   perch.ID
	// TakesFiles is false for simulated connections, whose data is made up.
	TakesFiles bool
	// Published says that there is data to read.
	Published bool
	// InviteAddress is whom the employer invites; OwnAddress is the connection's own, and empty where
	// the application's is used.
	InviteAddress, OwnAddress string
	// HasAccount says that a sign-in is stored, AccountAt since when.
	HasAccount bool
	AccountAt  time.Time
	// DueAt is when the set-up or the next refresh is due; zero when nothing is.
	DueAt time.Time
	// Moves are the statuses that the connection may be given now.
	Moves []perch.ConnectionStatus
}

// Case returns a connection, or store.ErrNotFound.
func (d *Desk) Case(ctx context.Context, application, connection perch.ID) (Case, error) {
	row, err := d.Store.AssistedConnection(ctx, application, connection)
	if err != nil {
		return Case{}, err
	}
	c := Case{AssistedRow: row, Published: !row.RetrievedAt.IsZero()}
	providers, err := d.Catalog()
	if err != nil {
		return c, err
	}
	c.Provider, _ = providers.Provider(row.Connection.ProviderID)
	entities, err := d.Store.LiveEntities(ctx, application, connection)
	if err != nil {
		return c, err
	}
	for _, e := range entities {
		if files := e.Connector == (file.Connector{}).Name(); files && !c.TakesFiles || c.Entity.IsZero() {
			c.Entity, c.TakesFiles = e.ID, files
		}
	}
	settings, err := d.Store.ApplicationSettings(ctx, application)
	if err != nil {
		return c, err
	}
	account, err := d.Store.AssistedAccount(ctx, application, connection)
	if err != nil {
		return c, err
	}
	c.InviteAddress, c.OwnAddress = settings.InviteAddress, account.InviteAddress
	if c.OwnAddress != "" {
		c.InviteAddress = c.OwnAddress
	}
	c.HasAccount, c.AccountAt = len(account.Sealed) > 0, account.UpdatedAt
	switch {
	case row.Connection.Status == perch.StatusConnected && c.TakesFiles && c.Published:
		c.DueAt = row.RetrievedAt.Add(RefreshTime)
	case row.Connection.Status != perch.StatusConnected && row.Connection.Status != perch.StatusReauth:
		c.DueAt = row.CreatedAt.Add(SetUpTime)
	}
	c.Moves = moves(c)
	return c, nil
}

// moves are the statuses that an operator may give. A connection is connected by its data: files publish
// themselves, and only a simulated one has some without.
func moves(c Case) []perch.ConnectionStatus {
	all := []perch.ConnectionStatus{perch.StatusPending, perch.StatusProcessing, perch.StatusConnected, perch.StatusNoAccountSetup, perch.StatusPermissions}
	if c.Connection.Status == perch.StatusConnected || c.Published {
		all = []perch.ConnectionStatus{perch.StatusConnected, perch.StatusNoAccountSetup, perch.StatusPermissions, perch.StatusReauth}
	}
	return slices.DeleteFunc(all, func(s perch.ConnectionStatus) bool {
		return s == c.Connection.Status || s == perch.StatusConnected && c.TakesFiles && !c.Published
	})
}

// statusMessages tell the application what a status means for the employer.
var statusMessages = map[perch.ConnectionStatus]string{
	perch.StatusPending:        "The employer has granted access, and the invitation to the provider is awaited.",
	perch.StatusProcessing:     "The invitation arrived with the right permissions, and the data is being read for the first time.",
	perch.StatusNoAccountSetup: "No invitation to the provider arrived. The employer should follow the instructions in Connect and invite the address given there.",
	perch.StatusPermissions:    "The invited account lacks permissions at the provider. The employer should invite it again, following the instructions in Connect.",
	perch.StatusReauth:         "The account at the provider was removed. The employer should connect again.",
}

// SetStatus moves a connection to a status, which every process and every client sees with the next
// request.
func (d *Desk) SetStatus(ctx context.Context, by string, application, connection perch.ID, status perch.ConnectionStatus) error {
	c, err := d.Case(ctx, application, connection)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Moves, status) {
		if status == perch.StatusConnected && !c.Published {
			return perch.Invalid("status", "A connection is connected by its first data. Publish a file.")
		}
		return perch.Invalid("status", "The connection cannot go from %s to %.40q.", c.Connection.Status, string(status))
	}
	entities, err := d.Store.LiveEntities(ctx, application, connection)
	if err != nil {
		return err
	}
	entry := d.audit(by, "status.changed", application, connection, string(c.Connection.Status)+" to "+string(status))
	return d.write(ctx, entry, func(tx *sql.Tx) error {
		if err := d.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		for _, e := range entities {
			if err := d.Store.SetStatus(ctx, tx, connection, e.ID, status, statusMessages[status]); err != nil {
				return err
			}
			if status == perch.StatusConnected && !c.TakesFiles && !c.Published {
				if err := d.Syncs.Enqueue(ctx, tx, application, connection, e.ID, "set up"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Account is how people sign in at the provider on an employer's behalf.
type Account struct {
	URL      string `json:"url,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Notes    string `json:"notes,omitempty"`
}

// Bounds of what is typed.
const (
	maxLine  = 500
	maxNotes = 4000
)

func (a Account) check() error {
	for _, f := range []struct{ name, text string }{{"url", a.URL}, {"username", a.Username}, {"password", a.Password}} {
		if utf8.RuneCountInString(f.text) > maxLine || strings.ContainsFunc(f.text, unicode.IsControl) {
			return perch.Invalid(f.name, "must be one line of up to %d characters", maxLine)
		}
	}
	if utf8.RuneCountInString(a.Notes) > maxNotes {
		return perch.Invalid("notes", "must have up to %d characters", maxNotes)
	}
	if a.URL != "" {
		if _, ok := access.Origin(a.URL); !ok {
			return perch.Invalid("url", "must begin with https://")
		}
	}
	return nil
}

func accountPlace(connection perch.ID) []byte {
	return append([]byte("assisted account/"), connection[:]...)
}

// SaveAccount stores how to sign in at the provider, sealed. Fields that are empty keep what is stored;
// a zero account forgets all of it.
func (d *Desk) SaveAccount(ctx context.Context, by string, application, connection perch.ID, a Account) error {
	if err := a.check(); err != nil {
		return err
	}
	kept, known, err := d.account(ctx, application, connection)
	if err != nil {
		return err
	}
	action := "credentials.saved"
	if a == (Account{}) {
		kept.Sealed, action = nil, "credentials.forgotten"
	} else {
		for _, f := range []struct{ to, from *string }{{&a.URL, &known.URL}, {&a.Username, &known.Username}, {&a.Password, &known.Password}, {&a.Notes, &known.Notes}} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
		if kept.Sealed, err = d.seal(ctx, connection, a); err != nil {
			return err
		}
	}
	return d.putAccount(ctx, d.audit(by, action, application, connection, ""), application, connection, kept)
}

// SetInviteAddress says whom the employer of a connection invites; empty leaves it to the application.
func (d *Desk) SetInviteAddress(ctx context.Context, by string, application, connection perch.ID, address string) error {
	if address != "" && (len(address) > 254 || strings.Count(address, "@") != 1 || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })) {
		return perch.Invalid("address", "is not an e-mail address")
	}
	kept, err := d.Store.AssistedAccount(ctx, application, connection)
	if err != nil {
		return err
	}
	kept.InviteAddress = address
	return d.putAccount(ctx, d.audit(by, "address.changed", application, connection, ""), application, connection, kept)
}

func (d *Desk) putAccount(ctx context.Context, entry store.Audit, application, connection perch.ID, a store.AssistedAccount) error {
	a.UpdatedAt = d.Now()
	return d.write(ctx, entry, func(tx *sql.Tx) error {
		if err := d.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		return d.Store.PutAssistedAccount(ctx, tx, connection, a)
	})
}

// Reveal returns how to sign in at the provider. That somebody saw it is recorded before it is shown.
func (d *Desk) Reveal(ctx context.Context, by string, application, connection perch.ID) (Account, error) {
	_, a, err := d.account(ctx, application, connection)
	if err != nil {
		return Account{}, err
	}
	if a == (Account{}) {
		return a, perch.Invalid("account", "No sign-in is stored.")
	}
	return a, d.write(ctx, d.audit(by, "credentials.revealed", application, connection, ""), func(*sql.Tx) error { return nil })
}

func (d *Desk) account(ctx context.Context, application, connection perch.ID) (store.AssistedAccount, Account, error) {
	var a Account
	kept, err := d.Store.AssistedAccount(ctx, application, connection)
	if err != nil || len(kept.Sealed) == 0 {
		return kept, a, err
	}
	keys, err := d.Keyring.Cipher(ctx, connection)
	if err != nil {
		return kept, a, err
	}
	plain, err := keys.Open(nil, kept.Sealed, accountPlace(connection))
	if err != nil {
		return kept, a, fmt.Errorf("opening the account: %w", err)
	}
	if err := json.Unmarshal(plain, &a); err != nil {
		return kept, a, errors.New("the stored account cannot be read")
	}
	return kept, a, nil
}

func (d *Desk) seal(ctx context.Context, connection perch.ID, a Account) ([]byte, error) {
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	keys, err := d.Keyring.Cipher(ctx, connection)
	if err != nil {
		return nil, err
	}
	return keys.Seal(nil, plain, accountPlace(connection)), nil
}

// History returns the newest entries of the audit log about a connection.
func (d *Desk) History(ctx context.Context, application, connection perch.ID) ([]store.Audit, error) {
	const shown = 20
	return d.Store.ConnectionAudit(ctx, application, connection, shown)
}

// AuditLog returns a part of the whole audit log, newest first, and its length.
func (d *Desk) AuditLog(ctx context.Context, limit, offset int) ([]store.Audit, int, error) {
	return d.Store.AuditLog(ctx, limit, offset)
}

func (d *Desk) audit(by, action string, application, connection perch.ID, detail string) store.Audit {
	return store.Audit{Actor: by, Action: action, ApplicationID: application, ConnectionID: connection, Detail: detail}
}

// write does something together with its entry in the audit log.
func (d *Desk) write(ctx context.Context, entry store.Audit, fn func(tx *sql.Tx) error) error {
	entry.At = d.Now()
	return d.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return d.Store.InsertAudit(ctx, tx, entry)
	})
}
