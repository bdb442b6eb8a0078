package file

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// endless yields so many bytes and counts those that were asked for.
type endless struct{ left, taken int64 }

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int64(copy(p, "Emp ID,Name\n"))
	e.left, e.taken = e.left-min(n, e.left), e.taken+n
	return int(n), nil
}

func TestATwoGigabyteFileIsRefusedWithoutBeingRead(t *testing.T) {
	t.Parallel()
	content := &endless{left: 2 << 30}
	_, err := Read("huge.csv", content, Layout{}, Limits{Bytes: 1 << 20})
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "more than 1 MiB") || content.taken > 2<<20 {
		t.Errorf("%v after %d bytes", err, content.taken)
	}
}

func TestMergedCellsAreReported(t *testing.T) {
	t.Parallel()
	content := workbook(t, func(b *excelize.File) {
		setRows(t, b, "Sheet1", []any{"Emp ID", "First Name", "Last Name", "Department"}, []any{1, "Ann", "Roe", "Sales"}, []any{2, "Bo", "Reed", nil}, []any{3, "Cy", "Nash", "Stock"})
		if err := b.MergeCell("Sheet1", "D2", "D3"); err != nil {
			t.Fatal(err)
		}
	})
	s, err := Open([]File{{Name: "staff.xlsx", Kind: Census, Content: content}}, Mapping{}, Options{Now: in2026})
	if err != nil {
		t.Fatal(err)
	}
	problems := s.Problems()
	if len(problems) != 1 || problems[0].Where != "staff.xlsx row 2" || !strings.Contains(problems[0].Message, "D2:D3 are merged") {
		t.Errorf("problems %+v", problems)
	}
}
