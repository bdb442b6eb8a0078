package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/deduction"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/web"
)

type deductionPage struct {
	Path, Back, Token string
	Title             string
	Employer          string
	Provider          string
	Open              bool
	Due               when
	Facts             [][2]string
	Rows              []deductionRow
	// Rest is how many individuals are not listed; they get the result of Others.
	Rest   int
	Others web.Select
	// One is the result of a task without individuals.
	One     *web.Select
	Message web.Field
	Save    web.Button
}

type deductionRow struct {
	Number           int
	Name, ID, Detail string
	Results          []web.Option
}

// maxRows is how many individuals a form decides about one by one.
const maxRows = 1000

func (h *Handler) deduction(v *visit) error {
	at, job, err := v.deductionAt()
	if err != nil {
		return err
	}
	task, err := h.Deductions.Task(v.r.Context(), at.Application, at.Connection, job)
	if err != nil {
		return err
	}
	c, err := h.Desk.Case(v.r.Context(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	p := deductionPage{
		Path: at.path() + "/deductions/" + job.String(), Back: at.path(), Token: v.session.Token, Title: deductionTitle(task),
		Employer: named(text(c.Connection.CustomerName)), Provider: h.providerName(c.Connection.ProviderID), Open: task.Open, Due: h.due(task.DueAt),
		Message: web.Field{ID: "message", Name: "m0", Label: "Message to the application", Type: "text", Optional: true, Autocomplete: "off",
			Hint: "Left empty, it is the usual one for the result. No personal data."},
		Save: web.Button{Label: "Complete", Look: web.Primary, Busy: "Completing the deduction"},
	}
	p.Facts = deductionFacts(task)
	options := resultOptions(task.Type)
	if len(task.People) == 0 {
		p.One = &web.Select{ID: "result", Name: "r0", Label: "Result", Options: options}
	}
	for i, person := range task.People {
		if i == maxRows {
			p.Rest = len(task.People) - i
			p.Others = web.Select{ID: "others", Name: "others", Label: fmt.Sprintf("Result of the other %d", p.Rest), Options: options}
			break
		}
		row := deductionRow{Number: i, Name: person.Name, ID: person.IndividualID, Detail: enrolmentText(person), Results: options}
		if person.Name == "" {
			row.Name = "Not in the directory"
			row.Results = selected(options, http.StatusNotFound)
		}
		p.Rows = append(p.Rows, row)
	}
	h.show(v, http.StatusOK, "deduction", page{Title: p.Title + ", " + p.Employer, Nav: "queue"}, p)
	return nil
}

func (v *visit) deductionAt() (at place, job perch.ID, err error) {
	if at, err = v.place(); err != nil {
		return at, job, err
	}
	if job, err = perch.ParseID(v.r.PathValue("job")); err != nil {
		return at, job, errNoSuchPage
	}
	return at, job, nil
}

func deductionTitle(t deduction.Task) string {
	switch t.Type {
	case store.BenefitRegister:
		return "Look up a deduction"
	case store.BenefitUpdate:
		return "Rename a deduction"
	case store.BenefitEnroll:
		return fmt.Sprintf("Enroll %d in a deduction", len(t.People))
	case store.BenefitUnenroll:
		return fmt.Sprintf("End %d enrollments", len(t.People))
	}
	return "Create a deduction"
}

func deductionFacts(t deduction.Task) (facts [][2]string) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, [2]string{name, value})
		}
	}
	d := &t.Deduction
	add("Description", text(d.Description))
	add("New description", t.Description)
	if d.Type != nil {
		add("Type", string(*d.Type))
	}
	if d.Frequency != nil {
		add("Frequency", strings.ReplaceAll(string(*d.Frequency), "_", " "))
	}
	if d.CompanyContribution != nil {
		add("Company match", amountText(d.CompanyContribution))
	}
	return facts
}

// resultNames are the results as operators choose them.
var resultNames = map[int]string{
	http.StatusCreated: "Done", http.StatusOK: "Done: changed", http.StatusNotFound: "Not found", http.StatusUnprocessableEntity: "Refused by the provider",
	http.StatusInternalServerError: "Could not be done",
}

func resultOptions(kind store.ManualJobType) []web.Option {
	codes := deduction.Results(kind)
	options := make([]web.Option, len(codes))
	for i, code := range codes {
		options[i] = web.Option{Value: strconv.Itoa(code), Label: resultNames[code], Selected: i == 0}
		switch {
		case i == 0:
			options[i].Label = "Done"
			if kind == store.BenefitEnroll {
				options[i].Label = "Done: new"
			}
		case code == http.StatusNotFound && kind == store.BenefitUnenroll:
			options[i].Label = "Was not enrolled"
		}
	}
	return options
}

// selected is a list of options with another one chosen, if it has that one.
func selected(options []web.Option, code int) []web.Option {
	chosen := append([]web.Option(nil), options...)
	for i := range chosen {
		chosen[i].Selected = chosen[i].Value == strconv.Itoa(code)
	}
	return chosen
}

// enrolmentText is what is to be entered for a person.
func enrolmentText(p deduction.TaskPerson) string {
	e := p.Enrolment
	if e == nil {
		return ""
	}
	var parts []string
	if e.EmployeeDeduction != nil {
		parts = append(parts, "employee "+amountText(e.EmployeeDeduction))
	}
	if e.CompanyContribution != nil {
		parts = append(parts, "company "+amountText(e.CompanyContribution))
	}
	if e.AnnualMaximum != nil {
		parts = append(parts, "at most "+dollars(*e.AnnualMaximum)+" a year")
	}
	if e.CatchUp != nil && *e.CatchUp {
		parts = append(parts, "with catch-up")
	}
	if e.HSAContributionLimit != nil {
		parts = append(parts, string(*e.HSAContributionLimit)+" limit")
	}
	if p.EffectiveDate != nil {
		parts = append(parts, "from "+p.EffectiveDate.String())
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func amountText(a *perch.Amount) string {
	switch {
	case a.Type == perch.AmountPercent && a.Amount != nil:
		return rateText(*a.Amount)
	case a.Amount != nil:
		return dollars(*a.Amount)
	}
	var tiers []string
	for _, tier := range a.Tiers {
		tiers = append(tiers, rateText(tier.Match)+" of pay up to "+rateText(tier.Threshold))
	}
	return "match: " + strings.Join(tiers, ", then ")
}

// dollars writes cents as people do, with commas between thousands.
func dollars(cents int64) string {
	whole := strconv.FormatInt(cents/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("$%s.%02d", whole, cents%100)
}

func rateText(basisPoints int64) string {
	text := fmt.Sprintf("%d.%02d", basisPoints/100, basisPoints%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " %"
}

func (h *Handler) completeDeduction(v *visit) error {
	at, job, err := v.deductionAt()
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	task, err := h.Deductions.Task(v.r.Context(), at.Application, at.Connection, job)
	if err != nil {
		return err
	}
	if !task.Open {
		return perch.Invalid("", "this deduction was completed already")
	}
	results := make([]deduction.Result, max(1, len(task.People)))
	for i := range results {
		code, name := form.Get("others"), ""
		if i < maxRows {
			code, name = form.Get("r"+strconv.Itoa(i)), form.Get("m"+strconv.Itoa(i))
		}
		if results[i].Code, err = strconv.Atoi(code); err != nil {
			return perch.Invalid("", "choose a result for everybody")
		}
		results[i].Message = strings.TrimSpace(name)
	}
	if err := h.Deductions.Complete(v.r.Context(), v.who(), at.Application, at.Connection, job, results); err != nil {
		return err
	}
	return v.back(queuePath, "deduction")
}
