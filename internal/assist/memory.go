package assist

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider/file"
)

// progress is how far publishing is, told by the engine and read by the heartbeat.
type progress struct {
	mu    sync.Mutex
	done  map[syncengine.Kind]int
	total int64
}

func (p *progress) of(total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

func (p *progress) note(kind syncengine.Kind, done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = map[syncengine.Kind]int{}
	}
	p.done[kind] = done
}

func (p *progress) get() (done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.done {
		done += int64(n)
	}
	return min(done, p.total), p.total
}

// memory is what a connection remembers of the files that were published last.
type memory struct {
	settings file.Settings
	mapping  file.Mapping
}

// remembered reads what the connection remembers.
func (u *Uploads) remembered(ctx context.Context, row store.Upload) (memory, error) {
	var m memory
	account, err := u.Store.Account(ctx, row.ConnectionID, row.EntityID)
	if err != nil {
		return m, err
	}
	keys, err := u.Keyring.Cipher(ctx, row.ConnectionID)
	if err != nil {
		return m, err
	}
	plain, err := keys.Open(nil, account.Settings, syncengine.SettingsPlace(row.EntityID))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(plain, &m.settings); err != nil {
		return m, fmt.Errorf("reading what is remembered: %w", err)
	}
	m.mapping, err = file.ParseMapping([]byte(m.settings.Mapping))
	return m, err
}

// matches reports whether every file has the columns that the last one of its kind had, in any order.
func (m memory) matches(files []file.FilePreview) bool {
	for _, f := range files {
		last, ok := m.settings.Headers[f.Kind]
		if !ok || !slices.Equal(headings(f.Header), last) {
			return false
		}
	}
	return len(files) > 0
}

func headings(titles []string) []string {
	list := make([]string, len(titles))
	for i, t := range titles {
		list[i] = heading(t)
	}
	slices.Sort(list)
	return list
}

// mapping is the upload's own, else the connection's, and for a kind of file that neither knows the one
// that the provider's files had last.
func (u *Uploads) mapping(ctx context.Context, cipher *secret.Cipher, row store.Upload, known memory) (file.Mapping, error) {
	if row.Mapping != nil {
		text, err := cipher.Open(nil, row.Mapping, mappingPlace(row.ID))
		if err != nil {
			return file.Mapping{}, err
		}
		return file.ParseMapping(text)
	}
	m := known.mapping
	connection, err := u.Store.LiveConnection(ctx, row.ApplicationID, row.ConnectionID)
	if err != nil {
		return m, err
	}
	for kind, sheet := range map[file.Kind]**file.SheetMapping{file.Census: &m.Census, file.Payroll: &m.Payroll} {
		if *sheet != nil {
			continue
		}
		text, err := u.Store.ProviderMapping(ctx, connection.ProviderID, string(kind))
		if err != nil {
			return m, err
		}
		usual, err := file.ParseMapping([]byte(text))
		if err != nil {
			continue // of another version; the columns are proposed anew
		}
		if kind == file.Payroll {
			*sheet = usual.Payroll
		} else {
			*sheet = usual.Census
		}
	}
	return m, nil
}

// learn returns what keeps, in a transaction, how the files were read: for the connection all of it, for
// the provider titles and fields only.
func (u *Uploads) learn(ctx context.Context, row store.Upload, mapping file.Mapping, files []file.FilePreview) (func(tx *sql.Tx) error, error) {
	known, err := u.remembered(ctx, row)
	if err != nil {
		return nil, err
	}
	connection, err := u.Store.LiveConnection(ctx, row.ApplicationID, row.ConnectionID)
	if err != nil {
		return nil, err
	}
	settings := known.settings
	settings.Headers = map[file.Kind][]string{}
	for kind, titles := range known.settings.Headers {
		settings.Headers[kind] = titles
	}
	usual := map[file.Kind]string{}
	for _, f := range files {
		settings.Headers[f.Kind] = headings(f.Header)
		plain := file.SheetMapping{}
		for _, c := range f.Columns {
			plain.Columns = append(plain.Columns, file.Column{Column: c.Column.Column, Field: c.Field, Type: c.Type, Employer: c.Employer, PreTax: c.PreTax, Of: c.Of, Shared: c.Shared, Unit: c.Unit})
		}
		m := file.Mapping{Census: &plain}
		if f.Kind == file.Payroll {
			m = file.Mapping{Payroll: &plain}
		}
		if m.Validate() != nil {
			continue
		}
		text, err := m.YAML()
		if err != nil {
			return nil, err
		}
		usual[f.Kind] = string(text)
	}
	text, err := mapping.YAML()
	if err != nil {
		return nil, err
	}
	settings.Mapping = string(text)
	plain, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	keys, err := u.Keyring.Cipher(ctx, row.ConnectionID)
	if err != nil {
		return nil, err
	}
	sealed := keys.Seal(nil, plain, syncengine.SettingsPlace(row.EntityID))
	return func(tx *sql.Tx) error {
		if err := u.Store.ReplaceSettings(ctx, tx, row.ConnectionID, row.EntityID, sealed); err != nil {
			return err
		}
		for kind, text := range usual {
			if err := u.Store.PutProviderMapping(ctx, tx, connection.ProviderID, string(kind), text, u.Now()); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
