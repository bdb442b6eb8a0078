package file

import (
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
)

// Control is one totals row of a register compared with the rows that it sums.
type Control struct {
	// Row and Label are those of the totals row.
	Row   int
	Label string
	// Columns is how many totals were compared, Wrong the titles of those that differ.
	Columns int
	Wrong   []string
}

const totalMismatch = "the rows do not add up to this total"

// Bounds of the work that totals rows may ask for: a register has one per pay date or department.
const (
	maxTotals      = 5000
	maxGrandTotals = 5
)

// checkTotals compares every totals row with the rows it may stand for: those of the pay date in its
// label, those since the totals row before it, or all above. The reading that agrees most is taken.
func (s *sheet) checkTotals() []Control {
	out := make([]Control, 0, min(len(s.Totals), maxTotals))
	byDate := s.rowsByDate()
	for i, t := range s.Totals {
		if filled(t.Cells) < 2 {
			continue
		}
		if i >= maxTotals {
			s.issues.add(Issue{File: s.Name, Row: t.Number, Message: "there are too many totals rows; this and later ones are not checked"})
			break
		}
		var best Control
		for n, rows := range s.scopes(t, byDate, i >= len(s.Totals)-maxGrandTotals) {
			c := s.compare(t, rows)
			if n == 0 || len(c.Wrong) < len(best.Wrong) {
				best = c
			}
			if len(best.Wrong) == 0 {
				break
			}
		}
		for _, column := range best.Wrong {
			s.issues.add(Issue{File: s.Name, Row: t.Number, Column: column, Message: totalMismatch})
		}
		out = append(out, best)
	}
	return out
}

func (s *sheet) scopes(t Total, byDate map[perch.Date][]Row, grand bool) [][]Row {
	var out [][]Row
	if day, ok := s.payDate(datePattern.FindString(t.Label)); ok && len(byDate[day]) > 0 {
		out = append(out, byDate[day])
		delete(byDate, day) // a second total of the day is of something else
	}
	out = append(out, s.all()[t.From:t.After])
	if grand {
		out = append(out, s.all()[:t.After])
	}
	return out
}

func (s *sheet) rowsByDate() map[perch.Date][]Row {
	out := make(map[perch.Date][]Row)
	c, ok := s.column(FieldPayDate)
	if !ok || len(s.Totals) == 0 {
		return out
	}
	for _, r := range s.all() {
		if day, ok := s.payDate(r.Cells[c.Index]); ok {
			out[day] = append(out[day], r)
		}
	}
	return out
}

// payDate reads a date as the column of pay dates has it.
func (s *sheet) payDate(text string) (perch.Date, bool) {
	c, ok := s.column(FieldPayDate)
	p, err := splitDate(text)
	if !ok || err != nil {
		return 0, false
	}
	d, err := p.resolve(c.Order, yearRule{earliest: perch.NewDate(1990, 1, 1), latest: s.today.AddMonths(12)})
	return d, err == nil
}

// compare sums every column of amounts or hours for which the totals row has a number.
func (s *sheet) compare(t Total, rows []Row) Control {
	c := Control{Row: t.Number, Label: t.Label}
	for _, column := range s.Proposal.Columns {
		if !column.Field.isAmount() && column.Field != FieldHours && column.Field != FieldTotalHours {
			continue
		}
		want, err := parseDecimal(t.Cells[column.Index], 4)
		if err != nil {
			continue // a blank or a text: no total to compare with
		}
		c.Columns++
		sum, err := sumColumn(rows, column.Index)
		if err != nil || sum != want {
			c.Wrong = append(c.Wrong, column.Column.Column)
		}
	}
	return c
}

var errOverflow = errors.New("the sum is out of range")

// sumColumn adds up a column in ten-thousandths. A cell that cannot be read makes the sum unknown.
func sumColumn(rows []Row, column int) (int64, error) {
	const limit = 1 << 61
	var sum int64
	for _, r := range rows {
		cell := r.Cells[column]
		if absent(cell) {
			continue
		}
		n, err := parseDecimal(cell, 4)
		if err != nil {
			return 0, fmt.Errorf("row %d: %w", r.Number, err)
		}
		if sum += n; sum > limit || sum < -limit {
			return 0, errOverflow
		}
	}
	return sum, nil
}
