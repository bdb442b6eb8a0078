package assist

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider/file"
)

// Where uploads come from.
const (
	OriginConsole = "console"
	OriginFolder  = "folder"
	OriginSFTP    = "sftp"
)

// Shown is an upload as somebody looks at it.
type Shown struct {
	store.Upload
	// Names are the names of the files, in order.
	Names []string
	// Report is nil before the files were read, and after they were published or rejected.
	Report  *Report
	Mapping file.Mapping
}

// List returns the newest uploads of a connection.
func (u *Uploads) List(ctx context.Context, application, connection perch.ID) ([]store.Upload, error) {
	const shown = 20
	return u.Store.Uploads(ctx, application, connection, shown)
}

// Show returns an upload with its report.
func (u *Uploads) Show(ctx context.Context, application, connection, upload perch.ID) (Shown, error) {
	row, err := u.Store.Upload(ctx, application, connection, upload)
	if err != nil {
		return Shown{}, err
	}
	s := Shown{Upload: row}
	cipher, err := u.Keyring.Cipher(ctx, row.EntityID)
	if err != nil {
		return s, err
	}
	files, err := u.Store.UploadFiles(ctx, row.EntityID, row.ID)
	if err != nil {
		return s, err
	}
	for _, f := range files {
		name, err := cipher.Open(nil, f.Name, namePlace(f.ID))
		if err != nil {
			return s, err
		}
		s.Names = append(s.Names, string(name))
	}
	if row.Mapping != nil {
		text, err := cipher.Open(nil, row.Mapping, mappingPlace(row.ID))
		if err != nil {
			return s, err
		}
		if s.Mapping, err = file.ParseMapping(text); err != nil {
			return s, err
		}
	}
	if row.Report == nil {
		return s, nil
	}
	plain, err := cipher.Open(nil, row.Report, reportPlace(row.ID))
	if err != nil {
		return s, err
	}
	s.Report = &Report{}
	if err := json.Unmarshal(plain, s.Report); err != nil {
		return s, fmt.Errorf("reading a report: %w", err)
	}
	return s, nil
}

var waiting = []store.UploadState{store.UploadReview, store.UploadFailed}

// Map reads the files again with another mapping; kinds say what each file is, in order.
func (u *Uploads) Map(ctx context.Context, by string, application, connection, upload perch.ID, mapping file.Mapping, kinds []file.Kind) error {
	if err := mapping.Validate(); err != nil {
		return err
	}
	row, err := u.Store.Upload(ctx, application, connection, upload)
	if err != nil {
		return err
	}
	cipher, err := u.Keyring.Cipher(ctx, row.EntityID)
	if err != nil {
		return err
	}
	sealed, err := sealMapping(cipher, row.ID, mapping)
	if err != nil {
		return err
	}
	return u.decide(ctx, row, "upload.mapped", by, func(tx *sql.Tx) error {
		for i, kind := range kinds {
			if kind != file.Census && kind != file.Payroll {
				return perch.Invalid("kind", "must be census or payroll")
			}
			if err := u.Store.SetUploadFileKind(ctx, tx, row.EntityID, row.ID, i, string(kind)); err != nil {
				return err
			}
		}
		return u.move(ctx, tx, row, store.UploadMove{From: waiting, To: store.UploadReading, Mapping: sealed})
	})
}

// Publish has an upload published that was read without a problem. Where most people would be marked as
// leavers, that has to be said to be right.
func (u *Uploads) Publish(ctx context.Context, by string, application, connection, upload perch.ID, allowLeavers bool) error {
	s, err := u.Show(ctx, application, connection, upload)
	if err != nil {
		return err
	}
	switch {
	case s.Report == nil || s.State != store.UploadReview:
		return perch.Invalid("upload", "The files do not wait to be published. Load the page anew.")
	case s.Report.Problem != "":
		return perch.Invalid("upload", "The files cannot be published: %s", s.Report.Problem)
	case s.Report.ManyLeavers && !allowLeavers:
		return perch.Invalid("upload", "%d people would be marked as leavers. Say that they have left, or reject the files.", s.Report.Leavers)
	}
	return u.decide(ctx, s.Upload, "upload.published", by, func(tx *sql.Tx) error {
		return u.move(ctx, tx, s.Upload, store.UploadMove{From: []store.UploadState{store.UploadReview}, To: store.UploadPublishing, By: by, At: u.Now(), AllowLeavers: allowLeavers})
	})
}

// Reject deletes an upload's files.
func (u *Uploads) Reject(ctx context.Context, by string, application, connection, upload perch.ID) error {
	row, err := u.Store.Upload(ctx, application, connection, upload)
	if err != nil {
		return err
	}
	err = u.decide(ctx, row, "upload.rejected", by, func(tx *sql.Tx) error {
		return u.move(ctx, tx, row, store.UploadMove{From: waiting, To: store.UploadRejected, By: by, At: u.Now()})
	})
	if err != nil {
		return err
	}
	return u.forget(ctx, row.EntityID, row.ID, false)
}

// Revealed notes that somebody looked at numbers and pay in full.
func (u *Uploads) Revealed(ctx context.Context, by string, application, connection, upload perch.ID) error {
	row, err := u.Store.Upload(ctx, application, connection, upload)
	if err != nil {
		return err
	}
	return u.decide(ctx, row, "upload.revealed", by, func(*sql.Tx) error { return nil })
}

func (u *Uploads) decide(ctx context.Context, row store.Upload, action, by string, do func(tx *sql.Tx) error) error {
	err := u.Desk.write(ctx, u.Desk.audit(by, action, row.ApplicationID, row.ConnectionID, ""), do)
	if errors.Is(err, store.ErrNotFound) {
		return perch.Invalid("upload", "Somebody has decided about these files meanwhile. Load the page anew.")
	}
	return err
}
