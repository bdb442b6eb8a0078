package file

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

var (
	einPattern     = regexp.MustCompile(`(?i)(?:\bF?EIN\b|\bfederal (?:tax )?id\b|\btax id\b|\bemployer id\w*)[^0-9]{0,20}(\d{2}-?\d{7})\b`)
	barePattern    = regexp.MustCompile(`^\d{2}-\d{7}$`)
	companyPattern = regexp.MustCompile(`(?i)^(?:company|employer|client)(?: name)? *: *(.{2,})$`)
	formPattern    = regexp.MustCompile(`(?i)\b(?:inc|incorporated|llc|l\.l\.c|corp|corporation|co|company|ltd|limited|lp|llp|pllc|pc|foundation)\b\.?$`)
	reportPattern  = regexp.MustCompile(`(?i)\b(?:register|report|summary|journal|census|payroll|page|date|period|printed|run|prepared|details?|list|roster|fein|ein)\b`)
)

// formatEIN returns an employer identification number as the IRS writes it, 12-3456789.
func formatEIN(s string) (string, bool) {
	digits := strings.ReplaceAll(strings.TrimSpace(s), "-", "")
	if len(digits) != 9 || !allDigits(digits) || digits[:2] == "00" {
		return "", false
	}
	return digits[:2] + "-" + digits[2:], true
}

// titleCompany reads the employer's name and number from the lines above a header. The name is a cell that
// says so, or one with a legal form, or the one beside the number.
func titleCompany(titles []Row) (name, ein string) {
	var legal, beside string
	for _, row := range titles {
		besideHere, found := "", false
		for _, cell := range row.Cells {
			if m := einPattern.FindStringSubmatch(cell); m != nil || barePattern.MatchString(cell) {
				number := cell
				if m != nil {
					number = m[1]
				}
				if formatted, ok := formatEIN(number); ok && ein == "" {
					ein, found = formatted, true
				}
			}
			cell := strings.TrimSpace(cell)
			switch m := companyPattern.FindStringSubmatch(cell); {
			case m != nil && name == "":
				name = m[1]
			case legal == "" && len(cell) <= 200 && formPattern.MatchString(cell):
				legal = cell
			case besideHere == "" && len(cell) <= 200 && strings.ContainsFunc(cell, isLetterRune) && !reportPattern.MatchString(cell):
				besideHere = cell
			}
		}
		if found {
			beside = or(beside, besideHere)
		}
	}
	return or(name, or(legal, beside)), ein
}

// company puts together what the mapping, the title lines and the people say about the employer.
func company(given *CompanyMapping, tables []*Table, seen *workplaces) perch.Company {
	var name, ein string
	if given != nil {
		name = given.LegalName
		ein, _ = formatEIN(given.EIN)
	}
	for _, t := range tables {
		n, e := titleCompany(t.Titles)
		name, ein = or(name, n), or(ein, e)
	}
	return perch.Company{LegalName: optional(name), EIN: optional(ein), Departments: seen.list(), Locations: seen.locations}
}

// workplaces are the departments and the places of work of the people, each once.
type workplaces struct {
	departments map[string]bool
	// locations are in order of first appearance.
	locations []perch.Location
	flat      []flatLocation
	seen      map[flatLocation]bool
}

// flatLocation is a location that can be compared.
type flatLocation [7]string

func newWorkplaces() *workplaces {
	return &workplaces{departments: make(map[string]bool), seen: make(map[flatLocation]bool)}
}

// add notes where a person works.
func (w *workplaces) add(j *perch.Employment) {
	if j.Department != nil {
		w.departments[*j.Department.Name] = true
	}
	if j.Location != nil {
		w.place(flatten(j.Location), *j.Location)
	}
}

func flatten(l *perch.Location) (flat flatLocation) {
	for i, part := range []*string{l.Name, l.Line1, l.Line2, l.City, l.State, l.PostalCode, l.Country} {
		if part != nil {
			flat[i] = *part
		}
	}
	return flat
}

func (w *workplaces) place(flat flatLocation, l perch.Location) {
	if !w.seen[flat] {
		w.seen[flat] = true
		w.flat, w.locations = append(w.flat, flat), append(w.locations, l)
	}
}

// join takes over what others have seen after these.
func (w *workplaces) join(later *workplaces) {
	for d := range later.departments {
		w.departments[d] = true
	}
	for i, flat := range later.flat {
		w.place(flat, later.locations[i])
	}
}

// list returns the departments in alphabetical order.
func (w *workplaces) list() []perch.Department {
	var out []perch.Department
	for _, name := range slices.Sorted(maps.Keys(w.departments)) {
		out = append(out, perch.Department{Name: &name})
	}
	return out
}
