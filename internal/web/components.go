package web

import (
	"html/template"
	"strconv"
)

// Tone is the meaning of a colour.
type Tone string

// Tones.
const (
	Neutral Tone = ""
	Good    Tone = "good"
	Warning Tone = "warning"
	Danger  Tone = "danger"
)

// Look is how much a button asks for attention. A screen has one primary button.
type Look string

// Looks.
const (
	Primary   Look = "primary"
	Secondary Look = "secondary"
	Quiet     Look = "quiet"
)

// Button is a button, or a link that looks like one when Link is set.
type Button struct {
	Label string
	Look  Look
	// Name and Value are what a form sends when this button sent it.
	Name, Value string
	// Form is the id of a form elsewhere on the page that the button sends.
	Form string
	Link string
	// Plain buttons send nothing; a script gives them a meaning by ID.
	Plain bool
	ID    string
	Wide  bool
	// Busy is what a screen reader hears while the form is on its way.
	Busy string
}

func (Button) template() string { return "button" }

// Field is a labelled text input.
type Field struct {
	ID, Name, Label string
	// Type is an input type: text, email, password, url, search.
	Type         string
	Value        string
	Hint, Error  string
	Autocomplete string
	// Help is longer, behind "Where do I find this?".
	Help        string
	Placeholder string
	Optional    bool
	// Focus puts the cursor here when the page opens.
	Focus bool
}

func (Field) template() string { return "field" }

// Secret inputs can be shown and never carry a value back.
func (f Field) Secret() bool { return f.Type == "password" }

// DescribedBy returns the ids of the texts that belong to the input.
func (f Field) DescribedBy() string {
	ids := ""
	if f.Hint != "" {
		ids = f.ID + "-hint"
	}
	if f.Error != "" {
		if ids != "" {
			ids += " "
		}
		ids += f.ID + "-error"
	}
	return ids
}

// Shown returns the value, and nothing for what is secret.
func (f Field) Shown() string {
	if f.Secret() || f.Autocomplete == "one-time-code" {
		return ""
	}
	return f.Value
}

// Option is one of several.
type Option struct {
	Value, Label, Detail string
	Selected             bool
}

// Select is a labelled choice from a list that drops down.
type Select struct {
	ID, Name, Label string
	Options         []Option
	Hint            string
}

func (Select) template() string { return "select" }

// RadioCards are a choice of one; each option is a card.
type RadioCards struct {
	Name, Label string
	Options     []Option
}

func (RadioCards) template() string { return "radio-cards" }

// CheckboxCards are a choice of any number.
type CheckboxCards struct {
	Name, Label string
	// LabelHidden leaves the label to screen readers, where a heading says the same.
	LabelHidden bool
	Options     []Option
}

func (CheckboxCards) template() string { return "checkbox-cards" }

// Checkbox is a single yes or no.
type Checkbox struct {
	ID, Name, Value, Label string
	Checked                bool
}

func (Checkbox) template() string { return "checkbox" }

// Dialog is a question over the page. A script opens it by ID; it closes with Escape.
type Dialog struct {
	ID, Title, Text string
	// Confirm goes on, Cancel closes the dialog.
	Confirm Button
	Cancel  string
}

func (Dialog) template() string { return "dialog" }

// Column is a column of a Table; numbers are aligned to the end.
type Column struct {
	Title   string
	Numbers bool
}

// Table is rows of text under named columns.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]string
}

func (Table) template() string { return "table" }

// Number reports whether the cells of a column are numbers.
func (t Table) Number(column int) bool {
	return column < len(t.Columns) && t.Columns[column].Numbers
}

// Badge is a word about the state of something.
type Badge struct {
	Label string
	Tone  Tone
}

func (Badge) template() string { return "badge" }

// Tab is one of Tabs.
type Tab struct {
	Label, Link string
	Current     bool
	Count       string
}

// Tabs are links between views of one thing.
type Tabs struct {
	Label string
	Items []Tab
}

func (Tabs) template() string { return "tabs" }

// Toast says that something was done. Screen readers hear it without losing their place.
type Toast struct {
	Text string
	Tone Tone
}

func (Toast) template() string { return "toast" }

// Alert is a message within the page: what happened and what to do.
type Alert struct {
	ID, Title, Text string
	Tone            Tone
	// Focus makes it the first thing that a screen reader reads.
	Focus bool
	// Actions are buttons below the text.
	Actions []Button
}

func (Alert) template() string { return "alert" }

// EmptyState stands where there is nothing to show yet and says how to change that.
type EmptyState struct {
	Title, Text string
	Action      *Button
	Command     *CodeBlock
}

func (EmptyState) template() string { return "empty-state" }

// Skeleton stands in for lines that are on their way.
type Skeleton struct {
	// Label is what a screen reader hears.
	Label string
	Lines int
}

func (Skeleton) template() string { return "skeleton" }

// Progress is how far something is, in percent.
type Progress struct {
	Label   string
	Percent int
	// Line is a thin line without words.
	Line bool
}

func (Progress) template() string { return "progress" }

// Bounded returns the percentage within 0 to 100.
func (p Progress) Bounded() int { return max(0, min(100, p.Percent)) }

// CodeBlock is text to copy.
type CodeBlock struct {
	ID, Label, Text string
}

func (CodeBlock) template() string { return "code-block" }

// Disclosure is text behind a line that opens it.
type Disclosure struct {
	Summary string
	Text    string
	Items   []string
}

func (Disclosure) template() string { return "disclosure" }

// Monogram stands for a company: no trademark is copied. It is a drawing and not styled text,
// because the pages' content policy allows no style of a single element.
type Monogram struct {
	Letters string
	// Color is #rrggbb; anything else becomes grey.
	Color string
	Large bool
}

func (Monogram) template() string { return "monogram" }

// Fill returns the background as #rrggbb.
func (m Monogram) Fill() string {
	if _, ok := m.channels(); ok {
		return m.Color
	}
	return "#5b6570"
}

// Ink returns black or white, whichever is easier to read on the background.
func (m Monogram) Ink() string {
	c, ok := m.channels()
	if !ok {
		return "#fff"
	}
	// Luminance with a gamma of 2 instead of 2.2, in parts of 255² × 10000. Black and white have the same
	// contrast at a luminance of 0.179, which is 0.209 with that gamma.
	luminance := 2126*c[0]*c[0] + 7152*c[1]*c[1] + 722*c[2]*c[2]
	if luminance > 255*255*2090 {
		return "#14171a"
	}
	return "#fff"
}

func (m Monogram) channels() (c [3]int, ok bool) {
	if len(m.Color) != 7 || m.Color[0] != '#' {
		return c, false
	}
	for i := range c {
		n, err := strconv.ParseUint(m.Color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return c, false
		}
		c[i] = int(n)
	}
	return c, true
}

// Icon is one of the drawings in components.html.
type Icon string

func (Icon) template() string { return "icon" }

// Markup is HTML that a surface made with its own templates.
type Markup = template.HTML
