package assist

import (
	"context"
	"database/sql"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/ssh"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
)

// DropChange is what an operator changes about where a connection's files arrive by themselves.
type DropChange struct {
	// Folder watches a folder of the connection's own.
	Folder bool
	// PublicKey lets its owner in on the SFTP server; empty lets nobody in by key.
	PublicKey string
	// NewPassword makes another password, NoPassword lets nobody in by password.
	NewPassword, NoPassword bool
}

// Drop returns where a connection's files arrive.
func (d *Desk) Drop(ctx context.Context, application, connection perch.ID) (store.Drop, error) {
	return d.Store.Drop(ctx, application, connection)
}

// ChangeDrop changes it, and returns the new password if one was made: only its hash is kept.
func (d *Desk) ChangeDrop(ctx context.Context, by string, application, connection perch.ID, change DropChange) (password string, err error) {
	c, err := d.Case(ctx, application, connection)
	if err != nil {
		return "", err
	}
	if !c.TakesFiles {
		return "", perch.Invalid("connection", "The connection takes no files.")
	}
	drop, err := d.Store.Drop(ctx, application, connection)
	if err != nil {
		return "", err
	}
	if drop.Login == "" {
		id := perch.NewID()
		drop.Login = "perch-" + hex.EncodeToString(id[:6])
	}
	drop.ConnectionID, drop.ApplicationID, drop.EntityID, drop.Folder, drop.UpdatedAt = connection, application, c.Entity, change.Folder, d.Now()
	if drop.PublicKey, err = publicKey(change.PublicKey); err != nil {
		return "", err
	}
	switch {
	case change.NewPassword:
		var hash []byte
		password, hash = access.NewSecret("")
		drop.PasswordHash = hex.EncodeToString(hash)
	case change.NoPassword:
		drop.PasswordHash = ""
	}
	err = d.write(ctx, d.audit(by, "drop.changed", application, connection, ""), func(tx *sql.Tx) error {
		if err := d.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		return d.Store.PutDrop(ctx, tx, drop)
	})
	return password, err
}

const maxKey = 16 << 10

// publicKey checks a line as in authorized_keys and drops what it says beside the key.
func publicKey(line string) (string, error) {
	if line = strings.TrimSpace(line); line == "" {
		return "", nil
	}
	if len(line) > maxKey {
		return "", perch.Invalid("public key", "is too long")
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(strings.TrimSpace(string(rest))) > 0 {
		return "", perch.Invalid("public key", "must be one line such as ssh-ed25519 AAAA…")
	}
	if key.Type() == "ssh-dss" {
		return "", perch.Invalid("public key", "must not be a DSA key; use ed25519")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}

// Refuse notes that a file was not taken in, where nobody looks on: it waits in the queue with the reason.
func (u *Uploads) Refuse(ctx context.Context, by, origin string, d store.Drop, message string) error {
	row := store.Upload{ID: perch.NewID(), ApplicationID: d.ApplicationID, ConnectionID: d.ConnectionID, EntityID: d.EntityID,
		Origin: origin, CreatedBy: by, CreatedAt: u.Now(), State: store.UploadFailed, Message: message}
	return u.Desk.write(ctx, u.Desk.audit(by, "upload.refused", d.ApplicationID, d.ConnectionID, ""), func(tx *sql.Tx) error {
		if err := u.Store.HoldConnection(ctx, tx, d.ApplicationID, d.ConnectionID); err != nil {
			return err
		}
		return u.Store.InsertUpload(ctx, tx, row, "", u.Now())
	})
}
