package file

import (
	"regexp"
	"strings"
	"unicode"
)

// headerDepth is how many rows may stand above the header.
const headerDepth = 60

// findHeader returns the index of the header row, or -1. The header is the row with the most titles
// that the lexicon knows; a file in words of its own has its header in the first row as wide as most.
func findHeader(rows []Row, number int) int {
	if number > 0 {
		for i, r := range rows {
			if r.Number == number {
				return i
			}
		}
		return -1
	}
	depth := min(len(rows), headerDepth)
	best, bestHits := -1, 0
	for i, r := range rows[:depth] {
		if !titleLike(r.Cells) {
			continue
		}
		hits := 0
		for _, c := range r.Cells {
			if knownTitle(c) {
				hits++
			}
		}
		if hits > bestHits {
			best, bestHits = i, hits
		}
	}
	if bestHits >= 2 {
		return best
	}
	widest := 0
	for _, r := range rows[:depth] {
		widest = max(widest, filled(r.Cells))
	}
	for i, r := range rows[:depth] {
		if titleLike(r.Cells) && filled(r.Cells)*5 >= widest*3 {
			return i
		}
	}
	return best
}

// titleLike reports whether no cell is a number or a date: titles are words.
func titleLike(cells []string) bool {
	if filled(cells) == 0 {
		return false
	}
	for _, c := range cells {
		if c != "" && !strings.ContainsFunc(c, unicode.IsLetter) && strings.ContainsFunc(c, unicode.IsDigit) && !fiscalTitle[c] {
			return false
		}
	}
	return true
}

// fiscalTitle are column titles without a letter.
var fiscalTitle = map[string]bool{"1099": true, "403(b)": true, "457": true, "#": true}

var totalsPattern = regexp.MustCompile(`(?i)^(?:(?:grand|report|company|register|payroll|check date|pay date|department|dept|page|sub|batch|client|employer|overall|period|all)[ -]*)*(?:sub)?totals?\b(?: *:)?(.*)$`)

// totalsLabel recognises a totals row: its first text begins with a word for totals, and nothing else in
// the row is text, so that a Ms Total keeps her row.
func totalsLabel(cells []string) (string, bool) {
	label := ""
	for _, c := range cells {
		switch {
		case c == "":
		case label == "":
			if !holdsTotal(c) || !totalsPattern.MatchString(c) {
				return "", false
			}
			label = c
		case !numeric(c) && !dateLike(c):
			return "", false
		}
	}
	return label, label != ""
}

// holdsTotal is a quick look whether the pattern can match at all: nearly every row is no total.
func holdsTotal(s string) bool {
	for i := 0; i+5 <= len(s); i++ {
		if s[i]|0x20 == 't' && strings.EqualFold(s[i:i+5], "total") {
			return true
		}
	}
	return false
}

var datePattern = regexp.MustCompile(`\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b`)

func dateLike(s string) bool { return len(s) <= 40 && datePattern.MatchString(s) }

// numeric reports whether a cell is an amount, a count or a number of hours.
func numeric(s string) bool {
	_, err := parseDecimal(s, 4)
	return err == nil
}
