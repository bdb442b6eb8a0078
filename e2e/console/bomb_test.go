package console

import (
	"archive/zip"
	"bytes"
	"testing"
)

// zipBomb is a small archive that unpacks to 600 MiB.
func zipBomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	part, err := archive.Create("xl/worksheets/sheet1.xml")
	must(t, err)
	blank := make([]byte, 1<<20)
	for range 600 {
		_, err := part.Write(blank)
		must(t, err)
	}
	must(t, archive.Close())
	return b.String()
}
