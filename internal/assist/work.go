package assist

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider/file"
)

const (
	// claimFor is how long a process may work on an upload without a sign of life.
	claimFor = time.Minute
	// queuedFor is how long work may wait for its job before it is queued again.
	queuedFor = time.Minute
	// retryIn is how long an upload waits for another sync of its entity, or after a failure of ours.
	retryIn = 5 * time.Second
	// triesFor is how long a failure of ours is tried again.
	triesFor = time.Hour
	// skippedPercent is how many rows of a file may be lost before it waits for a person.
	skippedPercent = 5
)

// Report is what reading an upload found. It holds personal data and is stored sealed.
type Report struct {
	// Problem says why the files cannot be published as they are; empty if they can.
	Problem string
	Preview file.Preview
	Compare file.Comparison
	// Matches says that the files look as they did when they were published last.
	Matches bool
	// ManyLeavers says that most people would leave.
	ManyLeavers bool
	Leavers     int
}

func reportPlace(id perch.ID) []byte  { return append([]byte("upload report/"), id[:]...) }
func mappingPlace(id perch.ID) []byte { return append([]byte("upload mapping/"), id[:]...) }

// Work reads or publishes an upload, whichever it waits for. How it ended stands in its row.
func (u *Uploads) Work(ctx context.Context, entity, upload perch.ID) {
	owner := u.Owner + "/" + perch.NewID().String()
	row, err := u.Store.ClaimUpload(ctx, entity, upload, owner, u.Now().Add(queuedFor), u.Now().Add(claimFor))
	if errors.Is(err, store.ErrNotFound) {
		return // it is over, or somebody else has it
	}
	if err == nil {
		defer u.thrift.begin()()
		work := u.read
		if row.State == store.UploadPublishing {
			work = u.publish
		}
		err = u.guarded(ctx, row, owner, work)
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, secret.ErrDestroyed) {
		return // handed over, moved on meanwhile, or disconnected
	}
	if errors.Is(err, syncengine.ErrHeld) {
		u.later(ctx, row, "")
		return
	}
	u.Log.WarnContext(ctx, "an upload failed", "upload_id", upload, "entity_id", entity, "state", string(row.State), "error", err)
	if u.Now().Sub(row.CreatedAt) < triesFor || row.State == store.UploadPublishing && u.Now().Sub(row.DecidedAt) < triesFor {
		u.later(ctx, row, "Something went wrong on our side. It is being tried again.")
		return
	}
	u.settle(ctx, row, store.UploadMove{To: store.UploadFailed, Message: "Something went wrong on our side. The log says what."})
}

// guarded does the work while a heartbeat holds the claim, and turns a panic into a failure.
func (u *Uploads) guarded(ctx context.Context, row store.Upload, owner string, work func(context.Context, store.Upload, *progress) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &progress{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				at, of := p.get()
				if err := u.Store.HoldUpload(ctx, row.EntityID, row.ID, owner, u.Now().Add(claimFor), at, of); errors.Is(err, store.ErrNotFound) {
					cancel(err)
					return
				}
			}
		}
	}()
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the upload panicked: %v", caught)
		}
		cancel(nil)
		<-done
	}()
	return work(ctx, row, p)
}

func (u *Uploads) later(ctx context.Context, row store.Upload, message string) {
	err := u.Store.Tx(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
		return u.Store.MoveUpload(ctx, tx, row.EntityID, row.ID, store.UploadMove{From: []store.UploadState{row.State}, To: row.State, Message: message,
			AllowLeavers: row.AllowLeavers, Until: u.Now().Add(retryIn)})
	})
	if err != nil {
		u.Log.WarnContext(ctx, "an upload could not be laid down", "upload_id", row.ID, "error", err)
	}
}

func (u *Uploads) settle(ctx context.Context, row store.Upload, m store.UploadMove) {
	m.From = []store.UploadState{row.State}
	if err := u.Store.Tx(context.WithoutCancel(ctx), func(tx *sql.Tx) error { return u.move(ctx, tx, row, m) }); err != nil {
		u.Log.WarnContext(ctx, "an upload could not be moved", "upload_id", row.ID, "error", err)
	}
}

