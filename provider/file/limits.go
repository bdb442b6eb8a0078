package file

import (
	"errors"
	"fmt"
)

// Limits bound what one file may cost. A zero field takes the value of [DefaultLimits].
type Limits struct {
	// Bytes is the size of the file as uploaded.
	Bytes int64
	// Rows counts rows that are not blank, Columns the cells of the widest row.
	Rows, Columns int
	// CellBytes is the size of one cell's text.
	CellBytes int
	// Cells is the number of cells in all, TextBytes the size of their text.
	Cells     int
	TextBytes int64
	// UnzippedBytes is the size of a workbook's parts together, counted while inflating.
	UnzippedBytes int64
}

// DefaultLimits are generous for an employer of a hundred thousand people.
func DefaultLimits() Limits {
	return Limits{
		Bytes: 64 << 20, Rows: 200_000, Columns: 512, CellBytes: 64 << 10,
		Cells: 10_000_000, TextBytes: 256 << 20, UnzippedBytes: 512 << 20,
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		Bytes: or(l.Bytes, d.Bytes), Rows: or(l.Rows, d.Rows), Columns: or(l.Columns, d.Columns),
		CellBytes: or(l.CellBytes, d.CellBytes), Cells: or(l.Cells, d.Cells),
		TextBytes: or(l.TextBytes, d.TextBytes), UnzippedBytes: or(l.UnzippedBytes, d.UnzippedBytes),
	}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Errors of whole files, compared with errors.Is.
var (
	// ErrTooLarge reports a file beyond its [Limits].
	ErrTooLarge = errors.New("the file is too large")
	// ErrNotReadable reports bytes that are neither CSV nor XLSX, or a broken workbook.
	ErrNotReadable = errors.New("the file cannot be read")
	// ErrNoData reports a file without a header and at least one row below it.
	ErrNoData = errors.New("the file holds no table")
)

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrTooLarge}, args...)...)
}

// budget counts down what the limits allow while a file is read.
type budget struct {
	limits Limits
	rows   int
	cells  int
	text   int64
}

func (b *budget) take(cells []string) error {
	b.rows++
	b.cells += len(cells)
	for _, c := range cells {
		b.text += int64(len(c))
	}
	switch l := b.limits; {
	case b.rows > l.Rows:
		return tooLarge("more than %d rows", l.Rows)
	case len(cells) > l.Columns:
		return tooLarge("row with more than %d columns", l.Columns)
	case b.cells > l.Cells:
		return tooLarge("more than %d cells", l.Cells)
	case b.text > l.TextBytes:
		return tooLarge("more than %d MiB of text", l.TextBytes>>20)
	}
	return nil
}
