package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// UploadState is where an upload stands.
type UploadState string

// States of an upload. Those received are read, wait for a person or go on by themselves, and end
// published or rejected. A failed one can be mapped anew or rejected.
const (
	UploadReceiving  UploadState = "receiving"
	UploadReading    UploadState = "reading"
	UploadReview     UploadState = "review"
	UploadPublishing UploadState = "publishing"
	UploadPublished  UploadState = "published"
	UploadRejected   UploadState = "rejected"
	UploadFailed     UploadState = "failed"
)

// Upload is a set of files that was handed in for a connection.
type Upload struct {
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	EntityID      perch.ID
	// Origin is "console", "folder" or "sftp"; CreatedBy is the actor, as in the audit log.
	Origin    string
	CreatedBy string
	CreatedAt time.Time
	State     UploadState
	// Message says why it waits or failed; it holds no personal data.
	Message string
	// Mapping and Report are sealed under the entity's key.
	Mapping, Report []byte
	AllowLeavers    bool
	// Done of Total records are published.
	Done, Total int64
	// Counts is JSON with what publishing changed.
	Counts    string
	DecidedAt time.Time
	DecidedBy string
}

const uploadColumns = `id, application_id, connection_id, entity_id, origin, created_by, created_at, state, message, mapping, report, allow_leavers,
	done, total, counts, decided_at, decided_by`

func scanUpload(row scanner) (Upload, error) {
	var u Upload
	var created, decided int64
	if err := row.Scan(&u.ID, &u.ApplicationID, &u.ConnectionID, &u.EntityID, &u.Origin, &u.CreatedBy, &created, &u.State, &u.Message, &u.Mapping, &u.Report,
		&u.AllowLeavers, &u.Done, &u.Total, &u.Counts, &decided, &u.DecidedBy); err != nil {
		return u, fmt.Errorf("reading an upload: %w", notFound(err))
	}
	u.CreatedAt, u.DecidedAt = db.Time(created), db.Time(decided)
	return u, nil
}