// read reads an upload's files and decides whether they wait for a person.
func (u *Uploads) read(ctx context.Context, row store.Upload, _ *progress) error {
	cipher, err := u.Keyring.Cipher(ctx, row.EntityID)
	if err != nil {
		return err
	}
	files, err := u.files(ctx, cipher, row)
	if err != nil {
		return err
	}
	known, err := u.remembered(ctx, row)
	if err != nil {
		return err
	}
	mapping, err := u.mapping(ctx, cipher, row, known)
	if err != nil {
		return err
	}
	report, err := u.report(ctx, cipher, row, files, mapping, known)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("encoding a report: %w", err)
	}
	move := store.UploadMove{From: []store.UploadState{store.UploadReading}, To: store.UploadReview, Report: cipher.Seal(nil, plain, reportPlace(row.ID)), Message: report.Problem}
	entry := store.Audit{}
	if row.Origin != OriginConsole {
		if why := report.waits(); why != "" {
			move.Message = why
		} else {
			move.To, move.By, move.At = store.UploadPublishing, row.Origin, u.Now()
			entry = u.Desk.audit(row.Origin, "upload.published", row.ApplicationID, row.ConnectionID, "by itself")
		}
	}
	if row.Mapping == nil {
		if move.Mapping, err = sealMapping(cipher, row.ID, mapping); err != nil {
			return err
		}
	}
	return u.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := u.move(ctx, tx, row, move); err != nil {
			return err
		}
		for i, f := range report.Preview.Files {
			if err := u.Store.SetUploadFileKind(ctx, tx, row.EntityID, row.ID, i, string(f.Kind)); err != nil {
				return err
			}
		}
		if entry.Action == "" {
			return nil
		}
		entry.At = u.Now()
		return u.Store.InsertAudit(ctx, tx, entry)
	})
}

// waits says why files that came by themselves wait for a person; empty if they do not.
func (r Report) waits() string {
	rows, skipped := 0, 0
	for _, f := range r.Preview.Files {
		rows, skipped = rows+f.Rows, skipped+f.Skipped
	}
	switch {
	case r.Problem != "":
		return r.Problem
	case !r.Matches:
		return "The columns are not those of the last file."
	case r.ManyLeavers:
		return fmt.Sprintf("%d people would be marked as leavers.", r.Leavers)
	case skipped*100 > rows*skippedPercent:
		return fmt.Sprintf("%d of %d rows cannot be read.", skipped, rows)
	}
	return ""
}

// report reads the files and says what came of it. Only what is wrong with Perch is an error.
func (u *Uploads) report(ctx context.Context, cipher *secret.Cipher, row store.Upload, files []file.File, mapping file.Mapping, known memory) (Report, error) {
	options := file.Options{Limits: u.Limits, Now: u.Now, Snapshot: true, Unmasked: true, SampleRows: 8}
	var inspected []file.FilePreview
	problem := ""
	for i := range files {
		in := file.Inspect(files[i], mapping, options)
		files[i].Kind, in.Preview.Kind = in.Kind, in.Kind
		if in.Err != nil {
			text, ok := file.Explain(in.Err)
			if !ok {
				return Report{}, in.Err
			}
			if files[i].Kind == "" {
				files[i].Kind, in.Preview.Kind = file.Census, file.Census
			}
			problem = text
		}
		inspected = append(inspected, in.Preview)
	}
	if problem != "" {
		return Report{Problem: problem, Preview: file.Preview{Files: inspected}}, nil
	}
	before, err := u.before(ctx, cipher, row.EntityID)
	if err != nil {
		return Report{}, err
	}
	options.Before = before
	source, err := file.Open(files, mapping, options)
	if err != nil {
		if text, ok := file.Explain(err); ok {
			return Report{Problem: text, Preview: file.Preview{Files: inspected}}, nil
		}
		return Report{}, err
	}
	r := Report{Preview: source.Preview(), Compare: source.Compare(before)}
	r.Preview.Files = inOrder(files, r.Preview.Files)
	if most := 500; len(r.Preview.Issues) > most {
		r.Preview.IssuesDropped += len(r.Preview.Issues) - most
		r.Preview.Issues = r.Preview.Issues[:most]
	}
	r.Matches = known.matches(r.Preview.Files)
	r.ManyLeavers, r.Leavers = r.Compare.ManyLeavers, r.Compare.Left
	if before == nil {
		var many *ManyLeavers
		if err := u.Importer.checkLeavers(ctx, u.request(row), source); errors.As(err, &many) {
			r.ManyLeavers, r.Leavers = true, many.Leavers
		} else if err != nil {
			return r, err
		}
	}
	return r, nil
}

// inOrder puts previews, which list censuses first, into the order of the files.
func inOrder(files []file.File, previews []file.FilePreview) []file.FilePreview {
	out := make([]file.FilePreview, 0, len(files))
	taken := make([]bool, len(previews))
	for _, f := range files {
		for i, p := range previews {
			if !taken[i] && p.Name == f.Name && p.Kind == f.Kind {
				taken[i], out = true, append(out, p)
				break
			}
		}
	}
	return out
}

func (u *Uploads) request(row store.Upload) Import {
	return Import{Application: access.Application{ID: row.ApplicationID}, ConnectionID: row.ConnectionID}
}

