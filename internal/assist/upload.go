package assist

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider/catalog"
	"github.com/perchhq/perch/provider/file"
)

// UploadQueue queues the work on an upload.
type UploadQueue interface {
	InsertUpload(ctx context.Context, tx *sql.Tx, connection, entity, upload perch.ID) error
}

// Uploads takes files in, reads them, and publishes them once somebody, or the remembered mapping, says
// so. Files are sealed as they come, part by part; nothing is written to disk in clear. Its fields are
// set once, before use.
type Uploads struct {
	Store    *store.Store
	Keyring  *secret.Keyring
	Desk     *Desk
	Importer *Importer
	Catalog  func() (*catalog.Catalog, error)
	Queue    UploadQueue
	Now      func() time.Time
	Log      *slog.Logger
	// Owner names this process in claims.
	Owner string
	// Limits bound each file.
	Limits file.Limits

	thrift thrift
}

const (
	// chunkSize is how much is sealed and stored at a time.
	chunkSize = 1 << 20
	// MaxFiles is how many files one upload may have.
	MaxFiles = 16
	// receiveFor is how long an upload waits for the next part of its files.
	receiveFor = 10 * time.Minute
	// forgetChunks bounds one transaction that deletes.
	forgetChunks = 16
	maxFileName  = 200
)

// MaxBytes is how large one file may be.
func (u *Uploads) MaxBytes() int64 {
	if u.Limits.Bytes > 0 {
		return u.Limits.Bytes
	}
	return file.DefaultLimits().Bytes
}

// Receipt is an upload whose files are coming in. It ends with Done or Abort.
type Receipt struct {
	uploads *Uploads
	row     store.Upload
	cipher  *secret.Cipher
	files   int
}

// ID returns the upload's id.
func (r *Receipt) ID() perch.ID { return r.row.ID }

// Begin starts an upload for a connection that takes files. by is the actor, origin where it comes from.
func (u *Uploads) Begin(ctx context.Context, by, origin string, application, connection perch.ID) (*Receipt, error) {
	c, err := u.Desk.Case(ctx, application, connection)
	if err != nil {
		return nil, err
	}
	if !c.TakesFiles {
		return nil, perch.Invalid("connection", "The connection takes no files: its data comes from a connector.")
	}
	cipher, err := u.Keyring.Cipher(ctx, c.Entity)
	if err != nil {
		return nil, err
	}
	r := &Receipt{uploads: u, cipher: cipher, row: store.Upload{ID: perch.NewID(), ApplicationID: application, ConnectionID: connection, EntityID: c.Entity,
		Origin: origin, CreatedBy: by, CreatedAt: u.Now(), State: store.UploadReceiving}}
	return r, u.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := u.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		return u.Store.InsertUpload(ctx, tx, r.row, u.Owner, u.Now().Add(receiveFor))
	})
}

// chunkPlace is what a part of a file is bound to.
func chunkPlace(id perch.ID, number int64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte("upload/"), id[:]...), uint64(number))
}

func namePlace(id perch.ID) []byte { return append([]byte("upload name/"), id[:]...) }

// File takes one file in, part by part. A file that is larger than the limit is refused as soon as that
// is seen. kind may be empty: then the file's columns tell.
func (r *Receipt) File(ctx context.Context, name string, kind file.Kind, content io.Reader) error {
	if r.files >= MaxFiles {
		return perch.Invalid("files", "may be up to %d at a time", MaxFiles)
	}
	w, err := r.writer(ctx, name, string(kind))
	if err != nil {
		return err
	}
	most := r.uploads.MaxBytes()
	n, err := io.Copy(w, io.LimitReader(content, most+1))
	if err == nil && n > most {
		err = perch.Invalid(shortName(name), "the file is larger than %d MiB", most>>20)
	}
	if err == nil && n == 0 {
		err = perch.Invalid(shortName(name), "the file is empty")
	}
	if err == nil {
		err = w.Close()
	}
	r.files++
	return err
}

// shortName is a file's name as it is shown: without a path, and not long.
func shortName(name string) string {
	clean := make([]rune, 0, len(name))
	for _, c := range name {
		if c == '/' || c == '\\' {
			clean = clean[:0]
		} else if c >= ' ' && c != 0x7f && c != utf8.RuneError && len(clean) < maxFileName {
			clean = append(clean, c)
		}
	}
	if len(clean) == 0 {
		return "file"
	}
	return string(clean)
}

// sealedWriter seals what is written, part by part.
type sealedWriter struct {
	ctx    context.Context
	store  *store.Store
	cipher *secret.Cipher
	file   store.UploadFile
	now    func() time.Time
	held   []byte
	sealed []byte
}

func (r *Receipt) writer(ctx context.Context, name, kind string) (*sealedWriter, error) {
	id := perch.NewID()
	f := store.UploadFile{ID: id, UploadID: r.row.ID, EntityID: r.row.EntityID, Position: r.files, Kind: kind,
		Name: r.cipher.Seal(nil, []byte(shortName(name)), namePlace(id))}
	err := r.uploads.Store.Tx(ctx, func(tx *sql.Tx) error { return r.uploads.Store.InsertUploadFile(ctx, tx, f) })
	return &sealedWriter{ctx: ctx, store: r.uploads.Store, cipher: r.cipher, file: f, now: r.uploads.Now, held: make([]byte, 0, chunkSize)}, err
}

