package file

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decodeText turns the bytes of a text file into UTF-8 and names the encoding it found. Text that is not
// UTF-8 is taken as Windows-1252, which is what spreadsheet programs write on US desktops.
func decodeText(s string) (text, encoding string, err error) {
	switch {
	case strings.HasPrefix(s, "\xEF\xBB\xBF"):
		s = s[3:]
	case strings.HasPrefix(s, "\xFF\xFE"):
		return decodeUTF16(s[2:], 0), "UTF-16LE", nil
	case strings.HasPrefix(s, "\xFE\xFF"):
		return decodeUTF16(s[2:], 1), "UTF-16BE", nil
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", "", fmt.Errorf("%w: it holds binary data; save it as CSV (UTF-8) or XLSX", ErrNotReadable)
	}
	if utf8.ValidString(s) {
		return s, "UTF-8", nil
	}
	decoded, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return "", "", fmt.Errorf("%w: its text encoding is unknown; save it as CSV (UTF-8)", ErrNotReadable)
	}
	return decoded, "Windows-1252", nil
}

// decodeUTF16 decodes units whose low byte is at the given place. A half of a pair without the other
// becomes the replacement character.
func decodeUTF16(s string, low int) string {
	var b strings.Builder
	b.Grow(len(s)/2 + len(s)/16)
	unit := func(i int) rune { return rune(s[i+low]) | rune(s[i+1-low])<<8 }
	for i := 0; i+2 <= len(s); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			second := rune(-1)
			if i+4 <= len(s) {
				second = unit(i + 2)
			}
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				i += 2
			}
		}
		b.WriteRune(r)
	}
	return b.String()
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
			cells, _, ok := p.next(nil)
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
}

// next appends the cells of the next row to buffer and says what was wrong with it, or returns false at
// the end. After a problem it goes on at the line after the one where the row began.
func (p *csvScanner) next(buffer []string) ([]string, string, bool) {
	if p.pos >= len(p.text) {
		return nil, "", false
	}
	start := p.pos
	cells, problem := p.row(buffer)
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

func (p *csvScanner) row(cells []string) ([]string, string) {
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
	p.pos++
	if cell, ok := p.plainlyQuoted(); ok {
		return cell, ""
	}
	var b strings.Builder
	stray, lines := false, false
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

// plainlyQuoted reads a quoted cell without a quote inside it, as nearly all are, and leaves pos where it
// is for any other.
func (p *csvScanner) plainlyQuoted() (string, bool) {
	rest := p.text[p.pos:]
	end := strings.IndexByte(rest[:min(len(rest), p.maxCell+1)], '"')
	if end < 0 || end > p.maxCell {
		return "", false
	}
	if after := p.pos + end + 1; after >= len(p.text) || p.text[after] == p.delimiter || p.text[after] == '\n' || p.text[after] == '\r' {
		p.pos = after
		return rest[:end], true
	}
	return "", false
}

// readCSV splits text into rows. Rows that could not be read become issues.
func (b *tableBuilder) readCSV(content string) error {
	text, encoding, err := decodeText(content)
	if err != nil {
		return err
	}
	t := &b.table
	t.Format, t.Encoding, t.text = "csv", encoding, text
	number := 0
	p := csvScanner{text: text, maxCell: t.limits.CellBytes, maxCells: t.limits.Columns}
	if len(text) >= 5 && strings.EqualFold(text[:4], "sep=") && strings.IndexByte(",;\t|", text[4]) >= 0 {
		p.delimiter = text[4]
		if p.pos = 5; p.pos < len(text) && (text[p.pos] == '\r' || text[p.pos] == '\n') {
			p.lineEnd()
		}
		number = 1
	} else {
		p.delimiter = sniffDelimiter(text)
	}
	t.delimiter, t.Delimiter = p.delimiter, string(p.delimiter)
	var cells []string
	for {
		number++
		offset := p.pos
		var problem string
		var ok bool
		if cells, problem, ok = p.next(cells[:0]); !ok {
			return nil
		}
		switch {
		case p.tooWide:
			return tooLarge("row with more than %d columns", t.limits.Columns)
		case problem != "":
			if len(b.issues) >= maxBrokenRows {
				return fmt.Errorf("%w: more than %d rows have broken quotes or oversized cells", ErrNotReadable, maxBrokenRows)
			}
			b.issues = append(b.issues, Issue{File: t.Name, Row: number, Message: problem, Skipped: true})
			continue
		case b.header != nil && b.ordinary(cells):
			if err := b.left.take(cells); err != nil {
				return err
			}
			t.refs = append(t.refs, rowRef{int32(number), uint32(offset)})
			continue
		case blank(cells):
			continue
		}
		for i := range cells {
			cells[i] = clean(cells[i])
		}
		if err := b.add(number, uint32(offset), cells); err != nil {
			return err
		}
	}
}

func blank(cells []string) bool {
	for _, c := range cells {
		if c != "" && strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}