// InsertUpload stores a new upload, held by its owner until a time.
func (s *Store) InsertUpload(ctx context.Context, tx *sql.Tx, u Upload, owner string, until time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO uploads (`+uploadColumns+`, lease_owner, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, '', 0, '', $13, $14)`,
		u.ID, u.ApplicationID, u.ConnectionID, u.EntityID, u.Origin, u.CreatedBy, db.Micros(u.CreatedAt), string(u.State), u.Message, u.Mapping, u.Report, u.AllowLeavers,
		owner, db.Micros(until)); err != nil {
		return fmt.Errorf("storing the upload: %w", err)
	}
	return nil
}

// Upload returns an upload of an application's live connection.
func (s *Store) Upload(ctx context.Context, application, connection, upload perch.ID) (Upload, error) {
	return scanUpload(s.db.Read.QueryRowContext(ctx, `SELECT `+uploadColumns+` FROM uploads u
		WHERE u.id = $1 AND u.application_id = $2 AND u.connection_id = $3 AND EXISTS (SELECT 1 FROM connections c WHERE c.id = u.connection_id AND c.disconnected_at = 0)`,
		upload, application, connection))
}

// Uploads returns the newest uploads of an application's connection.
func (s *Store) Uploads(ctx context.Context, application, connection perch.ID, limit int) ([]Upload, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (Upload, error) { return scanUpload(rows) },
		`SELECT `+uploadColumns+` FROM uploads WHERE application_id = $1 AND connection_id = $2 AND state <> 'receiving' ORDER BY created_at DESC, id LIMIT $3`,
		application, connection, limit)
}

// ClaimUpload takes an upload that is to be read or published, unless another process has it. It returns
// ErrNotFound then.
func (s *Store) ClaimUpload(ctx context.Context, entity, upload perch.ID, owner string, now, until time.Time) (Upload, error) {
	return scanUpload(s.db.Write.QueryRowContext(ctx, `UPDATE uploads SET lease_owner = $1, lease_until = $2
		WHERE id = $3 AND entity_id = $4 AND state IN ('reading', 'publishing') AND (lease_until < $5 OR lease_owner = '') RETURNING `+uploadColumns,
		owner, db.Micros(until), upload, entity, db.Micros(now)))
}

// HoldUpload extends a claim and notes how far publishing is. It returns ErrNotFound when the claim was
// lost.
func (s *Store) HoldUpload(ctx context.Context, entity, upload perch.ID, owner string, until time.Time, done, total int64) error {
	return one(s.db.Write.ExecContext(ctx, `UPDATE uploads SET lease_until = $1, done = $2, total = $3 WHERE id = $4 AND entity_id = $5 AND lease_owner = $6`,
		db.Micros(until), done, total, upload, entity, owner))("holding the upload")
}

// UploadMove takes an upload from one of several states to another. Zero fields of Report, Mapping and
// Message keep nothing but what is there for the first two.
type UploadMove struct {
	From   []UploadState
	To     UploadState
	Report []byte
	// Mapping replaces the mapping if it is not nil.
	Mapping      []byte
	Message      string
	AllowLeavers bool
	Counts       string
	By           string
	At           time.Time
	// Until keeps other processes away for a while; the claim of who moves it ends.
	Until time.Time
}

// MoveUpload moves an upload, or returns ErrNotFound when it is in none of the states.
func (s *Store) MoveUpload(ctx context.Context, tx *sql.Tx, entity, upload perch.ID, m UploadMove) error {
	var from [3]string
	for i, state := range m.From {
		from[i] = string(state)
	}
	return one(tx.ExecContext(ctx, `UPDATE uploads SET state = $1, report = COALESCE($2, report), mapping = COALESCE($3, mapping), message = $4,
			allow_leavers = $5, counts = CASE WHEN $6 = '' THEN counts ELSE $6 END, decided_by = CASE WHEN $7 = '' THEN decided_by ELSE $7 END,
			decided_at = CASE WHEN $7 = '' THEN decided_at ELSE $8 END, lease_owner = '', lease_until = $9
		WHERE id = $10 AND entity_id = $11 AND state IN ($12, $13, $14)`,
		string(m.To), m.Report, m.Mapping, m.Message, m.AllowLeavers, m.Counts, m.By, db.Micros(m.At), db.Micros(m.Until),
		upload, entity, from[0], from[1], from[2]))("moving the upload")
}

// IdleUploads returns uploads that are to be read or published and that nobody works on.
func (s *Store) IdleUploads(ctx context.Context, now time.Time, most int) ([]Upload, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (Upload, error) { return scanUpload(rows) },
		`SELECT `+uploadColumns+` FROM uploads u WHERE u.state IN ('reading', 'publishing') AND u.lease_until < $1
		   AND EXISTS (SELECT 1 FROM connections c JOIN entities e ON e.connection_id = c.id WHERE e.id = u.entity_id AND c.disconnected_at = 0 AND e.disconnected_at = 0)
		 ORDER BY u.lease_until LIMIT $2`, db.Micros(now), most)
}

// AbandonedUploads returns uploads whose files stopped coming.
func (s *Store) AbandonedUploads(ctx context.Context, now time.Time, most int) ([]Upload, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (Upload, error) { return scanUpload(rows) },
		`SELECT `+uploadColumns+` FROM uploads WHERE state = 'receiving' AND lease_until < $1 ORDER BY lease_until LIMIT $2`, db.Micros(now), most)
}

// UnfinishedUpload returns the oldest upload of an entity that comes before the given one and has not
// ended by itself: files are published in the order in which they came.
func (s *Store) UnfinishedUpload(ctx context.Context, entity, upload perch.ID, before time.Time) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM uploads WHERE entity_id = $1 AND id <> $2 AND created_at < $3 AND state IN ('reading', 'publishing')`,
		entity, upload, db.Micros(before)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("looking for earlier uploads: %w", err)
	}
	return n > 0, nil
}

// UploadFile is one file of an upload. Name is sealed.
type UploadFile struct {
	ID       perch.ID
	UploadID perch.ID
	EntityID perch.ID
	Position int
	// Kind is "census" or "payroll", empty where it is not known yet, and "snapshot" for what the next
	// upload is compared with.
	Kind   string
	Name   []byte
	Size   int64
	Chunks int64
}