// publish publishes an upload's files as one sync.
func (u *Uploads) publish(ctx context.Context, row store.Upload, p *progress) error {
	earlier, err := u.Store.UnfinishedUpload(ctx, row.EntityID, row.ID, row.CreatedAt)
	if err != nil {
		return err
	}
	if earlier {
		return syncengine.ErrHeld
	}
	cipher, err := u.Keyring.Cipher(ctx, row.EntityID)
	if err != nil {
		return err
	}
	files, err := u.files(ctx, cipher, row)
	if err != nil {
		return err
	}
	known, err := u.remembered(ctx, row)
	if err != nil {
		return err
	}
	mapping, err := u.mapping(ctx, cipher, row, known)
	if err != nil {
		return err
	}
	before, err := u.before(ctx, cipher, row.EntityID)
	if err != nil {
		return err
	}
	source, err := file.Open(files, mapping, file.Options{Limits: u.Limits, Now: u.Now, Snapshot: true, Before: before})
	if err != nil {
		text, ok := file.Explain(err)
		if !ok {
			return err
		}
		return u.refuse(ctx, row, text)
	}
	var many *ManyLeavers
	request := u.request(row)
	request.AllowLeavers = row.AllowLeavers
	if err := u.Importer.checkLeavers(ctx, request, source); errors.As(err, &many) {
		return u.refuse(ctx, row, fmt.Sprintf("%d of %d people would be marked as leavers.", many.Leavers, many.Active))
	} else if err != nil {
		return err
	}
	preview := source.Preview()
	p.of(int64(preview.People + preview.Payments + preview.Statements))
	var requested store.Sync
	if err := u.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		requested, _, err = u.Importer.Engine.Request(ctx, tx, row.ApplicationID, row.ConnectionID, row.EntityID, syncengine.ReasonImport)
		return err
	}); err != nil {
		return err
	}
	if requested.Reason != syncengine.ReasonImport {
		return syncengine.ErrHeld // another sync of the entity has to end first
	}
	summary, err := u.Importer.Engine.RunSource(ctx, row.ConnectionID, row.EntityID, requested.ID, source, p.note)
	if err != nil {
		return err
	}
	return u.published(ctx, cipher, row, source, before, mapping, preview, summary)
}

func (u *Uploads) refuse(ctx context.Context, row store.Upload, message string) error {
	return u.Store.Tx(ctx, func(tx *sql.Tx) error {
		return u.move(ctx, tx, row, store.UploadMove{From: []store.UploadState{row.State}, To: store.UploadReview, Message: message})
	})
}

// published keeps what the next upload needs: the snapshot, the mapping, and how the files looked.
func (u *Uploads) published(ctx context.Context, cipher *secret.Cipher, row store.Upload, source *file.Source, before *file.Snapshot,
	mapping file.Mapping, preview file.Preview, summary syncengine.Summary) error {
	receipt := &Receipt{uploads: u, row: row, cipher: cipher, files: MaxFiles}
	w, err := receipt.writer(ctx, "snapshot", "snapshot")
	if err != nil {
		return err
	}
	if err := source.WriteSnapshot(w, before); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	learned, err := u.learn(ctx, row, mapping, preview.Files)
	if err != nil {
		return err
	}
	err = u.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := learned(tx); err != nil {
			return err
		}
		return u.Store.MoveUpload(ctx, tx, row.EntityID, row.ID, store.UploadMove{From: []store.UploadState{store.UploadPublishing}, To: store.UploadPublished, Counts: summary.String()})
	})
	if err != nil {
		return err
	}
	u.Log.InfoContext(ctx, "an upload was published", "upload_id", row.ID, "entity_id", row.EntityID, "records", summary.String())
	earlier, err := u.Store.PublishedUploads(ctx, row.EntityID, row.ID)
	for _, id := range earlier {
		if err == nil {
			err = u.forget(ctx, row.EntityID, id, false)
		}
	}
	if err == nil {
		err = u.forget(ctx, row.EntityID, row.ID, true) // the data is published; only what is compared with is kept
	}
	if err != nil {
		u.Log.WarnContext(ctx, "files of an upload could not be deleted", "upload_id", row.ID, "error", err)
	}
	return nil
}

// Look does what is due: it queues work that was lost and drops uploads whose files stopped coming.
func (u *Uploads) Look(ctx context.Context) error {
	const most = 20
	idle, err := u.Store.IdleUploads(ctx, u.Now(), most)
	if err != nil {
		return err
	}
	for _, row := range idle {
		err := u.Store.Tx(ctx, func(tx *sql.Tx) error {
			return u.move(ctx, tx, row, store.UploadMove{From: []store.UploadState{row.State}, To: row.State, Message: row.Message, AllowLeavers: row.AllowLeavers})
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	abandoned, err := u.Store.AbandonedUploads(ctx, u.Now(), most)
	for _, row := range abandoned {
		if err == nil {
			err = u.drop(ctx, row)
		}
	}
	return err
}

func sealMapping(cipher *secret.Cipher, upload perch.ID, m file.Mapping) ([]byte, error) {
	text, err := m.YAML()
	if err != nil {
		return nil, err
	}
	return cipher.Seal(nil, text, mappingPlace(upload)), nil
}

// heading is a column title as titles are compared.
func heading(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