// Write implements io.Writer.
func (w *sealedWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		take := min(len(p), chunkSize-len(w.held))
		w.held = append(w.held, p[:take]...)
		p, n = p[take:], n+take
		if len(w.held) == chunkSize {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (w *sealedWriter) flush() error {
	w.sealed = w.cipher.Seal(w.sealed[:0], w.held, chunkPlace(w.file.ID, w.file.Chunks))
	if err := w.store.InsertUploadChunk(w.ctx, w.file, w.file.Chunks, w.sealed, w.now().Add(receiveFor)); err != nil {
		return err
	}
	w.file.Chunks++
	w.file.Size += int64(len(w.held))
	clear(w.held)
	w.held = w.held[:0]
	return nil
}

// Close stores the last part and that the file is complete.
func (w *sealedWriter) Close() error {
	if len(w.held) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return w.store.Tx(w.ctx, func(tx *sql.Tx) error { return w.store.FinishUploadFile(w.ctx, tx, w.file) })
}

// Done says that all files are in, and has them read.
func (r *Receipt) Done(ctx context.Context) error {
	u := r.uploads
	if r.files == 0 {
		return perch.Invalid("files", "must hold at least one file")
	}
	entry := u.Desk.audit(r.row.CreatedBy, "upload.received", r.row.ApplicationID, r.row.ConnectionID, filesOf(r.files))
	return u.Desk.write(ctx, entry, func(tx *sql.Tx) error {
		if err := u.Store.HoldConnection(ctx, tx, r.row.ApplicationID, r.row.ConnectionID); err != nil {
			return err
		}
		return u.move(ctx, tx, r.row, store.UploadMove{From: []store.UploadState{store.UploadReceiving}, To: store.UploadReading})
	})
}

func filesOf(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// move moves an upload, and queues the work that its new state asks for.
func (u *Uploads) move(ctx context.Context, tx *sql.Tx, row store.Upload, m store.UploadMove) error {
	queue := m.To == store.UploadReading || m.To == store.UploadPublishing
	if queue {
		m.Until = u.Now().Add(queuedFor) // if the job is lost, another is queued then
	}
	if err := u.Store.MoveUpload(ctx, tx, row.EntityID, row.ID, m); err != nil {
		return err
	}
	if queue {
		return u.Queue.InsertUpload(ctx, tx, row.ConnectionID, row.EntityID, row.ID)
	}
	return nil
}

// Abort drops what came in.
func (r *Receipt) Abort(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if err := r.uploads.drop(ctx, r.row); err != nil {
		r.uploads.Log.WarnContext(ctx, "an upload could not be dropped; it is tried again later", "upload_id", r.row.ID, "error", err)
	}
}

// drop removes an upload of which nothing comes.
func (u *Uploads) drop(ctx context.Context, row store.Upload) error {
	if err := u.forget(ctx, row.EntityID, row.ID, false); err != nil {
		return err
	}
	return u.Store.Tx(ctx, func(tx *sql.Tx) error { return u.Store.DeleteUpload(ctx, tx, row.EntityID, row.ID) })
}

func (u *Uploads) forget(ctx context.Context, entity, upload perch.ID, keepSnapshot bool) error {
	for more := true; more; {
		var err error
		if more, err = u.Store.ForgetUpload(ctx, entity, upload, keepSnapshot, forgetChunks); err != nil {
			return err
		}
	}
	return nil
}

// sealedReader opens the parts of a file one after the other.
type sealedReader struct {
	ctx    context.Context
	store  *store.Store
	cipher *secret.Cipher
	file   store.UploadFile
	next   int64
	plain  bytes.Reader
	buffer []byte
}

// Read implements io.Reader.
func (r *sealedReader) Read(p []byte) (int, error) {
	for r.plain.Len() == 0 {
		if r.next == r.file.Chunks {
			return 0, io.EOF
		}
		sealed, err := r.store.UploadChunk(r.ctx, r.file.EntityID, r.file.ID, r.next)
		if err != nil {
			return 0, err
		}
		if r.buffer, err = r.cipher.Open(r.buffer[:0], sealed, chunkPlace(r.file.ID, r.next)); err != nil {
			return 0, err
		}
		r.plain.Reset(r.buffer)
		r.next++
	}
	return r.plain.Read(p)
}

// Close implements io.Closer.
func (r *sealedReader) Close() error { return nil }

func (u *Uploads) open(ctx context.Context, cipher *secret.Cipher, f store.UploadFile) *sealedReader {
	return &sealedReader{ctx: ctx, store: u.Store, cipher: cipher, file: f}
}

// files returns an upload's files, to be read from where they are sealed.
func (u *Uploads) files(ctx context.Context, cipher *secret.Cipher, row store.Upload) ([]file.File, error) {
	stored, err := u.Store.UploadFiles(ctx, row.EntityID, row.ID)
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, errors.New("the upload has no files any more")
	}
	list := make([]file.File, len(stored))
	for i, f := range stored {
		name, err := cipher.Open(nil, f.Name, namePlace(f.ID))
		if err != nil {
			return nil, err
		}
		list[i] = file.File{Name: string(name), Kind: file.Kind(f.Kind), Size: f.Size, Open: func() (io.ReadCloser, error) { return u.open(ctx, cipher, f), nil }}
	}
	return list, nil
}

// before returns the snapshot of what was published last, or nil.
func (u *Uploads) before(ctx context.Context, cipher *secret.Cipher, entity perch.ID) (*file.Snapshot, error) {
	f, err := u.Store.LastSnapshot(ctx, entity)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := file.ReadSnapshot(u.open(ctx, cipher, f), f.Size)
	if errors.Is(err, file.ErrSnapshot) {
		return nil, nil // of another version of Perch: there is nothing to compare with
	}
	return s, err
}
