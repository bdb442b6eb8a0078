package drop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync"
	"time"

	"github.com/pkg/sftp"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/store"
)

const (
	// mostFiles is how many files one session may bring.
	mostFiles = 100
	// mostOpen is how many of them at a time.
	mostOpen = 4
	// window is how far ahead of what is missing a client may write: programs send parts out of order.
	window = 8 << 20
)

// inbox is what a client of the SFTP server sees: one empty folder into which it can put files.
type inbox struct {
	ctx     context.Context
	uploads *assist.Uploads
	log     *slog.Logger
	drop    store.Drop

	mu    sync.Mutex
	files map[string]*incoming
	count int
}

func newInbox(ctx context.Context, u *assist.Uploads, log *slog.Logger, d store.Drop) *inbox {
	return &inbox{ctx: ctx, uploads: u, log: log, drop: d, files: map[string]*incoming{}}
}

func (b *inbox) by() string { return "sftp " + b.drop.Login }

// name is a file directly in the folder.
func name(filePath string) (string, error) {
	clean := path.Clean("/" + filePath)
	if path.Dir(clean) != "/" || clean == "/" {
		return "", sftp.ErrSSHFxPermissionDenied
	}
	return path.Base(clean), nil
}

// Fileread implements sftp.FileReader: there is nothing to read.
func (b *inbox) Fileread(*sftp.Request) (io.ReaderAt, error) {
	return nil, sftp.ErrSSHFxPermissionDenied
}

// Filewrite implements sftp.FileWriter.
func (b *inbox) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	called, err := name(r.Filepath)
	if err != nil {
		return nil, err
	}
	if flags := r.Pflags(); flags.Append {
		return nil, sftp.ErrSSHFxOpUnsupported
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	open := 0
	for _, f := range b.files {
		if f.state == writing {
			open++
		}
	}
	if old := b.files[called]; open >= mostOpen || b.count >= mostFiles || old != nil && old.state == writing {
		return nil, sftp.ErrSSHFxPermissionDenied
	} else if old != nil {
		old.abort()
	}
	receipt, err := b.uploads.Begin(b.ctx, b.by(), assist.OriginSFTP, b.drop.ApplicationID, b.drop.ConnectionID)
	if err != nil {
		return nil, b.failed(err)
	}
	b.count++
	f := newIncoming(b, called, receipt)
	b.files[called] = f
	return f, nil
}

// failed logs what is our fault and tells the client only that it failed.
func (b *inbox) failed(err error) error {
	var known *perch.Error
	if !errors.As(err, &known) && b.ctx.Err() == nil {
		b.log.WarnContext(b.ctx, "taking a file in over SFTP", "connection_id", b.drop.ConnectionID, "error", err)
	}
	return sftp.ErrSSHFxFailure
}

// Filecmd implements sftp.FileCmder. Renaming a file that was written under another name for the time
// being completes it.
func (b *inbox) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Setstat":
		return nil // modes and times mean nothing here
	case "Rename", "PosixRename":
		return b.rename(r)
	case "Remove":
		called, err := name(r.Filepath)
		if err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		f := b.files[called]
		if f == nil {
			return sftp.ErrSSHFxNoSuchFile
		}
		if f.state != held {
			return sftp.ErrSSHFxPermissionDenied // it was handed over
		}
		f.abort()
		delete(b.files, called)
		return nil
	}
	return sftp.ErrSSHFxPermissionDenied
}

// PosixRename implements sftp.PosixRenameFileCmder.
func (b *inbox) PosixRename(r *sftp.Request) error { return b.rename(r) }

func (b *inbox) rename(r *sftp.Request) error {
	from, err := name(r.Filepath)
	if err != nil {
		return err
	}
	to, err := name(r.Target)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.files[from]
	if f == nil {
		return sftp.ErrSSHFxNoSuchFile
	}
	if f.state == writing {
		return sftp.ErrSSHFxPermissionDenied
	}
	delete(b.files, from)
	b.files[to] = f
	if f.state == held && !unfinished(to) {
		return f.hand()
	}
	return nil
}

// Filelist implements sftp.FileLister: it lists what this session has brought.
func (b *inbox) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	root := path.Clean("/"+r.Filepath) == "/"
	switch {
	case r.Method == "List" && root:
		var list lister
		for called, f := range b.files {
			list = append(list, about{called, f.size(), false})
		}
		return list, nil
	case r.Method == "Stat" && root:
		return lister{about{"/", 0, true}}, nil
	case r.Method == "Stat":
		called, err := name(r.Filepath)
		if err != nil {
			return nil, sftp.ErrSSHFxNoSuchFile
		}
		if f := b.files[called]; f != nil {
			return lister{about{called, f.size(), false}}, nil
		}
		return nil, sftp.ErrSSHFxNoSuchFile
	}
	return nil, sftp.ErrSSHFxPermissionDenied
}

