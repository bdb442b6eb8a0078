package console

import (
	"path/filepath"

	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/web"
)

// dropPart is where a connection's files arrive by themselves. Password is set only on the page that
// answers the form that made it.
type dropPart struct {
	// Folders and SFTP say what this installation has configured.
	Folders, SFTP bool
	Folder        bool
	Path          *web.CodeBlock
	Login         string
	Server        string
	HasPassword   bool
	Key           string
	Password      *web.CodeBlock
	Save          web.Button
	Make          web.Button
	Drop          web.Button
}

func (h *Handler) dropPart(v *visit, c assist.Case, password string) (*dropPart, error) {
	if !c.TakesFiles || h.DropFolder == "" && h.SFTPAddr == "" {
		return nil, nil
	}
	d, err := h.Desk.Drop(v.r.Context(), c.ApplicationID, c.Connection.ID)
	if err != nil {
		return nil, err
	}
	p := &dropPart{Folders: h.DropFolder != "", SFTP: h.SFTPAddr != "", Folder: d.Folder, Login: d.Login, Server: h.SFTPAddr,
		HasPassword: d.PasswordHash != "", Key: d.PublicKey,
		Save: web.Button{Label: "Save", Look: web.Secondary, Busy: "Saving"},
		Make: web.Button{Label: "Make a new password", Look: web.Secondary, Name: "password", Value: "new"},
		Drop: web.Button{Label: "Forget the password", Look: web.Quiet, Name: "password", Value: "none"}}
	if d.Folder && h.DropFolder != "" {
		p.Path = &web.CodeBlock{ID: "drop-path", Label: "folder", Text: filepath.Join(h.DropFolder, c.Connection.ID.String())}
	}
	if password != "" {
		p.Password = &web.CodeBlock{ID: "drop-password", Label: "password", Text: password}
	}
	return p, nil
}

func (h *Handler) changeDrop(v *visit) error {
	at, err := v.place()
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	password, err := h.Desk.ChangeDrop(v.r.Context(), v.who(), at.Application, at.Connection, assist.DropChange{
		Folder: form.Get("folder") != "", PublicKey: form.Get("key"), NewPassword: form.Get("password") == "new", NoPassword: form.Get("password") == "none",
	})
	if err != nil {
		return err
	}
	if password != "" {
		return h.showConnection(v, nil, password)
	}
	return v.back(at.path(), "drop")
}
