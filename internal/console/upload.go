package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/web"
	"github.com/perchhq/perch/provider/file"
)

const (
	// uploadTime is how long files may take to come, on a slow line.
	uploadTime = 20 * time.Minute
	// maxToken bounds the part of a form before its files.
	maxToken = 1 << 10
)

// receive takes files in as they come: nothing is held back but a part of one.
func (h *Handler) receive(v *visit) error {
	at, err := v.place()
	if err != nil {
		return err
	}
	_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(uploadTime))
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(uploadTime))
	most := h.Uploads.MaxBytes()*assist.MaxFiles + maxForm
	if v.r.ContentLength > most {
		v.w.Header().Set("Connection", "close")
		return perch.Invalid("", "The files are too large: one may have %d MiB, and %d may come at a time.", h.Uploads.MaxBytes()>>20, assist.MaxFiles)
	}
	kind, params, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return perch.Invalid("", "The content type is not that of files.")
	}
	parts := multipart.NewReader(http.MaxBytesReader(v.w, v.r.Body, most), params["boundary"])
	first, err := parts.NextPart()
	if err != nil {
		return perch.Invalid("", "The files were cut off. Try again.")
	}
	token, err := io.ReadAll(io.LimitReader(first, maxToken))
	if err != nil || first.FormName() != "token" || !v.session.Owns(string(token)) {
		v.w.Header().Set("Connection", "close")
		return errStaleForm
	}
	receipt, err := h.Uploads.Begin(v.r.Context(), v.who(), assist.OriginConsole, at.Application, at.Connection)
	if err != nil {
		return err
	}
	if err := h.receiveFiles(v.r.Context(), receipt, parts); err != nil {
		receipt.Abort(v.r.Context())
		v.w.Header().Set("Connection", "close")
		return err
	}
	redirect(v.w, v.r, at.path()+"/uploads/"+receipt.ID().String())
	return nil
}

func (h *Handler) receiveFiles(ctx context.Context, receipt *assist.Receipt, parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return receipt.Done(ctx)
		}
		if err != nil {
			return perch.Invalid("", "The files were cut off. Try again.")
		}
		if part.FormName() != "files" || part.FileName() == "" {
			continue
		}
		content := &cut{from: part}
		if err := receipt.File(ctx, part.FileName(), "", content); err != nil {
			if content.failed {
				return perch.Invalid("", "The files were cut off. Try again.")
			}
			return err
		}
	}
}

// cut remembers that reading failed: then it is not our fault.
type cut struct {
	from   io.Reader
	failed bool
}

// Read implements io.Reader.
func (c *cut) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed = true
	}
	return n, err
}

func (v *visit) upload() (place, perch.ID, error) {
	at, err := v.place()
	id, err2 := perch.ParseID(v.r.PathValue("upload"))
	if err != nil || err2 != nil {
		return at, id, errNoSuchPage
	}
	return at, id, nil
}

type uploadPage struct {
	Path, Back, Token, Name string
	State                   store.UploadState
	Heading                 string
	Message                 *web.Alert
	Names                   []string
	// Waiting says that the page changes by itself.
	Waiting  bool
	Progress web.Progress
	Counts   *web.Table
	Review   *review
	By       string
	At       when
}

// uploadWords say what a state means.
func uploadHeading(s store.UploadState) string {
	return map[store.UploadState]string{
		store.UploadReading: "Reading the files", store.UploadReview: "Check the files", store.UploadPublishing: "Publishing",
		store.UploadPublished: "Published", store.UploadRejected: "Rejected", store.UploadFailed: "The files could not be read",
	}[s]
}

func uploadBadge(s store.UploadState) web.Badge {
	switch s {
	case store.UploadReview:
		return web.Badge{Label: "To check", Tone: web.Warning}
	case store.UploadPublished:
		return web.Badge{Label: "Published", Tone: web.Good}
	case store.UploadRejected:
		return web.Badge{Label: "Rejected"}
	case store.UploadFailed:
		return web.Badge{Label: "Failed", Tone: web.Danger}
	case store.UploadPublishing:
		return web.Badge{Label: "Publishing", Tone: web.Warning}
	}
	return web.Badge{Label: "Reading", Tone: web.Warning}
}

func (h *Handler) upload(v *visit) error { return h.showUpload(v, false) }

