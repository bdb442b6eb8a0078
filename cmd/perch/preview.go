package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/file"
)

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// printPreview shows how the files were read: what every column was taken for, and the first rows.
func printPreview(w io.Writer, preview file.Preview) {
	p := printer{w: w}
	for _, f := range preview.Files {
		p.line("%s: %s, %d rows below the header in row %d, %d not read", f.Name, f.Kind, f.Rows, f.HeaderRow, f.Skipped)
		for _, c := range f.Columns {
			p.line("  %-28s %-34s %3d %%  %s", clip(c.Column.Column, 28), meaning(c.Column), c.Confidence, c.Note)
		}
		if len(f.Unmapped) > 0 {
			p.line("  not used: %s", strings.Join(f.Unmapped, ", "))
		}
		for _, sample := range f.Samples {
			var parts []string
			for _, value := range sample.Values {
				parts = append(parts, fmt.Sprintf("%s=%s", value.Field, value.Text))
			}
			p.line("  row %d: %s", sample.Row, clip(strings.Join(parts, "  "), 240))
		}
		p.line("")
	}
	p.line("%d people (%d active, %d with their manager found), %d payments, %d pay statements",
		preview.People, preview.Active, preview.Managed, preview.Payments, preview.Statements)
}

func meaning(c file.Column) string {
	text := string(c.Field)
	if c.Type != "" {
		text += " " + c.Type
	}
	if c.Employer {
		text += " (employer)"
	}
	return text
}

// maxProblemsShown keeps the end of the output in sight; --json has them all.
const maxProblemsShown = 40

func printProblems(p *printer, problems []provider.Problem) {
	if len(problems) == 0 {
		p.line("\nNo problems.")
		return
	}
	p.line("\nProblems")
	for i, problem := range problems {
		if i == maxProblemsShown {
			p.line("  … and %d more; --json lists them all", len(problems)-i)
			break
		}
		p.line("  %s: %s", problem.Where, problem.Message)
	}
}

func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