// end drops what was not completed.
func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.files {
		if f.state == writing || f.state == held {
			f.abort()
		}
	}
}

type fileState uint8

const (
	writing fileState = iota
	// held files are complete but for their name.
	held
	handed
	gone
)

// incoming is a file that is being written. Parts are put in order and sealed as they come.
type incoming struct {
	box     *inbox
	name    string
	receipt *assist.Receipt
	pipe    *io.PipeWriter
	result  chan error
	state   fileState // guarded by the inbox

	mu      sync.Mutex
	next    int64
	waiting map[int64][]byte
	ahead   int
	broken  bool
}

func newIncoming(b *inbox, called string, receipt *assist.Receipt) *incoming {
	reader, writer := io.Pipe()
	f := &incoming{box: b, name: called, receipt: receipt, pipe: writer, result: make(chan error, 1), waiting: map[int64][]byte{}}
	go func() {
		err := receipt.File(b.ctx, called, "", reader)
		_ = reader.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		f.result <- err
	}()
	return f
}

// WriteAt implements io.WriterAt.
func (f *incoming) WriteAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken || offset < f.next || offset != f.next && f.ahead+len(p) > window {
		f.broken = true
		return 0, sftp.ErrSSHFxFailure
	}
	if offset != f.next {
		if _, twice := f.waiting[offset]; twice {
			f.broken = true
			return 0, sftp.ErrSSHFxFailure
		}
		f.waiting[offset] = append([]byte(nil), p...)
		f.ahead += len(p)
		return len(p), nil
	}
	for part := p; ; {
		if _, err := f.pipe.Write(part); err != nil {
			f.broken = true
			return 0, sftp.ErrSSHFxFailure
		}
		f.next += int64(len(part))
		later, ok := f.waiting[f.next]
		if !ok {
			return len(p), nil
		}
		delete(f.waiting, f.next)
		f.ahead -= len(later)
		part = later
	}
}

// TransferError implements sftp.TransferError: the connection broke while the file was open.
func (f *incoming) TransferError(error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = true
}

// Close implements io.Closer: the client says that the file is complete.
func (f *incoming) Close() error {
	f.mu.Lock()
	broken := f.broken || len(f.waiting) > 0
	f.mu.Unlock()
	f.box.mu.Lock()
	defer f.box.mu.Unlock()
	if f.state != writing {
		return nil
	}
	if broken {
		f.refuse(f.abort())
		return sftp.ErrSSHFxFailure
	}
	_ = f.pipe.Close()
	if err := <-f.result; err != nil {
		f.state = gone
		f.receipt.Abort(f.box.ctx)
		f.refuse(err)
		return f.box.failed(err)
	}
	if f.state = held; unfinished(f.name) {
		return nil
	}
	return f.hand()
}

// hand has the file read. The inbox is locked.
func (f *incoming) hand() error {
	f.state = handed
	if err := f.receipt.Done(f.box.ctx); err != nil {
		f.receipt.Abort(f.box.ctx)
		return f.box.failed(err)
	}
	return nil
}

// abort drops the file and returns why it was refused, if it was. The inbox is locked.
func (f *incoming) abort() error {
	var err error
	if f.state == writing {
		_ = f.pipe.CloseWithError(io.ErrUnexpectedEOF)
		err = <-f.result
	}
	if f.state != handed {
		f.receipt.Abort(f.box.ctx)
	}
	f.state = gone
	return err
}

// refuse puts the reason why a file was not taken in into the queue; a transfer that broke has none.
func (f *incoming) refuse(err error) {
	var known *perch.Error
	if !errors.As(err, &known) {
		return
	}
	ctx := context.WithoutCancel(f.box.ctx)
	if err := f.box.uploads.Refuse(ctx, f.box.by(), assist.OriginSFTP, f.box.drop, known.Message); err != nil {
		f.box.log.WarnContext(ctx, "noting a refused file", "connection_id", f.box.drop.ConnectionID, "error", err)
	}
}

func (f *incoming) size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// lister is a fixed list.
type lister []os.FileInfo

// ListAt implements sftp.ListerAt.
func (l lister) ListAt(into []os.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(into, l[offset:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}

// about describes a file.
type about struct {
	name   string
	size   int64
	folder bool
}

// Name implements fs.FileInfo.
func (a about) Name() string { return a.name }

// Size implements fs.FileInfo.
func (a about) Size() int64 { return a.size }

// Mode implements fs.FileInfo.
func (a about) Mode() fs.FileMode {
	if a.folder {
		return fs.ModeDir | 0o300
	}
	return 0o200
}

// ModTime implements fs.FileInfo.
func (a about) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (a about) IsDir() bool { return a.folder }

// Sys implements fs.FileInfo.
func (a about) Sys() any { return nil }