func (h *Handler) showUpload(v *visit, revealed bool) error {
	at, id, err := v.upload()
	if err != nil {
		return err
	}
	c, err := h.Desk.Case(v.r.Context(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	s, err := h.Uploads.Show(v.r.Context(), at.Application, at.Connection, id)
	if err != nil {
		return err
	}
	p := uploadPage{Path: at.path() + "/uploads/" + id.String(), Back: at.path(), Token: v.session.Token, Name: named(text(c.Connection.CustomerName)),
		State: s.State, Heading: uploadHeading(s.State), Names: s.Names, By: s.CreatedBy, At: h.ago(s.CreatedAt)}
	switch s.State {
	case store.UploadReading, store.UploadPublishing:
		p.Waiting = true
		p.Progress = web.Progress{Label: p.Heading}
		if s.Total > 0 {
			p.Progress.Percent = int(s.Done * 100 / s.Total)
		}
	case store.UploadPublished:
		p.Counts = counts(s.Counts)
	case store.UploadReview, store.UploadFailed:
		if s.Report != nil {
			p.Review = newReview(s, revealed)
		}
	}
	if s.Message != "" {
		p.Message = &web.Alert{Title: sentence(s.Message), Tone: web.Warning}
	}
	frame := page{Title: p.Heading + ", " + p.Name, Nav: "connections"}
	if p.Waiting {
		frame.Refresh = 3
	}
	h.show(v, http.StatusOK, "upload", frame, p)
	return nil
}

// counts is what publishing changed.
func counts(text string) *web.Table {
	var records map[syncengine.Kind]syncengine.Counts
	if json.Unmarshal([]byte(text), &records) != nil {
		return nil
	}
	t := &web.Table{Caption: "What was published", Columns: []web.Column{{Title: "Records"}, {Title: "New", Numbers: true}, {Title: "Changed", Numbers: true},
		{Title: "Unchanged", Numbers: true}, {Title: "Marked as leavers", Numbers: true}}}
	for _, kind := range []struct {
		kind syncengine.Kind
		name string
	}{{syncengine.KindPerson, "People"}, {syncengine.KindPayGroup, "Pay groups"}, {syncengine.KindPayment, "Payments"}, {syncengine.KindStatement, "Pay statements"}} {
		if c, ok := records[kind.kind]; ok && c != (syncengine.Counts{}) {
			t.Rows = append(t.Rows, []string{kind.name, strconv.Itoa(c.Created), strconv.Itoa(c.Updated), strconv.Itoa(c.Unchanged), strconv.Itoa(c.Left)})
		}
	}
	return t
}

// inShort is what publishing changed in a few words.
func inShort(text string) string {
	var records map[syncengine.Kind]syncengine.Counts
	if json.Unmarshal([]byte(text), &records) != nil {
		return ""
	}
	var words []string
	for _, kind := range []struct {
		kind syncengine.Kind
		name string
	}{{syncengine.KindPerson, "people"}, {syncengine.KindPayment, "payments"}} {
		c := records[kind.kind]
		if n := c.Created + c.Updated + c.Unchanged; n > 0 {
			words = append(words, fmt.Sprintf("%d %s (%d new, %d changed)", n, kind.name, c.Created, c.Updated))
		}
	}
	return strings.Join(words, ", ")
}

func (h *Handler) publishUpload(v *visit) error {
	return h.decide(v, func(at place, id perch.ID, form map[string][]string) error {
		return h.Uploads.Publish(v.r.Context(), v.who(), at.Application, at.Connection, id, first(form, "leavers") == "left")
	}, "")
}

func (h *Handler) rejectUpload(v *visit) error {
	return h.decide(v, func(at place, id perch.ID, _ map[string][]string) error {
		return h.Uploads.Reject(v.r.Context(), v.who(), at.Application, at.Connection, id)
	}, "rejected")
}

// decide runs a form about an upload. With a word it goes back to the connection, else to the upload.
func (h *Handler) decide(v *visit, do func(at place, id perch.ID, form map[string][]string) error, word string) error {
	at, id, err := v.upload()
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	if err := do(at, id, form); err != nil {
		return err
	}
	if word == "rejected" {
		return v.back(at.path(), word)
	}
	target := at.path() + "/uploads/" + id.String()
	if word != "" {
		return v.back(target, word)
	}
	redirect(v.w, v.r, target)
	return nil
}

func (h *Handler) revealUpload(v *visit) error {
	at, id, err := v.upload()
	if err != nil {
		return err
	}
	if _, err := v.form(); err != nil {
		return err
	}
	if err := h.Uploads.Revealed(v.r.Context(), v.who(), at.Application, at.Connection, id); err != nil {
		return err
	}
	return h.showUpload(v, true)
}

func (h *Handler) mapUpload(v *visit) error {
	return h.decide(v, func(at place, id perch.ID, form map[string][]string) error {
		s, err := h.Uploads.Show(v.r.Context(), at.Application, at.Connection, id)
		if err != nil {
			return err
		}
		if s.Report == nil {
			return perch.Invalid("upload", "The files are being read. Load the page anew.")
		}
		mapping, kinds, err := corrected(s, form)
		if err != nil {
			return err
		}
		return h.Uploads.Map(v.r.Context(), v.who(), at.Application, at.Connection, id, mapping, kinds)
	}, "mapping")
}

// corrected is the mapping that a form of drop-downs says.
func corrected(s assist.Shown, form map[string][]string) (file.Mapping, []file.Kind, error) {
	m := file.Mapping{Company: s.Mapping.Company}
	var kinds []file.Kind
	for f, shown := range s.Report.Preview.Files {
		kind := file.Kind(first(form, fmt.Sprintf("kind.%d", f)))
		kinds = append(kinds, kind)
		sheet, known := &m.Census, s.Mapping.Census
		if kind == file.Payroll {
			sheet, known = &m.Payroll, s.Mapping.Payroll
		}
		if kind != shown.Kind { // its columns mean something else: they are proposed anew
			continue
		}
		if *sheet == nil {
			*sheet = &file.SheetMapping{}
			if known != nil {
				**sheet = *known
				(*sheet).Columns = nil
			}
		}
		(*sheet).Partial = first(form, fmt.Sprintf("partial.%d", f)) != ""
		(*sheet).DateOrder = file.DateOrder(first(form, fmt.Sprintf("dates.%d", f)))
		(*sheet).NameFormat = file.NameFormat(first(form, fmt.Sprintf("names.%d", f)))
		for c, title := range shown.Header {
			column, err := chosenColumn(shown, title, first(form, fmt.Sprintf("column.%d.%d", f, c)))
			if err != nil {
				return m, nil, err
			}
			if column.Order != "" { // a column of dates
				column.Order = (*sheet).DateOrder
			}
			(*sheet).Columns = setColumn((*sheet).Columns, column)
		}
	}
	return m, kinds, nil
}
