package connect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

// progressPatience is how long the progress screen waits for data before it lets the employer go; the
// data keeps coming.
const progressPatience = 30 * time.Second

// connect makes the connection, its code and its first sync in one transaction with the visit, so that
// a visit never ends with one of them missing.
func (v *visit) connect(ctx context.Context, accounts []provider.CompanyAccount) error {
	text, hash := access.NewSecret("")
	v.scratch = scratch{Code: text}
	row := &v.row.Visit
	row.Status, row.MadeAt = statusConnected, v.Now()
	before := row.Step
	if row.Step = string(StepProgress); row.Method == perch.AuthAssisted {
		row.Step = string(StepDone)
	}
	if err := v.seal(ctx); err != nil {
		return err
	}
	v.note("connected", "")
	a := v.authorization(accounts)
	err := v.grant(ctx, a, func(tx *sql.Tx, granted connection.Granted) error {
		row.MadeConnection, row.MadeEntities = granted.Connection.ID, granted.Entities
		if err := v.Store.InsertCode(ctx, tx, v.code(hash)); err != nil {
			return err
		}
		if a.Status != perch.StatusPending {
			for _, entity := range granted.Entities {
				if err := v.Syncs.Enqueue(ctx, tx, v.app.ID, granted.Connection.ID, entity, "connected"); err != nil {
					return err
				}
			}
		}
		return v.saveIn(ctx, tx)
	})
	switch {
	case err == nil:
		v.finished = true // what turn would store is stored
		v.Log.InfoContext(ctx, "connected", "connection_id", row.MadeConnection, "provider_id", row.ProviderID)
		return nil
	case errors.Is(err, connection.ErrOtherCompany), errors.Is(err, store.ErrNotFound):
		v.undo(before)
		v.fail(notThisConnection(err))
		return nil
	case errors.Is(err, errStale):
		return err
	}
	var limit *perch.Error
	if errors.As(err, &limit) && limit.Name == perch.NameUnprocessableEntity {
		v.undo(before)
		v.fail(&Problem{Kind: problemUnknown, Title: "No more can be connected here", Text: limit.Message})
		return nil
	}
	return unforeseen("making the connection", err)
}

func notThisConnection(err error) *Problem {
	if errors.Is(err, connection.ErrOtherCompany) {
		return &Problem{Kind: problemWrong, Title: "This login opens another company", Text: "Log in to the company that is connected already."}
	}
	return &Problem{Kind: problemUnknown, Title: "The connection no longer exists", Text: "Close this window and ask for a new link."}
}

// undo takes back what connect prepared.
func (v *visit) undo(step string) {
	v.scratch, v.events = scratch{}, nil
	row := &v.row.Visit
	row.Status, row.Step, row.MadeAt = statusOpen, step, time.Time{}
	if v.step() == StepAccounts || v.step() == StepMFA {
		v.enter(row.Method)
	}
}

// grant authorises the connection of a reauthentication anew, or the one that this session made
// before; else it makes or joins one.
func (v *visit) grant(ctx context.Context, a connection.Authorization, within func(*sql.Tx, connection.Granted) error) error {
	target, own := v.row.ConnectionID, v.row.Visit.MadeConnection
	if target.IsZero() {
		target = own
	}
	if !target.IsZero() {
		existing, err := v.Store.LiveConnection(ctx, v.app.ID, target)
		if err == nil && existing.ProviderID == a.ProviderID {
			keep := v.offer().simulated() // a simulated employer stays who it is
			_, err = v.Connections.Reauthorize(ctx, existing, a, keep, within)
			if v.row.ConnectionID == target || !errors.Is(err, connection.ErrOtherCompany) {
				return err
			}
		}
		if v.row.ConnectionID == target {
			return errors.Join(err, store.ErrNotFound)
		}
	}
	_, err := v.Connections.Authorize(ctx, a, within)
	return err
}

func (v *visit) code(hash []byte) store.AuthorizationCode {
	return store.AuthorizationCode{Hash: hash, SessionID: v.row.ID, ApplicationID: v.app.ID, ConnectionID: v.row.Visit.MadeConnection,
		Entities: v.row.Visit.MadeEntities, Products: v.row.Products, RedirectURI: v.row.RedirectURI, Redirected: !v.embedded(),
		CreatedAt: v.Now(), ExpiresAt: v.Now().Add(codeLife)}
}

// finish hands the code over. Its ten minutes begin now: the employer may have watched the data
// arrive for longer.
func (v *visit) finish(ctx context.Context) error {
	text := v.scratch.Code
	hash := access.HashSecret(text)
	fresh := text == ""
	if fresh { // the one in hand became void
		text, hash = access.NewSecret("")
	}
	v.note("finished", "")
	row := v.row.Visit
	row.Status, row.Scratch, row.ScratchUntil = statusFinished, nil, time.Time{}
	v.row.Visit = row
	err := v.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := v.saveIn(ctx, tx); err != nil {
			return err
		}
		if fresh {
			return v.Store.InsertCode(ctx, tx, v.code(hash))
		}
		return v.Store.ExtendCode(ctx, tx, hash, v.Now().Add(codeLife))
	})
	if err != nil {
		return v.stale(err)
	}
	v.finished, v.scratch = true, scratch{}
	v.handOver(text)
	if err := v.Keyring.Destroy(ctx, v.row.ID); err != nil { // it seals nothing any more
		v.Log.WarnContext(ctx, "connect: a visit's key could not be destroyed", "connection_id", v.row.Visit.MadeConnection, "error", err)
	}
	return nil
}

