package web

import "bytes"

// minifyCSS drops comments and the blanks that mean nothing. It knows strings; it does not know
// every corner of the language, and need not: it sees this repository's files only.
func minifyCSS(source []byte) []byte {
	m := minifier{in: source, out: make([]byte, 0, len(source))}
	for m.at < len(m.in) {
		m.step()
	}
	return m.out
}

type minifier struct {
	in, out []byte
	at      int
}

func (m *minifier) step() {
	switch c := m.in[m.at]; {
	case c == '/' && m.at+1 < len(m.in) && m.in[m.at+1] == '*':
		end := bytes.Index(m.in[m.at+2:], []byte("*/"))
		if end < 0 {
			m.at = len(m.in)
			return
		}
		m.at += end + 4
	case c == '"' || c == '\'':
		m.quoted(c)
	case isBlank(c):
		m.blank()
	default:
		if c == '{' {
			m.out = bytes.TrimSuffix(m.out, []byte(" ")) // a comment may have stood between
		}
		if c == '}' && len(m.out) > 0 && m.out[len(m.out)-1] == ';' {
			m.out = m.out[:len(m.out)-1]
		}
		m.out = append(m.out, c)
		m.at++
	}
}

func (m *minifier) quoted(quote byte) {
	end := m.at + 1
	for end < len(m.in) && m.in[end] != quote {
		if m.in[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end+1, len(m.in))
	m.out = append(m.out, m.in[m.at:end]...)
	m.at = end
}

// blank keeps one blank where two words would run together, or where a selector or a sum needs it.
func (m *minifier) blank() {
	for m.at < len(m.in) && isBlank(m.in[m.at]) {
		m.at++
	}
	if len(m.out) == 0 || m.at == len(m.in) {
		return
	}
	if bytes.IndexByte([]byte("{};,>"), m.out[len(m.out)-1]) >= 0 || bytes.IndexByte([]byte("{};,>"), m.in[m.at]) >= 0 {
		return
	}
	// "a: b" is a declaration, "a :hover" a selector: only the blank after a colon means nothing.
	if m.out[len(m.out)-1] == ':' {
		return
	}
	m.out = append(m.out, ' ')
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