// InsertUploadFile stores a file that is about to come.
func (s *Store) InsertUploadFile(ctx context.Context, tx *sql.Tx, f UploadFile) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO upload_files (id, upload_id, entity_id, position, kind, name, size, chunks) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)`,
		f.ID, f.UploadID, f.EntityID, f.Position, f.Kind, f.Name); err != nil {
		return fmt.Errorf("storing an uploaded file: %w", err)
	}
	return nil
}

// InsertUploadChunk stores a sealed part of a file that is still coming, and keeps its upload from being
// taken for abandoned.
func (s *Store) InsertUploadChunk(ctx context.Context, f UploadFile, number int64, body []byte, until time.Time) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO upload_chunks (file_id, number, body) VALUES ($1, $2, $3)`, f.ID, number, body); err != nil {
			return fmt.Errorf("storing a part of a file: %w", err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE uploads SET lease_until = $1 WHERE id = $2 AND entity_id = $3 AND state = 'receiving'`, db.Micros(until), f.UploadID, f.EntityID)
		return err
	})
}

// FinishUploadFile notes that a file is complete.
func (s *Store) FinishUploadFile(ctx context.Context, tx *sql.Tx, f UploadFile) error {
	return one(tx.ExecContext(ctx, `UPDATE upload_files SET size = $1, chunks = $2 WHERE id = $3 AND upload_id = $4`, f.Size, f.Chunks, f.ID, f.UploadID))("finishing the file")
}

// SetUploadFileKind says what a file is.
func (s *Store) SetUploadFileKind(ctx context.Context, tx *sql.Tx, entity, upload perch.ID, position int, kind string) error {
	return one(tx.ExecContext(ctx, `UPDATE upload_files SET kind = $1 WHERE upload_id = $2 AND entity_id = $3 AND position = $4`, kind, upload, entity, position))("storing what the file is")
}

// UploadFiles returns the files of an upload in order; the snapshot is not among them.
func (s *Store) UploadFiles(ctx context.Context, entity, upload perch.ID) ([]UploadFile, error) {
	return s.uploadFiles(ctx, `upload_id = $1 AND entity_id = $2 AND kind <> 'snapshot' ORDER BY position`, upload, entity)
}

// LastSnapshot returns the newest snapshot of an entity, or ErrNotFound.
func (s *Store) LastSnapshot(ctx context.Context, entity perch.ID) (UploadFile, error) {
	list, err := s.uploadFiles(ctx, `entity_id = $1 AND kind = 'snapshot' AND chunks > 0 AND EXISTS (SELECT 1 FROM uploads u WHERE u.id = upload_id AND u.state = 'published')
		ORDER BY (SELECT u.decided_at FROM uploads u WHERE u.id = upload_id) DESC, id LIMIT 1`, entity)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("reading the last snapshot: %w", ErrNotFound)
	}
	if err != nil {
		return UploadFile{}, err
	}
	return list[0], nil
}

func (s *Store) uploadFiles(ctx context.Context, where string, args ...any) ([]UploadFile, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (f UploadFile, err error) {
		return f, rows.Scan(&f.ID, &f.UploadID, &f.EntityID, &f.Position, &f.Kind, &f.Name, &f.Size, &f.Chunks)
	}, `SELECT id, upload_id, entity_id, position, kind, name, size, chunks FROM upload_files WHERE `+where, args...)
}

// UploadChunk returns a sealed part of a file of an entity.
func (s *Store) UploadChunk(ctx context.Context, entity, file perch.ID, number int64) ([]byte, error) {
	var body []byte
	err := s.db.Read.QueryRowContext(ctx, `SELECT c.body FROM upload_chunks c JOIN upload_files f ON f.id = c.file_id WHERE c.file_id = $1 AND c.number = $2 AND f.entity_id = $3`,
		file, number, entity).Scan(&body)
	if err != nil {
		return nil, fmt.Errorf("reading a part of a file: %w", notFound(err))
	}
	return body, nil
}

// ForgetUpload deletes the content of an upload, and its snapshot unless keep says so, up to most parts,
// and reports whether there may be more. The row stays, for the history.
func (s *Store) ForgetUpload(ctx context.Context, entity, upload perch.ID, keepSnapshot bool, most int) (more bool, err error) {
	const of = `SELECT id FROM upload_files WHERE upload_id = $1 AND entity_id = $2 AND (kind <> 'snapshot' OR NOT $3)`
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		more, err = deleteSome(ctx, tx, most, "deleting an upload's files",
			`DELETE FROM upload_chunks WHERE (file_id, number) IN (SELECT file_id, number FROM upload_chunks WHERE file_id IN (`+of+`) LIMIT $4)`, upload, entity, keepSnapshot, most)
		if err != nil || more {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM upload_files WHERE upload_id = $1 AND entity_id = $2 AND (kind <> 'snapshot' OR NOT $3)`, upload, entity, keepSnapshot); err != nil {
			return fmt.Errorf("deleting an upload's files: %w", err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE uploads SET report = NULL, mapping = NULL WHERE id = $1 AND entity_id = $2`, upload, entity)
		return err
	})
	return more, err
}

// DeleteUpload removes an upload of which nothing came of, once ForgetUpload has emptied it.
func (s *Store) DeleteUpload(ctx context.Context, tx *sql.Tx, entity, upload perch.ID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM uploads WHERE id = $1 AND entity_id = $2 AND state = 'receiving'`, upload, entity); err != nil {
		return fmt.Errorf("deleting an upload: %w", err)
	}
	return nil
}

// PublishedUploads returns the published uploads of an entity that still have content, but for one.
func (s *Store) PublishedUploads(ctx context.Context, entity, except perch.ID) ([]perch.ID, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (id perch.ID, err error) { return id, rows.Scan(&id) },
		`SELECT DISTINCT u.id FROM uploads u JOIN upload_files f ON f.upload_id = u.id WHERE u.entity_id = $1 AND u.id <> $2 AND u.state = 'published'`, entity, except)
}