// handAgain answers a form of a session that is finished. The one that finished it may come again,
// because the answer with the code was lost: within the code's ten minutes a new code takes the place
// of the unused one. Who has only the link gets none.
func (v *visit) handAgain(ctx context.Context) (View, error) {
	finishing := v.action.Verb == VerbFinish || v.action.Verb == VerbClose
	if !finishing || !among(v.row.Visit.Spent, v.action.Nonce) {
		return v.ended(ctx, v.over())
	}
	text, hash := access.NewSecret("")
	v.note("finished_again", "")
	err := v.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := v.Store.ReplaceCode(ctx, tx, v.app.ID, v.row.ID, hash, v.Now()); err != nil {
			return err
		}
		return v.record(ctx, tx)
	})
	if errors.Is(err, store.ErrNotFound) { // the application has used it, or it is too late
		return v.ended(ctx, v.over())
	}
	if err != nil {
		return View{}, unforeseen("handing the code over again", err)
	}
	v.handOver(text)
	return v.show(ctx)
}

func (v *visit) handOver(code string) {
	v.outcome = &Outcome{Kind: OutcomeSuccess, Code: code, State: v.row.Visit.State, URL: v.returnURL("code", code)}
}

// closed is how leaving without a connection goes out.
func (v *visit) closed() *Outcome {
	return &Outcome{Kind: OutcomeClosed, State: v.row.Visit.State, URL: v.returnURL("error", "access_denied")}
}

// unfinished is how leaving goes out when the session has made a connection whose code was not handed
// over, because its link was opened again.
func (v *visit) unfinished() *Outcome {
	return &Outcome{Kind: OutcomeError, State: v.row.Visit.State, URL: v.returnURL("error", codeConnectionExists), ErrorType: errorConnection, ShouldClose: true,
		Message: "The connection is made, but its code was not handed over. Open the session again to finish, or reauthenticate the connection."}
}

// returnURL is the redirect URI with one parameter and the state; empty for embedded visits. The URI's own
// query stays as the application wrote it, but for parameters of the names that are added.
func (v *visit) returnURL(name, value string) string {
	if v.embedded() || v.row.RedirectURI == "" {
		return ""
	}
	u, err := url.Parse(v.row.RedirectURI)
	if err != nil {
		return ""
	}
	added := url.Values{name: {value}}
	if v.row.Visit.State != "" {
		added.Set("state", v.row.Visit.State)
	}
	var query []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); pair != "" && (err != nil || !added.Has(key)) {
			query = append(query, pair)
		}
	}
	u.RawQuery = strings.Join(append(query, added.Encode()), "&")
	return u.String()
}

// progress looks how far the first sync is and moves on when everything is there, or after a while.
func (v *visit) progress(ctx context.Context) error {
	products, err := v.productProgress(ctx)
	if err != nil {
		return err
	}
	ready := true
	for _, p := range products {
		ready = ready && p.Ready
	}
	if ready || v.Now().Sub(v.row.Visit.MadeAt) >= progressPatience {
		v.goTo(StepDone)
	}
	return nil
}

// productProgress tells for each group of data that the products need how far it is.
func (v *visit) productProgress(ctx context.Context) ([]ProductProgress, error) {
	var list []ProductProgress
	for group, wanted := range v.groups() {
		if !wanted.any {
			continue
		}
		p := ProductProgress{Title: wanted.title, Ready: len(v.row.Visit.MadeEntities) > 0}
		for _, entity := range v.row.Visit.MadeEntities {
			account, err := v.Store.Account(ctx, v.row.Visit.MadeConnection, entity)
			if err != nil {
				return nil, unforeseen("reading the progress", err)
			}
			p.Ready = p.Ready && account.Groups[group].Complete
			p.Count += v.count(ctx, entity, wanted.kind)
		}
		list = append(list, p)
	}
	return list, nil
}

type wantedGroup struct {
	title string
	kind  syncengine.Kind
	any   bool
}

func (v *visit) groups() [access.SyncGroups]wantedGroup {
	groups := [access.SyncGroups]wantedGroup{
		access.Organization: {title: "Company and people", kind: syncengine.KindPerson},
		access.Payroll:      {title: "Payroll", kind: syncengine.KindPayment},
	}
	for _, p := range v.row.Products {
		switch p {
		case perch.ProductPayment, perch.ProductPayStatement:
			groups[access.Payroll].any = true
		default:
			groups[access.Organization].any = true
		}
	}
	return groups
}

// count is how many records the last sync brought; 0 until it has ended.
func (v *visit) count(ctx context.Context, entity perch.ID, kind syncengine.Kind) int {
	last, err := v.Store.LatestSync(ctx, entity)
	if err != nil || last.State != store.SyncComplete {
		return 0
	}
	var records map[syncengine.Kind]syncengine.Counts
	if json.Unmarshal([]byte(last.Summary), &records) != nil {
		return 0
	}
	c := records[kind]
	return c.Created + c.Updated + c.Unchanged
}
