package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/web"
	"github.com/perchhq/perch/provider/file"
)

// review is what somebody has to see before files are published.
type review struct {
	Problem  string
	Ready    bool
	Revealed bool
	Facts    [][2]string
	Warnings []web.Alert
	// Leavers asks to confirm that most people have left.
	Leavers  int
	Files    []reviewFile
	Issues   []issueRow
	More     int
	Changes  []changeRow
	Joiners  []string
	Gone     []string
	Aspects  [][2]string
	Payments []paymentRow
	First    bool
}

type reviewFile struct {
	Index                               int
	Name, About                         string
	Kind, Dates, Names                  []web.Option
	Partial, Payroll                    bool
	Columns                             []columnRow
	Titles                              []string
	Samples                             [][]string
	SampleTitles                        []string
	KindID, DatesID, NamesID, PartialID string
}

type columnRow struct {
	ID, Name, Title string
	Examples        string
	Note            string
	Unsure          bool
	Groups          []optionGroup
}

type optionGroup struct {
	Label   string
	Options []web.Option
}

type issueRow struct{ File, Row, Column, Message string }

type changeRow struct {
	Row, Name, What, Pay string
	Jump                 bool
}

type paymentRow struct {
	Day, Group, People, Gross, Net, State string
	Jump                                  bool
}

const hidden4 = "••••"

// money is an amount in cents, or nothing of it.
func money(cents int64, revealed bool) string {
	if !revealed {
		return hidden4
	}
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	whole := strconv.FormatInt(cents/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s$%s.%02d", sign, whole, cents%100)
}

// covered is a cell of a field that is for few eyes: of a number the last four digits.
func covered(f file.Field, text string, revealed bool) string {
	switch {
	case revealed || !f.Secret() || text == "":
		return text
	case f == file.FieldSSN && len(text) > 4:
		return hidden4 + text[len(text)-4:]
	}
	return hidden4
}

// veiled hides the digits of a cell of which nobody knows yet what it is.
func veiled(text string, revealed bool) string {
	if revealed {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '•'
		}
		return r
	}, text)
}

func newReview(s assist.Shown, revealed bool) *review {
	r, p := s.Report, s.Report.Preview
	out := &review{Problem: r.Problem, Ready: r.Problem == "" && s.State == store.UploadReview, Revealed: revealed, First: r.Compare.First}
	for i, f := range p.Files {
		out.Files = append(out.Files, newReviewFile(i, f, s.Mapping, revealed))
	}
	if r.Problem != "" {
		return out
	}
	c := r.Compare
	out.Facts = [][2]string{{"People", strconv.Itoa(p.People)}, {"Active", strconv.Itoa(p.Active)}, {"Payments", strconv.Itoa(p.Payments)}, {"Pay statements", strconv.Itoa(p.Statements)}}
	if !c.First && c.After > 0 && (c.Joined+c.Changed+c.Unchanged) > 0 {
		out.Facts = append(out.Facts, [2]string{"Joined", strconv.Itoa(c.Joined)}, [2]string{"Left", strconv.Itoa(c.Left)}, [2]string{"Changed", strconv.Itoa(c.Changed)}, [2]string{"Unchanged", strconv.Itoa(c.Unchanged)})
	}
	out.warn(r)
	for _, i := range p.Issues {
		row := issueRow{File: i.File, Column: i.Column, Message: sentence(i.Message)}
		if i.Row > 0 {
			row.Row = strconv.Itoa(i.Row)
		}
		out.Issues = append(out.Issues, row)
	}
	const issues = 100
	if out.More = p.IssuesDropped; len(out.Issues) > issues {
		out.More += len(out.Issues) - issues
		out.Issues = out.Issues[:issues]
	}
	for _, ch := range c.Changes {
		row := changeRow{Row: strconv.Itoa(ch.Row), Name: ch.Name, What: strings.Join(ch.Aspects, ", "), Jump: ch.Jump}
		if ch.PayChanged {
			row.Pay = percent(ch.Before, ch.After)
			if revealed {
				row.Pay = money(ch.Before, true) + " to " + money(ch.After, true) + " (" + row.Pay + ")"
			}
		}
		out.Changes = append(out.Changes, row)
	}
	for _, a := range c.Aspects {
		out.Aspects = append(out.Aspects, [2]string{a.Name, strconv.Itoa(a.Count)})
	}
	out.Joiners, out.Gone = c.Joiners, c.Leavers
	for _, pay := range c.Payments {
		row := paymentRow{Day: pay.Day.String(), Group: pay.Group, People: strconv.Itoa(pay.People), Gross: money(pay.Gross, revealed), Net: money(pay.Net, revealed), Jump: pay.Jump}
		switch {
		case pay.New:
			row.State = "New"
		case pay.Changed:
			row.State = "Changed"
		case !c.First:
			row.State = "As before"
		}
		out.Payments = append(out.Payments, row)
	}
	return out
}