// ProviderMapping returns how the columns of a provider's files were read last, or nothing.
func (s *Store) ProviderMapping(ctx context.Context, provider, kind string) (string, error) {
	var text string
	err := s.db.Read.QueryRowContext(ctx, `SELECT mapping FROM provider_mappings WHERE provider_id = $1 AND kind = $2`, provider, kind).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a provider's mapping: %w", err)
	}
	return text, nil
}

// PutProviderMapping stores how the columns of a provider's files are read.
func (s *Store) PutProviderMapping(ctx context.Context, tx *sql.Tx, provider, kind, mapping string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO provider_mappings (provider_id, kind, mapping, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (provider_id, kind) DO UPDATE SET mapping = excluded.mapping, updated_at = excluded.updated_at`, provider, kind, mapping, db.Micros(now)); err != nil {
		return fmt.Errorf("storing a provider's mapping: %w", err)
	}
	return nil
}

// deleteUploads removes what was handed in for an entity that gone selects, and where its files arrive.
func deleteUploads(ctx context.Context, tx *sql.Tx, gone string, entity perch.ID, most int) (more bool, err error) {
	more, err = deleteSome(ctx, tx, most, "deleting a disconnected entity's files",
		`DELETE FROM upload_chunks WHERE (file_id, number) IN (SELECT k.file_id, k.number FROM upload_chunks k JOIN upload_files f ON f.id = k.file_id WHERE f.entity_id IN (`+gone+`) LIMIT $2)`, entity, most)
	if err != nil || more {
		return more, err
	}
	for _, statement := range []string{
		`DELETE FROM upload_files WHERE entity_id IN (` + gone + `)`,
		`UPDATE uploads SET report = NULL, mapping = NULL, state = CASE WHEN state = 'published' THEN state ELSE 'rejected' END WHERE entity_id IN (` + gone + `)`,
		`DELETE FROM drops WHERE entity_id IN (` + gone + `)`,
		`DELETE FROM assisted_accounts WHERE connection_id IN (SELECT c.id FROM connections c JOIN entities x ON x.connection_id = c.id WHERE x.id = $1 AND c.disconnected_at <> 0)`,
	} {
		if _, err := tx.ExecContext(ctx, statement, entity); err != nil {
			return false, fmt.Errorf("deleting what was handed in for a disconnected entity: %w", err)
		}
	}
	return false, nil
}
