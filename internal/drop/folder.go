package drop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/store"
)

const (
	// lookEvery is how often folders are looked at.
	lookEvery = 3 * time.Second
	// DefaultSettle is how long a file must not have changed before it is taken.
	DefaultSettle = 10 * time.Second
	// mostEntries bounds one look at one folder.
	mostEntries = 200
)

// Folders watches a folder per connection below Root. Its fields are set once, before use.
type Folders struct {
	Root    string
	Store   *store.Store
	Uploads *assist.Uploads
	Now     func() time.Time
	Log     *slog.Logger
	// Settle is how long a file must not have changed; 0 means DefaultSettle.
	Settle time.Duration

	// seen is how files were found at the last look, by path.
	seen map[string]sighting
}

type sighting struct {
	size    int64
	changed time.Time
	since   time.Time
}

// by is what the audit log calls the folder.
const byFolder = "watched folder"

// Path is the folder of a connection.
func (f *Folders) Path(connection perch.ID) string {
	return filepath.Join(f.Root, connection.String())
}

// Watch looks until ctx ends.
func (f *Folders) Watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := f.Look(ctx); err != nil && ctx.Err() == nil {
			f.Log.ErrorContext(ctx, "looking at watched folders", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look looks once at every folder and takes in what has settled. It is called by one goroutine.
func (f *Folders) Look(ctx context.Context) error {
	drops, err := f.Store.FolderDrops(ctx)
	if err != nil {
		return err
	}
	found := make(map[string]sighting)
	for _, d := range drops {
		if err := f.lookAt(ctx, d, found); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f.Log.WarnContext(ctx, "a watched folder could not be read", "connection_id", d.ConnectionID, "error", err)
		}
	}
	f.seen = found
	return nil
}

func (f *Folders) lookAt(ctx context.Context, d store.Drop, found map[string]sighting) error {
	folder := f.Path(d.ConnectionID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range list[:min(len(list), mostEntries)] {
		path := filepath.Join(folder, entry.Name())
		if strings.HasPrefix(entry.Name(), claimed) {
			if err := f.recover(ctx, d, path); err != nil {
				return err
			}
			continue
		}
		info, err := entry.Info() // of the link itself, not of what it leads to
		if err != nil || !info.Mode().IsRegular() || unfinished(entry.Name()) {
			continue
		}
		if f.settled(path, info, found) {
			if err := f.take(ctx, d, path, info); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled reports whether a file has not changed for long enough, and notes how it was found.
func (f *Folders) settled(path string, info fs.FileInfo, found map[string]sighting) bool {
	now := f.Now()
	s, known := f.seen[path]
	if !known || s.size != info.Size() || !s.changed.Equal(info.ModTime()) {
		found[path] = sighting{size: info.Size(), changed: info.ModTime(), since: now}
		return false
	}
	found[path] = s
	settle := f.Settle
	if settle == 0 {
		settle = DefaultSettle
	}
	return now.Sub(s.since) >= settle
}

// take claims a file by renaming it, so that no other process takes it too, and reads it in.
func (f *Folders) take(ctx context.Context, d store.Drop, path string, seen fs.FileInfo) error {
	name := filepath.Base(path)
	receipt, err := f.Uploads.Begin(ctx, byFolder, assist.OriginFolder, d.ApplicationID, d.ConnectionID)
	if err != nil {
		return err
	}
	mine := filepath.Join(filepath.Dir(path), claimed+receipt.ID().String()+"-"+name)
	if err := os.Rename(path, mine); err != nil {
		receipt.Abort(ctx)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process was faster
		}
		return err
	}
	err = f.readIn(ctx, receipt, mine, name, seen)
	if err == nil {
		return os.Remove(mine)
	}
	receipt.Abort(ctx)
	var known *perch.Error
	if !errors.As(err, &known) {
		return errors.Join(err, os.Rename(mine, path)) // try again at the next look
	}
	f.Log.WarnContext(ctx, "a file in a watched folder was not taken in", "connection_id", d.ConnectionID, "reason", known.Message)
	if err := f.Uploads.Refuse(ctx, byFolder, assist.OriginFolder, d, known.Message); err != nil {
		return errors.Join(err, os.Rename(mine, path))
	}
	return os.Rename(mine, path+rejected)
}

// errChanged means that a file was written to after it seemed to have settled.
var errChanged = errors.New("the file changed while it was read")

func (f *Folders) readIn(ctx context.Context, receipt *assist.Receipt, path, name string, seen fs.FileInfo) (err error) {
	content, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("opening a dropped file: %w", err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || !os.SameFile(info, seen) {
		return errChanged
	}
	if err := receipt.File(ctx, name, "", content); err != nil {
		return err
	}
	after, err := content.Stat()
	if err != nil {
		return err
	}
	if after.Size() != seen.Size() || !after.ModTime().Equal(seen.ModTime()) {
		return errChanged
	}
	return receipt.Done(ctx)
}

// recover deals with a file that a process claimed and then died over: if its upload is complete the file
// goes, if there is none the file is there again.
func (f *Folders) recover(ctx context.Context, d store.Drop, path string) error {
	rest := strings.TrimPrefix(filepath.Base(path), claimed)
	if len(rest) < 38 {
		return nil
	}
	id, err := perch.ParseID(rest[:36])
	if err != nil {
		return nil
	}
	row, err := f.Store.Upload(ctx, d.ApplicationID, d.ConnectionID, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return os.Rename(path, filepath.Join(filepath.Dir(path), rest[37:]))
	case err != nil:
		return err
	case row.State == store.UploadReceiving:
		return nil // somebody is at it, or will be found not to be
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
