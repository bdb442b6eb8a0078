package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
)

const (
	// maxBody is the largest request body in bytes.
	maxBody = 16 << 20
	// maxPooled is the largest buffer that is kept for the next request, in bytes. A directory of
	// ten thousand people fits.
	maxPooled = 4 << 20
)

// buffer is a byte slice that requests share in turn.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 16<<10)} }}

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	if cap(b.b) <= maxPooled {
		buffers.Put(b)
	}
}

// These are shared by all answers and never changed.
var (
	contentJSON = []string{"application/json"}
	noSniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
)

// write sends an answer with a JSON body.
func (c *call) write(status int, body []byte) {
	header := c.w.Header()
	header["Content-Type"] = contentJSON
	header["X-Content-Type-Options"] = noSniff
	if c.route.auth != authNone {
		header["Cache-Control"] = noStore
	}
	c.set(header, "Content-Length", strconv.Itoa(len(body)))
	c.status = status
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // the client may have gone; there is no one to tell
}

// data sends what read appends, with the headers of its publication.
func (c *call) data(read func(dst []byte) ([]byte, access.Publication, error)) error {
	buf := takeBuffer()
	defer buf.release()
	body, publication, err := read(buf.b[:0])
	if err != nil {
		return err
	}
	buf.b = body
	c.describe(publication)
	c.write(http.StatusOK, body)
	return nil
}

// headerTime is ISO 8601 in UTC with milliseconds.
const headerTime = "2006-01-02T15:04:05.000Z"

// describe says how fresh the data is. What has not happened yet has no header.
func (c *call) describe(p access.Publication) {
	header := c.w.Header()
	if !p.RetrievedAt.IsZero() {
		c.set(header, "Finch-Data-Retrieved", p.RetrievedAt.UTC().Format(headerTime))
	}
	if !p.AttemptedAt.IsZero() {
		c.set(header, "Finch-Last-Attempted-Update-Date", p.AttemptedAt.UTC().Format(headerTime))
	}
	if p.Result != "" {
		c.set(header, "Finch-Last-Attempted-Update-Result", string(p.Result))
	}
}

// body reads the request body into a shared buffer, which the caller releases.
func (c *call) body() (*buffer, error) {
	if c.r.ContentLength > maxBody {
		return nil, errBodyTooLarge
	}
	buf := takeBuffer()
	b, err := readAll(http.MaxBytesReader(c.w, c.r.Body, maxBody), buf.b[:0])
	buf.b = b
	if err == nil {
		return buf, nil
	}
	buf.release()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errBodyTooLarge
	case c.r.Context().Err() != nil:
		return nil, c.r.Context().Err()
	}
	return nil, perch.Invalid("body", "could not be read to its end.")
}

var errBodyTooLarge = &perch.Error{Name: perch.NameInvalidRequest, Code: "request_too_large", Message: "body: must not be larger than 16 MiB."}

func readAll(r io.Reader, dst []byte) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

func isAccepted(err error) bool {
	var e *perch.Error
	return errors.As(err, &e) && apierror.Status(e) == http.StatusAccepted
}

// fail sends an error. What is not in the error table, or is our own fault, is logged and shows
// nothing but the request id.
func (c *call) fail(err error) {
	var e *perch.Error
	switch {
	case errors.As(err, &e) && apierror.Status(e) != http.StatusInternalServerError:
	case c.r.Context().Err() != nil && errors.Is(c.r.Context().Err(), context.Canceled):
		e = &perch.Error{Name: perch.NameConnectionClosed, Message: "The connection was closed before the answer was ready."}
	default:
		c.api.Log.Error("request failed", "request_id", c.id, "operation", c.operation(), "error", err)
		e = &perch.Error{Name: perch.NameServer, Message: "Something went wrong on our side. Our log has the details under request id " + c.id + "."}
	}
	c.challenge(e)
	buf := takeBuffer()
	defer buf.release()
	buf.b = apierror.Append(buf.b[:0], e)
	c.write(apierror.Status(e), buf.b)
}

// challenge adds the header that HTTP wants with a 401 that better credentials would cure.
func (c *call) challenge(e *perch.Error) {
	switch e.Name {
	case perch.NameUnauthorized, perch.NameInvalidToken:
		c.set(c.w.Header(), "Www-Authenticate", "Bearer")
	case perch.NameInvalidClient:
		c.set(c.w.Header(), "Www-Authenticate", `Basic realm="perch", charset="UTF-8"`)
	}
}

func (c *call) operation() string {
	if c.route.operation != "" {
		return c.route.operation
	}
	return c.route.path
}

// finish ends a request: it turns a panic into an answer and writes the debug line.
func (c *call) finish(started time.Time) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler {
			panic(cause)
		}
		c.panicked(cause)
	}
	ctx := c.r.Context()
	if !c.api.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{slog.String("request_id", c.id), slog.String("method", c.r.Method),
		slog.String("operation", c.operation()), slog.Int("status", c.status), slog.Duration("took", time.Since(started))}
	if c.grant != nil {
		attrs = append(attrs, slog.String("connection_id", c.grant.Connection.ID.String()))
	}
	c.api.Log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// panicked answers a request whose handler panicked. An answer that was begun is cut off instead.
func (c *call) panicked(cause any) {
	c.api.Log.Error("panic", "request_id", c.id, "operation", c.operation(), "cause", cause, "stack", string(debug.Stack()))
	if c.status != 0 {
		panic(http.ErrAbortHandler)
	}
	buf := apierror.Append(nil, &perch.Error{Name: perch.NameServer,
		Message: "Something went wrong on our side. Our log has the details under request id " + c.id + "."})
	c.write(http.StatusInternalServerError, buf)
}
