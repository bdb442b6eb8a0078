package file

import (
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
func company(given *CompanyMapping, tables []*Table, people []*entry) perch.Company {
	var name, ein string
	if given != nil {
		name = given.LegalName
		ein, _ = formatEIN(given.EIN)
	}
	for _, t := range tables {
		n, e := titleCompany(t.Titles)
		name, ein = or(name, n), or(ein, e)
	}
	return perch.Company{LegalName: optional(name), EIN: optional(ein), Departments: departments(people), Locations: locations(people)}
}

// departments are those of the people, in alphabetical order.
func departments(people []*entry) []perch.Department {
	seen := make(map[string]bool)
	var names []string
	for _, e := range people {
		if d := e.person.Employment.Department; d != nil && !seen[*d.Name] {
			seen[*d.Name] = true
			names = append(names, *d.Name)
		}
	}
	slices.Sort(names)
	var out []perch.Department
	for _, n := range names {
		out = append(out, perch.Department{Name: &n})
	}
	return out
}

// locations are the places of work, in order of first appearance.
func locations(people []*entry) []perch.Location {
	seen := make(map[string]bool)
	var out []perch.Location
	for _, e := range people {
		l := e.person.Employment.Location
		if l == nil {
			continue
		}
		var key strings.Builder
		for _, part := range []*string{l.Name, l.Line1, l.Line2, l.City, l.State, l.PostalCode, l.Country} {
			if part != nil {
				key.WriteString(*part)
			}
			key.WriteByte(0)
		}
		if !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, *l)
		}
	}
	return out
}
