package file

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// maxWorkbookParts is far above what spreadsheet programs write.
const maxWorkbookParts = 2000

// grid is a sheet before its header is found.
type grid struct {
	sheet  string
	rows   []Row
	issues []Issue
}

// readXLSX reads the named sheet, or the first one that holds a table.
func (b *tableBuilder) readXLSX(content, sheet string) error {
	g, err := readWorkbook(b.table.Name, content, sheet, b.table.limits)
	if err != nil {
		return err
	}
	t := &b.table
	t.Format, t.Encoding, t.Sheet, t.delimiter = "xlsx", "UTF-8", g.sheet, packed
	b.issues = g.issues
	var text strings.Builder
	for _, r := range g.rows {
		offset := text.Len()
		for i, c := range r.Cells {
			r.Cells[i] = clean(c)
			if i > 0 {
				text.WriteByte(packed)
			}
			text.WriteString(r.Cells[i])
		}
		text.WriteByte('\n')
		if err := b.add(r.Number, uint32(offset), r.Cells); err != nil {
			return err
		}
	}
	t.text = text.String()
	return nil
}

// readWorkbook opens a workbook. The library never sees an archive whose parts were not inflated and
// counted before, and never writes parts to disk.
func readWorkbook(name, content, sheet string, limits Limits) (g *grid, err error) {
	defer func() {
		if recover() != nil {
			g, err = nil, fmt.Errorf("%w: the workbook is damaged", ErrNotReadable)
		}
	}()
	if err := checkArchive(content, limits); err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(strings.NewReader(content), excelize.Options{
		UnzipSizeLimit: limits.UnzippedBytes, UnzipXMLSizeLimit: limits.UnzippedBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: the workbook is damaged or protected by a password", ErrNotReadable)
	}
	defer book.Close()
	names := book.GetSheetList()
	if sheet != "" {
		if !slices.Contains(names, sheet) {
			return nil, fmt.Errorf("%w: it has no sheet of the mapped name", ErrNoData)
		}
		names = []string{sheet}
	}
	left := &budget{limits: limits}
	for _, n := range names {
		g, err := readSheet(name, book, n, left)
		if err != nil {
			return nil, err
		}
		if len(g.rows) > 1 || sheet != "" {
			return g, nil
		}
	}
	return nil, fmt.Errorf("%w: no sheet has a header and a row", ErrNoData)
}

// checkArchive inflates every part once, to nowhere, and refuses what grows past the limits: the sizes
// that an archive declares are the uploader's claim.
func checkArchive(content string, limits Limits) error {
	damaged := fmt.Errorf("%w: the workbook is damaged", ErrNotReadable)
	archive, err := zip.NewReader(strings.NewReader(content), int64(len(content)))
	if err != nil {
		return damaged
	}
	if len(archive.File) > maxWorkbookParts {
		return tooLarge("more than %d parts in the workbook", maxWorkbookParts)
	}
	left := limits.UnzippedBytes
	for _, f := range archive.File {
		if f.UncompressedSize64 > uint64(left) {
			return tooLarge("the workbook unpacks to more than %d MiB", limits.UnzippedBytes>>20)
		}
		part, err := f.Open()
		if err != nil {
			return damaged
		}
		n, err := io.Copy(io.Discard, io.LimitReader(part, left+1))
		part.Close()
		if left -= n; left < 0 {
			return tooLarge("the workbook unpacks to more than %d MiB", limits.UnzippedBytes>>20)
		}
		if err != nil {
			return damaged
		}
	}
	return nil
}

// readSheet walks the sheet twice in step: once as stored and once as displayed. The two together
// tell a date from a number without loading the sheet whole.
func readSheet(name string, book *excelize.File, sheet string, left *budget) (*grid, error) {
	damaged := fmt.Errorf("%w: the sheet is damaged", ErrNotReadable)
	stored, err := book.Rows(sheet)
	if err != nil {
		return nil, damaged
	}
	defer stored.Close()
	displayed, err := book.Rows(sheet)
	if err != nil {
		return nil, damaged
	}
	defer displayed.Close()
	props, err := book.GetWorkbookProps()
	from1904 := err == nil && props.Date1904 != nil && *props.Date1904
	g := &grid{sheet: sheet, issues: append(formulaIssues(name, book, sheet), mergedIssues(name, book, sheet)...)}
	for number := 1; stored.Next() && displayed.Next(); number++ {
		raw, err := stored.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return nil, damaged
		}
		text, err := displayed.Columns()
		if err != nil {
			return nil, damaged
		}
		cells := make([]string, len(raw))
		for i := range raw {
			shown := ""
			if i < len(text) {
				shown = text[i]
			}
			cells[i] = cellText(raw[i], shown, from1904)
		}
		cells = trimBlankTail(cells)
		if len(cells) == 0 {
			continue
		}
		if slices.ContainsFunc(cells, func(c string) bool { return len(c) > left.limits.CellBytes }) {
			g.issues = append(g.issues, Issue{File: name, Row: number, Message: longCell, Skipped: true})
			continue
		}
		if err := left.take(cells); err != nil {
			return nil, err
		}
		g.rows = append(g.rows, Row{Number: number, Cells: cells})
	}
	if stored.Error() != nil || displayed.Error() != nil {
		return nil, damaged
	}
	return g, nil
}

