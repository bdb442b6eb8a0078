package file

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perchhq/perch/provider"
)

// Issue is one thing that could not be read. It names the place and never quotes the value.
type Issue struct {
	File string
	// Row is the row as a spreadsheet shows it, from 1; 0 means the whole file.
	Row int
	// Column is the title of the column, or empty for the whole row.
	Column string
	// Message says what is wrong and what would be accepted.
	Message string
	// Skipped means that the row did not arrive.
	Skipped bool
}

// maxIssues bounds memory: a file of the wrong kind has a problem in every cell.
const maxIssues = 20_000

// maxRowsShown is how many rows one problem lists before it only counts.
const maxRowsShown = 20

type issues struct {
	list    []Issue
	dropped int
	// deaf issues keep nothing.
	deaf bool
}

func (s *issues) add(i Issue) {
	if s.deaf {
		return
	}
	if len(s.list) >= maxIssues {
		s.dropped++
		return
	}
	s.list = append(s.list, i)
}

// problems folds issues that differ in the row only, in order of first appearance.
func (s *issues) problems() []provider.Problem {
	type group struct {
		first Issue
		rows  []int
	}
	type key struct{ file, column, message string }
	var order []*group
	byKey := make(map[key]*group)
	for _, i := range s.list {
		k := key{i.File, i.Column, i.Message}
		g := byKey[k]
		if g == nil {
			g = &group{first: i}
			byKey[k] = g
			order = append(order, g)
		}
		if i.Row > 0 {
			g.rows = append(g.rows, i.Row)
		}
	}
	out := make([]provider.Problem, 0, len(order)+1)
	for _, g := range order {
		out = append(out, provider.Problem{Where: where(g.first, g.rows), Message: g.first.Message})
	}
	if s.dropped > 0 {
		out = append(out, provider.Problem{Where: "all files", Message: fmt.Sprintf("%d further problems are not listed", s.dropped)})
	}
	return out
}

func where(i Issue, rows []int) string {
	parts := []string{i.File}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	switch {
	case len(rows) == 1:
		parts = append(parts, fmt.Sprintf("row %d", rows[0]))
	case len(rows) > 1:
		parts = append(parts, "rows "+rowList(rows))
	}
	if i.Column != "" {
		parts = append(parts, "column "+i.Column)
	}
	return strings.Join(parts, " ")
}

func rowList(rows []int) string {
	shown := min(len(rows), maxRowsShown)
	texts := make([]string, shown)
	for i, r := range rows[:shown] {
		texts[i] = fmt.Sprint(r)
	}
	out := strings.Join(texts, ", ")
	if more := len(rows) - shown; more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}
