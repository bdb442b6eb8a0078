package file

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decodeText turns the bytes of a text file into UTF-8 and names the encoding it found. Text that is not
// UTF-8 is taken as Windows-1252, which is what spreadsheet programs write on US desktops.
func decodeText(b []byte) (string, string, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return decodeUTF16(b[2:], func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }), "UTF-16LE", nil
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return decodeUTF16(b[2:], func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }), "UTF-16BE", nil
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return "", "", fmt.Errorf("%w: it holds binary data; save it as CSV (UTF-8) or XLSX", ErrNotReadable)
	}
	if utf8.Valid(b) {
		return string(b), "UTF-8", nil
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return "", "", fmt.Errorf("%w: its text encoding is unknown; save it as CSV (UTF-8)", ErrNotReadable)
	}
	return string(decoded), "Windows-1252", nil
}

func decodeUTF16(b []byte, unit func([]byte) uint16) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, unit(b))
	}
	return string(utf16.Decode(units))
}

var delimiters = []byte{',', '\t', ';', '|'}

// sniffDelimiter picks the delimiter that splits the first rows into the most columns, most evenly.
func sniffDelimiter(text string) byte {
	const sample, longest, rows = 64 << 10, 2 << 10, 40
	text = text[:min(len(text), sample)]
	best, bestScore := byte(','), 0
	for _, d := range delimiters {
		widths := map[int]int{}
		p := csvScanner{text: text, delimiter: d, maxCell: longest, maxCells: longest}
		for n := 0; n < rows; n++ {
			cells, _, ok := p.next()
			if !ok {
				break
			}
			if len(cells) > 1 { // a broken row has none
				widths[len(cells)]++
			}
		}
		score := 0
		for width, count := range widths {
			score = max(score, count*(width-1))
		}
		if score > bestScore {
			best, bestScore = d, score
		}
	}
	return best
}

// csvScanner reads delimited rows. It differs from encoding/csv in that nothing stops it: a quote that
// is never closed costs its own line only, and a stray quote is text.
type csvScanner struct {
	text      string
	delimiter byte
	maxCell   int
	// maxCells ends a row that is wider than any table; tooWide says that one was.
	maxCells int
	tooWide  bool
	pos      int
	width    int
}

// next returns the cells of the next row and what was wrong with it, or false at the end. After a
// problem it goes on at the line after the one where the row began.
func (p *csvScanner) next() ([]string, string, bool) {
	if p.pos >= len(p.text) {
		return nil, "", false
	}
	start := p.pos
	cells, problem := p.row()
	if problem != "" {
		p.pos = start
		if i := strings.IndexAny(p.text[start:], "\r\n"); i >= 0 {
			p.pos += i
			p.lineEnd()
		} else {
			p.pos = len(p.text)
		}
	}
	return cells, problem, true
}

func (p *csvScanner) row() ([]string, string) {
	cells := make([]string, 0, max(1, p.width))
	defer func() { p.width = len(cells) }()
	for {
		if p.maxCells > 0 && len(cells) > p.maxCells {
			p.tooWide = true
			return nil, wideRow
		}
		cell, problem := p.cell()
		if problem != "" {
			return nil, problem
		}
		cells = append(cells, cell)
		if p.pos >= len(p.text) {
			return cells, ""
		}
		if p.text[p.pos] != p.delimiter {
			p.lineEnd()
			return cells, ""
		}
		p.pos++
		if p.pos == len(p.text) {
			return append(cells, ""), ""
		}
	}
}

// lineEnd steps over one line end: LF, CR LF or a lone CR.
func (p *csvScanner) lineEnd() {
	if c := p.text[p.pos]; c == '\r' && strings.HasPrefix(p.text[p.pos+1:], "\n") {
		p.pos++
	}
	p.pos++
}

// cell reads up to the delimiter or line end that ends the cell, and leaves pos on it.
func (p *csvScanner) cell() (string, string) {
	if p.pos < len(p.text) && p.text[p.pos] == '"' {
		return p.quoted()
	}
	start := p.pos
	for p.pos < len(p.text) {
		if c := p.text[p.pos]; c == p.delimiter || c == '\n' || c == '\r' {
			break
		}
		p.pos++
	}
	if p.pos-start > p.maxCell {
		return "", longCell
	}
	return p.text[start:p.pos], ""
}

const (
	wideRow       = "the row has too many cells"
	longCell      = "a cell is too long; the row was skipped"
	unclosedQuote = "a quoted cell is not closed or is too long; the row was skipped"
)

// maxBrokenRows bounds the work of going back after quotes that never close.
const maxBrokenRows = 1000

// quoted reads a quoted cell. A quote inside it that nobody doubled is text, but not together with a line
// end: then it is the opening quote of a later row, and this row's was never closed.
func (p *csvScanner) quoted() (string, string) {
	var b strings.Builder
	stray, lines := false, false
	p.pos++
	for {
		rest := p.text[p.pos:]
		end := strings.IndexByte(rest[:min(len(rest), p.maxCell+1)], '"')
		if end < 0 || b.Len()+end > p.maxCell {
			return "", unclosedQuote
		}
		lines = lines || strings.ContainsAny(rest[:end], "\r\n")
		b.WriteString(rest[:end])
		p.pos += end + 1
		if p.pos < len(p.text) && p.text[p.pos] == '"' {
			b.WriteByte('"')
			p.pos++
			continue
		}
		if p.pos >= len(p.text) || strings.IndexByte("\r\n", p.text[p.pos]) >= 0 || p.text[p.pos] == p.delimiter {
			if stray && lines {
				return "", unclosedQuote
			}
			return b.String(), ""
		}
		stray = true
		b.WriteByte('"')
	}
}

// readCSV splits text into rows. Rows that could not be read are returned as issues.
func readCSV(name string, content []byte, limits Limits) (*grid, error) {
	text, encoding, err := decodeText(content)
	if err != nil {
		return nil, err
	}
	g := &grid{format: "csv", encoding: encoding}
	delimiter := byte(0)
	number := 0
	if len(text) >= 5 && strings.EqualFold(text[:4], "sep=") && strings.IndexByte(",;\t|", text[4]) >= 0 {
		delimiter = text[4]
		text = text[5:]
		text = strings.TrimPrefix(strings.TrimPrefix(text, "\r"), "\n")
		number = 1
	}
	if delimiter == 0 {
		delimiter = sniffDelimiter(text)
	}
	g.delimiter = string(delimiter)
	p := csvScanner{text: text, delimiter: delimiter, maxCell: limits.CellBytes, maxCells: limits.Columns}
	left := budget{limits: limits}
	for {
		number++
		cells, problem, ok := p.next()
		if !ok {
			return g, nil
		}
		if p.tooWide {
			return nil, tooLarge("row with more than %d columns", limits.Columns)
		}
		if problem != "" {
			if len(g.issues) >= maxBrokenRows {
				return nil, fmt.Errorf("%w: more than %d rows have broken quotes or oversized cells", ErrNotReadable, maxBrokenRows)
			}
			g.issues = append(g.issues, Issue{File: name, Row: number, Message: problem, Skipped: true})
			continue
		}
		if blank(cells) {
			continue
		}
		if err := left.take(cells); err != nil {
			return nil, err
		}
		g.rows = append(g.rows, Row{Number: number, Cells: cells})
	}
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}