func (r *review) warn(report *assist.Report) {
	c := report.Compare
	if report.ManyLeavers {
		r.Leavers = report.Leavers
		r.Warnings = append(r.Warnings, web.Alert{Tone: web.Danger, Title: people(report.Leavers) + " missing from the files would be marked as leavers",
			Text: "More often this is a file of one location, or of another employer, than true."})
	}
	if c.Jumps > 0 {
		r.Warnings = append(r.Warnings, web.Alert{Tone: web.Warning, Title: "The pay of " + people(c.Jumps) + " jumped",
			Text: "By more than half, or from one unit to another. They are first in the list of changes."})
	}
	jumps := 0
	for _, p := range c.Payments {
		if p.Jump {
			jumps++
		}
	}
	if jumps > 0 {
		r.Warnings = append(r.Warnings, web.Alert{Tone: web.Warning, Title: fmt.Sprintf("%d payments are far from the one before", jumps), Text: "Gross pay rose or fell by more than half."})
	}
	if !c.First && c.Before > 0 && c.Joined*2 > c.Before {
		r.Warnings = append(r.Warnings, web.Alert{Tone: web.Warning, Title: fmt.Sprintf("%d people are new, where there were %d", c.Joined, c.Before), Text: "Check that this is the same employer, and that the numbers of the employees are in the file."})
	}
	if !report.Preview.Complete && report.Preview.People > 0 && slices.ContainsFunc(report.Preview.Files, func(f file.FilePreview) bool { return f.Kind == file.Census }) {
		r.Warnings = append(r.Warnings, web.Alert{Title: "Nobody will be marked as a leaver", Text: "The census does not list everyone, or a row of it cannot be read."})
	}
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func percent(before, after int64) string {
	if before == 0 {
		return "new"
	}
	p := (after - before) * 100 / before
	if p > 0 {
		return fmt.Sprintf("+%d %%", p)
	}
	return fmt.Sprintf("%d %%", p)
}

func newReviewFile(index int, f file.FilePreview, m file.Mapping, revealed bool) reviewFile {
	id := func(what string) string { return fmt.Sprintf("%s.%d", what, index) }
	about := []string{strings.ToUpper(f.Format)}
	if f.Format == "csv" {
		about = append(about, f.Encoding, map[string]string{",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[f.Delimiter])
	} else if f.Sheet != "" {
		about = append(about, "sheet "+f.Sheet)
	}
	if f.HeaderRow > 0 {
		about = append(about, fmt.Sprintf("titles in row %d", f.HeaderRow), fmt.Sprintf("%d rows", f.Rows))
	}
	if f.Skipped > 0 {
		about = append(about, fmt.Sprintf("%d of them cannot be read", f.Skipped))
	}
	out := reviewFile{Index: index, Name: f.Name, About: strings.Join(about, ", "), Payroll: f.Kind == file.Payroll,
		KindID: id("kind"), DatesID: id("dates"), NamesID: id("names"), PartialID: id("partial"),
		Kind: []web.Option{{Value: string(file.Census), Label: "Census: a list of people", Selected: f.Kind == file.Census}, {Value: string(file.Payroll), Label: "Payroll register", Selected: f.Kind == file.Payroll}}}
	sheet := m.Census
	if f.Kind == file.Payroll {
		sheet = m.Payroll
	}
	given := file.SheetMapping{}
	if sheet != nil {
		given = *sheet
	}
	out.Partial = given.Partial
	for _, o := range [][2]string{{"", "As the dates themselves say"}, {"mdy", "Month first, 12/31/2026"}, {"dmy", "Day first, 31/12/2026"}, {"ymd", "Year first"}} {
		out.Dates = append(out.Dates, web.Option{Value: o[0], Label: o[1], Selected: string(given.DateOrder) == o[0]})
	}
	for _, o := range [][2]string{{"", "First name first"}, {"last_first", "Last name first"}} {
		out.Names = append(out.Names, web.Option{Value: o[0], Label: o[1], Selected: string(given.NameFormat) == o[0]})
	}
	byTitle := map[string]file.ProposedColumn{}
	for _, c := range f.Columns {
		byTitle[c.Column.Column] = c
	}
	for c, title := range f.Header {
		proposed, known := byTitle[title]
		row := columnRow{ID: fmt.Sprintf("column.%d.%d", index, c), Title: title, Unsure: known && proposed.Confidence < 80, Note: proposed.Note}
		row.Name = row.ID
		for _, cell := range f.Examples[c] {
			if known && proposed.Field != file.FieldIgnore {
				cell = covered(proposed.Field, cell, revealed)
			} else {
				cell = veiled(cell, revealed)
			}
			row.Examples = strings.TrimPrefix(row.Examples+" · "+cell, " · ")
		}
		row.Groups = choices(f.Kind, proposed)
		out.Columns = append(out.Columns, row)
	}
	out.sample(f, revealed)
	return out
}

// sample shows the first rows as they were understood.
func (r *reviewFile) sample(f file.FilePreview, revealed bool) {
	var fields []file.Field
	for _, s := range f.Samples {
		for _, v := range s.Values {
			if !slices.Contains(fields, v.Field) && len(fields) < 10 && v.Field != file.FieldIgnore {
				fields = append(fields, v.Field)
			}
		}
	}
	r.SampleTitles = append(r.SampleTitles, "Row")
	for _, field := range fields {
		r.SampleTitles = append(r.SampleTitles, fieldName(field))
	}
	for _, s := range f.Samples {
		row := []string{strconv.Itoa(s.Row)}
		for _, field := range fields {
			cell := ""
			for _, v := range s.Values {
				if v.Field == field {
					cell = strings.TrimPrefix(cell+", "+covered(field, v.Text, revealed), ", ")
				}
			}
			row = append(row, cell)
		}
		r.Samples = append(r.Samples, row)
	}
}

// fieldName is a field as people say it.
func fieldName(f file.Field) string {
	switch f {
	case file.FieldSSN:
		return "Social security number"
	case file.FieldDOB:
		return "Birth date"
	case file.FieldZIP:
		return "ZIP code"
	case file.FieldWorkZIP:
		return "Work ZIP code"
	case file.FieldFLSA:
		return "FLSA status"
	case file.FieldIgnore:
		return "Do not read"
	case file.FieldSalary:
		return "Pay"
	}
	words := strings.ReplaceAll(string(f), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// choices are what a column may hold, with the present reading chosen.
func choices(kind file.Kind, now file.ProposedColumn) []optionGroup {
	current := choice(now.Column)
	plain := optionGroup{Label: "Field", Options: []web.Option{{Value: string(file.FieldIgnore), Label: fieldName(file.FieldIgnore), Selected: now.Field == "" || now.Field == file.FieldIgnore}}}
	groups := []optionGroup{plain}
	add := func(group int, value, label string) {
		groups[group].Options = append(groups[group].Options, web.Option{Value: value, Label: label, Selected: value == current})
	}
	fields := file.Fields(kind)
	slices.Sort(fields)
	for _, f := range fields {
		switch f {
		case file.FieldIgnore, file.FieldEarning, file.FieldTax, file.FieldDeduction, file.FieldContribution:
		case file.FieldSalary:
			add(0, string(f), "Pay")
			for _, u := range []perch.IncomeUnit{perch.IncomeYearly, perch.IncomeMonthly, perch.IncomeBiWeekly, perch.IncomeWeekly, perch.IncomeHourly} {
				add(0, string(f)+"/"+string(u), "Pay, "+strings.ReplaceAll(string(u), "_", " "))
			}
		default:
			add(0, string(f), fieldName(f))
		}
	}
	if kind == file.Payroll {
		groups = append(groups, typed(file.FieldEarning, "Earning", current, false, append([]perch.EarningType{""}, perch.EarningType("").Values()...)))
		groups = append(groups, typed(file.FieldTax, "Tax of the employee", current, false, perch.TaxType("").Values()))
		groups = append(groups, typed(file.FieldTax, "Tax of the employer", current, true, perch.TaxType("").Values()))
		groups = append(groups, typed(file.FieldDeduction, "Deduction", current, false, append([]perch.BenefitType{""}, perch.BenefitType("").Values()...)))
		groups = append(groups, typed(file.FieldContribution, "Contribution of the employer", current, false, append([]perch.BenefitType{""}, perch.BenefitType("").Values()...)))
	}
	return groups
}

func typed[T ~string](f file.Field, label, current string, employer bool, types []T) optionGroup {
	g := optionGroup{Label: label}
	for _, t := range types {
		value := choice(file.Column{Field: f, Type: string(t), Employer: employer})
		name := strings.ReplaceAll(string(t), "_", " ")
		if name == "" {
			name = "of no type"
		}
		g.Options = append(g.Options, web.Option{Value: value, Label: label + ": " + name, Selected: value == current})
	}
	return g
}

// choice is a column's reading as the value of an option.
func choice(c file.Column) string {
	value := string(c.Field)
	switch c.Field {
	case file.FieldEarning, file.FieldTax, file.FieldDeduction, file.FieldContribution:
		value += "/" + c.Type
		if c.Employer {
			value += "/employer"
		}
	case file.FieldSalary:
		if slices.Contains([]string{"yearly", "monthly", "bi_weekly", "weekly", "hourly"}, c.Unit) {
			value += "/" + c.Unit
		}
	}
	return value
}

// chosenColumn is the reading of a column that somebody chose. What the drop-down does not say is kept as
// long as the field stays the same.
func chosenColumn(f file.FilePreview, title, value string) (file.Column, error) {
	if value == "" {
		return file.Column{}, perch.Invalid("column", "The form is not complete. Load the page anew.")
	}
	c := file.Column{Column: title}
	for _, now := range f.Columns {
		if now.Column.Column != title {
			continue
		}
		if choice(now.Column) == value {
			return now.Column, nil
		}
		if field, _, _ := strings.Cut(value, "/"); string(now.Field) == field {
			c = now.Column
			c.Type, c.Employer, c.Unit = "", false, ""
		}
	}
	parts := strings.Split(value, "/")
	c.Field = file.Field(parts[0])
	if len(parts) > 1 {
		if c.Field == file.FieldSalary {
			c.Unit = parts[1]
		} else {
			c.Type, c.Employer = parts[1], len(parts) > 2 && parts[2] == "employer"
		}
	}
	return c, nil
}

// setColumn adds a column, or takes the place of one of the same title.
func setColumn(list []file.Column, c file.Column) []file.Column {
	for i := range list {
		if strings.EqualFold(list[i].Column, c.Column) {
			list[i] = c
			return list
		}
	}
	return append(list, c)
}

// chooser is one of the drop-downs above a file's columns.
type chooser struct {
	ID, Label string
	Options   []web.Option
}

// Choose returns a drop-down by name.
func (r reviewFile) Choose(what string) chooser {
	switch what {
	case "kind":
		return chooser{r.KindID, "This file is", r.Kind}
	case "dates":
		return chooser{r.DatesID, "Dates are written", r.Dates}
	}
	return chooser{r.NamesID, "Whole names are written", r.Names}
}
