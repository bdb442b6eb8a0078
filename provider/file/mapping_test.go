package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

func TestMappingSurvivesYAML(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines("Emp ID,Name,DOB", "1,Ann Roe,12/31/1980"), lines(registerHeader, row100("01/04/2019", "1", "1", "Ann Roe")))
	files := s.Preview().Files
	m := Mapping{Company: &CompanyMapping{LegalName: "Acme: \"#1\"", EIN: "12-3456789"}, Census: files[0].Mapping, Payroll: files[1].Mapping}
	m.Census.Columns[0].Values = map[string]string{"yes": "no", "0123": "1: x", "~": "null"}
	text, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseMapping(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(m, back) {
		t.Errorf("read back as %+v from\n%s", back, text)
	}
}

func TestMappingMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"an unknown key":                 {"census:\n  colums: []\n", "colums"},
		"an unknown kind of file":        {"timesheet: {}\n", "timesheet"},
		"an unknown field":               {"census: {columns: [{column: A, field: shoe_size}]}", "mapping.census.columns[0].field"},
		"a census field in a register":   {"payroll: {columns: [{column: A, field: dob}]}", "mapping.payroll.columns[0].field"},
		"an unknown earning type":        {"payroll: {columns: [{column: A, field: earning, type: gift}]}", "mapping.payroll.columns[0].type"},
		"a tax without a type":           {"payroll: {columns: [{column: A, field: tax}]}", "mapping.payroll.columns[0].type"},
		"a type where none belongs":      {"census: {columns: [{column: A, field: dob, type: wage}]}", "mapping.census.columns[0].type"},
		"an unknown unit":                {"census: {columns: [{column: A, field: salary, unit: fortnightly}]}", "mapping.census.columns[0].unit"},
		"a column twice":                 {"census: {columns: [{column: A, field: dob}, {column: ' a ', field: ssn}]}", "mapping.census.columns[1].column"},
		"a field twice":                  {"census: {columns: [{column: A, field: dob}, {column: B, field: dob}]}", "mapping.census.columns[1].field"},
		"a value twice":                  {"census: {columns: [{column: A, field: gender, values: {F: female, f: male}}]}", "mapping.census.columns[0].values"},
		"a column without a title":       {"census: {columns: [{field: dob}]}", "mapping.census.columns[0].column"},
		"an order of dates that is none": {"census: {date_order: ydm}", "mapping.census.date_order"},
		"a company number that is none":  {"company: {ein: 12}", "mapping.company.ein"},
		"a reference":                    {"census: &a {columns: []}\npayroll: *a\n", "anchors"},
		"no YAML":                        {"census: [", "mapping"},
		"nesting without end":            {strings.Repeat("[", 5000), "nested too deeply"},
		"too much":                       {strings.Repeat("# \n", 100_000), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseMapping([]byte(tt.text))
			var invalid *perch.Error
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
}

func TestMappingOverrulesTheLexicon(t *testing.T) {
	t.Parallel()
	m, err := ParseMapping([]byte(lines("company: {legal_name: Acme, ein: '123456789'}", "census:", "  partial: true", "  date_order: dmy", "  columns:",
		"    - {column: Ref, field: employee_number}", "    - {column: Emp ID, field: ignore}", "    - {column: Grade, field: custom, name: Pay grade}",
		"    - {column: State of work, field: employment_status, values: {Aktiv: active, 'Nicht aktiv': terminated}}",
		"    - {column: Gone, field: end_date}")))
	if err != nil {
		t.Fatal(err)
	}
	s := openText(t, m, lines("Ref,Emp ID,Name,Born,DOB,Grade,State of work", "R7,1,Ann Roe,,03/04/1980,G5,nicht AKTIV"))
	p := people(t, s)[0]
	field := p.Employment.CustomFields[0]
	if p.Keys[0] != "employee:R7" || p.Individual.DOB.String() != "1980-04-03" || *p.Employment.EmploymentStatus != perch.EmploymentTerminated || *field.Name != "Pay grade" || string(field.Value) != `"G5"` {
		t.Errorf("%s born %s", p.Keys[0], p.Individual.DOB)
	}
	company, _ := s.Company(context.Background())
	if *company.EIN != "12-3456789" || *company.LegalName != "Acme" || s.Complete() {
		t.Errorf("company %s, complete %v", *company.EIN, s.Complete())
	}
	if got := s.Problems(); len(got) != 1 || !strings.Contains(got[0].Where, "Gone") {
		t.Errorf("problems: %v", got)
	}
}