func trimBlankTail(cells []string) []string {
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}

// formulaIssues reports formulas that were saved without their result: reading them as blank would
// lose money without a word.
func formulaIssues(name string, book *excelize.File, sheet string) []Issue {
	content := sheetContent(book, sheet)
	var out []Issue
	for len(out) < maxRowsShown*10 {
		start := bytes.Index(content, []byte("<f"))
		if start < 0 {
			break
		}
		end := bytes.Index(content[start:], []byte("</c>"))
		if end < 0 {
			break
		}
		if cell := content[start : start+end]; !bytes.Contains(cell, []byte("<v>")) {
			out = append(out, Issue{File: name, Row: rowOfCell(content[:start]), Message: "a formula has no stored result; open the file in a spreadsheet program, save it and import it again"})
		}
		content = content[start+end:]
	}
	return out
}

// mergedIssues reports merged cells over several rows: of them only the first holds the value, so that the
// others would be blank without a word. Merged titles stand above the header and are of no concern.
func mergedIssues(name string, book *excelize.File, sheet string) (out []Issue) {
	const mark, most = `<mergeCell ref="`, maxRowsShown * 10
	content := sheetContent(book, sheet)
	for len(out) < most {
		start := bytes.Index(content, []byte(mark))
		if start < 0 {
			break
		}
		content = content[start+len(mark):]
		end := bytes.IndexByte(content[:min(len(content), 40)], '"')
		if end < 0 {
			continue
		}
		area := string(content[:end])
		from, to, ok := strings.Cut(area, ":")
		_, first, err := excelize.CellNameToCoordinates(from)
		_, last, err2 := excelize.CellNameToCoordinates(to)
		if ok && err == nil && err2 == nil && last > first {
			out = append(out, Issue{File: name, Row: first, Message: "the cells " + area + " are merged, so that only the first of them has the value; unmerge them and fill the others in"})
		}
	}
	return out
}

// sheetContent returns a sheet as it is stored.
func sheetContent(book *excelize.File, sheet string) []byte {
	index, err := book.GetSheetIndex(sheet)
	if err != nil || index < 0 {
		return nil
	}
	data, ok := book.Pkg.Load(sheetPart(book, index))
	if !ok {
		return nil
	}
	content, _ := data.([]byte)
	return content
}

// sheetPart returns the archive path of the nth sheet, which the workbook's relationships hold.
func sheetPart(book *excelize.File, index int) string {
	data, ok := book.Pkg.Load("xl/_rels/workbook.xml.rels")
	content, isBytes := data.([]byte)
	if !ok || !isBytes || book.WorkBook == nil || index >= len(book.WorkBook.Sheets.Sheet) {
		return ""
	}
	var parts struct {
		Relationship []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		}
	}
	if xml.Unmarshal(content, &parts) != nil {
		return ""
	}
	for _, r := range parts.Relationship {
		if r.ID != book.WorkBook.Sheets.Sheet[index].ID {
			continue
		}
		if strings.HasPrefix(r.Target, "/") {
			return r.Target[1:]
		}
		return path.Join("xl", r.Target)
	}
	return ""
}

// rowOfCell finds the row number in the reference of the last cell that before opens.
func rowOfCell(before []byte) int {
	i := bytes.LastIndex(before, []byte(` r="`))
	if i < 0 {
		return 0
	}
	row := 0
	for _, c := range before[i+4 : min(len(before), i+16)] {
		switch {
		case c >= '0' && c <= '9':
			row = row*10 + int(c-'0')
		case c == '"':
			return row
		}
	}
	return 0
}
