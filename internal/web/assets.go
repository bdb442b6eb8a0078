package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Assets are files that browsers keep: the address of each holds a hash of its content, so a changed
// file has a new address and an old one never has to be asked for again.
type Assets struct {
	prefix    string
	addresses map[string]string
	files     map[string]file
}

// file is one file as it is sent.
type file struct {
	contentType         string
	plain, gzipped      []byte
	plainSize, zippedAs string
}

// contentTypes are all that is served.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// NewAssets reads the files of a folder. Their addresses begin with prefix, which ends with a slash.
func NewAssets(prefix string, files fs.FS, folder string) (*Assets, error) {
	a := &Assets{prefix: prefix, addresses: map[string]string{}, files: map[string]file{}}
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("listing assets: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		content, err := fs.ReadFile(files, path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading an asset: %w", err)
		}
		if err := a.add(entry.Name(), content); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Assets) add(name string, content []byte) error {
	extension := path.Ext(name)
	contentType, known := contentTypes[extension]
	if !known {
		return fmt.Errorf("asset %s: no content type is known for %q", name, extension)
	}
	if extension == ".css" {
		content = minifyCSS(content)
	}
	zipped, err := Gzip(content)
	if err != nil {
		return fmt.Errorf("asset %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	address := a.prefix + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
	a.addresses[name] = address
	a.files[address] = file{
		contentType: contentType, plain: content, gzipped: zipped,
		plainSize: strconv.Itoa(len(content)), zippedAs: strconv.Itoa(len(zipped)),
	}
	return nil
}

// Address returns where a file is served.
func (a *Assets) Address(name string) (string, bool) {
	address, ok := a.addresses[name]
	return address, ok
}

// Size returns how many bytes a file is, as it is and compressed.
func (a *Assets) Size(name string) (plain, compressed int) {
	f := a.files[a.addresses[name]]
	return len(f.plain), len(f.gzipped)
}

// Mount serves every file at its address.
func (a *Assets) Mount(mux *http.ServeMux) {
	for address, f := range a.files {
		mux.Handle("GET "+address, f)
	}
}

// ServeHTTP implements http.Handler.
func (f file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	if AcceptsGzip(r) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", f.zippedAs)
		_, _ = w.Write(f.gzipped)
		return
	}
	header.Set("Content-Length", f.plainSize)
	_, _ = w.Write(f.plain)
}

// AcceptsGzip reports whether the client can read gzip. One that says "gzip;q=0" cannot.
func AcceptsGzip(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(header, ",") {
			name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return strings.Trim(strings.TrimPrefix(strings.TrimSpace(quality), "q="), "0.") != "" || quality == ""
			}
		}
	}
	return false
}

// Gzip compresses what is compressed once and sent often.
func Gzip(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return b.Bytes(), nil
}