func TestItemsAreKnownByTheirTitles(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"FITW": "tax federal", "Fed W/H": "tax federal", "Federal Income Tax": "tax federal", "FWT": "tax federal",
		"FUTA": "tax federal er", "Social Security": "tax fica", "SS EE": "tax fica", "SS ER": "tax fica er", "OASDI": "tax fica",
		"Social Security (Company)": "tax fica er", "MED EE": "tax fica", "Medicare Employer": "tax fica er", "FICA-ER": "tax fica er",
		"MA SIT": "tax state", "CA State Tax": "tax state", "NY Withholding": "tax state", "CA SDI": "tax state", "MA PFML EE": "tax state", "MA PFML ER": "tax state er",
		"MA SUI": "tax state er", "SUTA": "tax state er", "NJ SUI EE": "tax state", "CA ETT": "tax state er", "PA LST": "tax local", "NYC City Tax": "tax local", "Local Income Tax": "tax local",
		"401K EE": "deduction 401k pre", "401(k)": "deduction 401k pre", "ROTH 401K": "deduction 401k_roth", "Roth 401(k)": "deduction 401k_roth", "401k Loan": "deduction 401k_loan",
		"401K ER Match": "contribution 401k", "Company 401k Match": "contribution 401k", "403B": "deduction 403b pre", "Simple IRA": "deduction simple_ira pre",
		"Medical Pre-Tax": "deduction s125_medical pre", "Health Insurance": "deduction s125_medical pre", "Medical ER": "contribution s125_medical", "Medical Post-Tax": "deduction custom_post_tax",
		"Dental": "deduction s125_dental pre", "Vision Pre-Tax": "deduction s125_vision pre", "HSA EE": "deduction hsa_pre pre", "HSA ER": "contribution hsa_pre", "HSA Post-Tax": "deduction hsa_post",
		"FSA": "deduction fsa_medical pre", "Dependent Care FSA": "deduction fsa_dependent_care pre", "Garnishment": "deduction custom_post_tax", "Child Support": "deduction custom_post_tax", "Transit": "deduction commuter pre",
		"Regular": "earning ", "Regular Pay": "earning ", "Salary": "earning salary", "Overtime": "earning overtime", "OT": "earning overtime", "Double Time": "earning double_overtime", "Bonus": "earning bonus",
		"PTO": "earning pto", "Vacation Pay": "earning pto", "Sick": "earning sick", "Commission": "earning commission", "Cash Tips": "earning tips", "Severance": "earning severance",
		"Reimb-Mileage": "reimbursement ", "Expense Reimbursement": "reimbursement ", "OT Hours": "hours overtime", "Hours": "hours  shared", "Reg Hrs": "hours ", "PTO Hours": "hours pto",
		"Memo": "", "YTD Gross": "", "SS Wages": "", "Total Deductions": "", "Taxable Wages": "",
	} {
		got := ""
		if c, _, ok := itemColumn(title); ok {
			got = fmt.Sprintf("%s %s", c.Field, c.Type)
			if c.Employer {
				got += " er"
			}
			if c.PreTax != nil && *c.PreTax {
				got += " pre"
			}
			if c.Shared {
				got += " shared"
			}
		}
		if got != want {
			t.Errorf("%q is %q, want %q", title, got, want)
		}
	}
}

func TestConnectorOpensSettings(t *testing.T) {
	t.Parallel()
	settings, err := json.Marshal(Settings{
		Files:   []File{{Name: "census.csv", Kind: Census, Content: []byte("Emp ID,Name\n1,Ann Roe\n")}},
		Mapping: "company: {legal_name: Acme}",
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := Connector{}.Open(context.Background(), provider.Account{Settings: settings, Now: in2026})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	company, err := source.(provider.CompanyReader).Company(context.Background())
	if err != nil || *company.LegalName != "Acme" || (Connector{}).Name() != "file" {
		t.Errorf("company %+v, %v", company, err)
	}
	for name, bad := range map[string]string{
		"no JSON": "{", "no files": "{}", "a file of another kind": `{"files":[{"name":"a","kind":"photo","content":"YQ=="}]}`,
		"a wrong mapping": `{"files":[],"mapping":"x: 1"}`, "content that is no base64": `{"files":[{"name":"a","kind":"census","content":"123-45-6789"}]}`,
	} {
		source, err := Connector{}.Open(context.Background(), provider.Account{Settings: []byte(bad), Now: in2026})
		if err == nil || source != nil || strings.Contains(err.Error(), "123-45") {
			t.Errorf("%s: %v, %v", name, source, err)
		}
	}
}

func TestReadingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	a, b := openReal(t, realFiles(t)...), openReal(t, realFiles(t)...)
	if !reflect.DeepEqual(people(t, a), people(t, b)) || !reflect.DeepEqual(payments(t, a), payments(t, b)) || !slices.Equal(a.Problems(), b.Problems()) {
		t.Error("two readings of the same files differ")
	}
	for _, p := range payments(t, a) {
		if !reflect.DeepEqual(statements(t, a, p.Key), statements(t, b, p.Key)) {
			t.Errorf("the statements of %s differ", p.Key)
		}
	}
}

func TestAChangedMappingRoundTripReadsTheSame(t *testing.T) {
	t.Parallel()
	a := openReal(t, realFiles(t)...)
	files := a.Preview().Files
	text, err := Mapping{Census: files[0].Mapping, Payroll: files[1].Mapping}.YAML()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseMapping(text)
	if err != nil {
		t.Fatal(err)
	}
	m.Census.OnlyMapped, m.Payroll.OnlyMapped = true, true
	b, err := Open(realFiles(t), m, Options{Now: in2026})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(people(t, a), people(t, b)) || !reflect.DeepEqual(payments(t, a), payments(t, b)) {
		t.Error("the kept mapping reads the files otherwise than the proposal")
	}
}
