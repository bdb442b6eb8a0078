package httpapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
)

// reads are the decoders of the sandbox's bodies by a short name.
var reads = map[string]func(body string) (any, error){
	"individual": func(b string) (any, error) { return whole([]byte(b), readIndividual) },
	"employment": func(b string) (any, error) { return whole([]byte(b), readEmployment) },
	"people":     func(b string) (any, error) { return whole([]byte(b), readPeople) },
	"company":    func(b string) (any, error) { return whole([]byte(b), readCompany) },
	"payment":    func(b string) (any, error) { return whole([]byte(b), readPayment) },
}

func TestABadFieldOfAnEditIsNamed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	statement := `{"individual_id":"` + anID + `",`
	for _, c := range []struct{ read, body, field string }{
		{"individual", "{\"first_name\":\"\xff\"}", "body"}, {"employment", "{\"custom_fields\":[{\"value\":\"\xff\"}]}", "body"},
		{"individual", `[]`, "body"}, {"individual", ``, "body"}, {"individual", `{"dob":"1990-02-30"}`, "dob"}, {"individual", `{"dob":"13/1/1990"}`, "dob"},
		{"individual", `{"dob":19900101}`, "dob"}, {"individual", `{"first_name":1}`, "first_name"}, {"individual", `{"first_name":"` + long + `"}`, "first_name"},
		{"individual", `{"first_name":"a","first_name":"b"}`, "first_name"}, {"individual", `{"gender":"Female"}`, "gender"}, {"individual", `{"ethnicity":""}`, "ethnicity"},
		{"individual", `{"marital_status":"engaged"}`, "marital_status"}, {"individual", `{"ssn":"12345678"}`, "ssn"}, {"individual", `{"ssn":"123-456-789"}`, "ssn"},
		{"individual", `{"emails":{}}`, "emails"}, {"individual", `{"emails":[{"data":"a"},{"type":"work"}]}`, "emails[1].data"}, {"individual", `{"emails":[null]}`, "emails[0]"},
		{"individual", `{"emails":[{"data":"a","type":"home"}]}`, "emails[0].type"}, {"individual", `{"phone_numbers":[{"data":5}]}`, "phone_numbers[0].data"},
		{"individual", `{"residence":"here"}`, "residence"}, {"individual", `{"residence":{"country":"us"}}`, "residence.country"}, {"individual", `{"residence":{"city":7}}`, "residence.city"},
		{"employment", `{"income":{"amount":-1}}`, "income.amount"}, {"employment", `{"income":{"amount":1.5}}`, "income.amount"}, {"employment", `{"income":{"amount":1e3}}`, "income.amount"},
		{"employment", `{"income":{"amount":9007199254740992}}`, "income.amount"}, {"employment", `{"income":{"amount":99999999999999999999}}`, "income.amount"},
		{"employment", `{"income":{"currency":"dollars"}}`, "income.currency"}, {"employment", `{"income":{"unit":"daily "}}`, "income.unit"}, {"employment", `{"income":{"effective_date":"soon"}}`, "income.effective_date"},
		{"employment", `{"income_history":[{},{"amount":"1"}]}`, "income_history[1].amount"}, {"employment", `{"manager":{"id":"x"}}`, "manager.id"}, {"employment", `{"manager":{}}`, "manager.id"},
		{"employment", `{"manager":"` + anID + `"}`, "manager"}, {"employment", `{"employment":{"type":"boss"}}`, "employment.type"}, {"employment", `{"employment":{"subtype":"full"}}`, "employment.subtype"},
		{"employment", `{"is_active":"yes"}`, "is_active"}, {"employment", `{"employment_status":"fired"}`, "employment_status"}, {"employment", `{"flsa_status":true}`, "flsa_status"},
		{"employment", `{"department":{"name":[]}}`, "department.name"}, {"employment", `{"location":{"line1":{}}}`, "location.line1"}, {"employment", `{"start_date":"2020-3-4"}`, "start_date"},
		{"employment", `{"custom_fields":[{"name":"a","value":` + deep + `}]}`, "body"}, {"employment", `{"custom_fields":[{"value":"` + strings.Repeat("x", maxValue) + `"}]}`, "custom_fields[0].value"},
		{"employment", `{"custom_fields":[` + strings.Repeat(`{},`, maxList) + `{}]}`, "custom_fields"},
		{"people", `{}`, "body"}, {"people", `[{},{"dob":"x"}]`, "[1].dob"}, {"people", `[{},null]`, "[1]"}, {"people", `[{"income":{"amount":-5}}]`, "[0].income.amount"},
		{"people", `[` + strings.Repeat(`{},`, maxAddPeople) + `{}]`, "body"}, {"people", `[{}] x`, "body"},
		{"company", `{"primary_email":"nobody"}`, "primary_email"}, {"company", `{"primary_email":"A <a@b.example>"}`, "primary_email"}, {"company", `{"entity":{"type":"gmbh"}}`, "entity.type"},
		{"company", `{"entity":{"subtype":"x"}}`, "entity.subtype"}, {"company", `{"departments":[{"parent":{"name":1}}]}`, "departments[0].parent.name"}, {"company", `{"departments":[null]}`, "departments[0]"},
		{"company", `{"accounts":[{"account_type":"gold"}]}`, "accounts[0].account_type"}, {"company", `{"locations":[{},{"country":"USA"}]}`, "locations[1].country"},
		{"payment", `{"start_date":"3/4/2020"}`, "start_date"}, {"payment", `{"pay_statements":[{}]}`, "pay_statements[0].individual_id"}, {"payment", `{"pay_statements":[{"individual_id":"x"}]}`, "pay_statements[0].individual_id"},
		{"payment", `{"pay_statements":[` + statement + `"gross_pay":0}]}`, "pay_statements[0].gross_pay"}, {"payment", `{"pay_statements":[` + statement + `"total_hours":0}]}`, "pay_statements[0].total_hours"},
		{"payment", `{"pay_statements":[` + statement + `"total_hours":1e3}]}`, "pay_statements[0].total_hours"}, {"payment", `{"pay_statements":[` + statement + `"total_hours":-1}]}`, "pay_statements[0].total_hours"},
		{"payment", `{"pay_statements":[` + statement + `"type":"bonus"}]}`, "pay_statements[0].type"}, {"payment", `{"pay_statements":[` + statement + `"payment_method":"cash"}]}`, "pay_statements[0].payment_method"},
		{"payment", `{"pay_statements":[` + statement + `"earnings":[{},{"amount":0.5}]}]}`, "pay_statements[0].earnings[1].amount"}, {"payment", `{"pay_statements":[` + statement + `"earnings":[{"name":""}]}]}`, "pay_statements[0].earnings[0].name"},
		{"payment", `{"pay_statements":[` + statement + `"earnings":[{"type":"gift"}]}]}`, "pay_statements[0].earnings[0].type"}, {"payment", `{"pay_statements":[` + statement + `"taxes":[{"type":"city"}]}]}`, "pay_statements[0].taxes[0].type"},
		{"payment", `{"pay_statements":[` + statement + `"taxes":[{"employer":"no"}]}]}`, "pay_statements[0].taxes[0].employer"},
		{"payment", `{"pay_statements":[` + statement + `"employee_deductions":[{"type":"401k"}]}]}`, "pay_statements[0].employee_deductions[0].name"},
		{"payment", `{"pay_statements":[` + statement + `"employer_contributions":[{"name":"a"},{"type":"hsa_pre","amount":1}]}]}`, "pay_statements[0].employer_contributions[1].name"},
		{"payment", `{"pay_statements":[` + statement + `"taxes":[` + strings.Repeat(`{},`, maxLines) + `{}]}]}`, "pay_statements[0].taxes"},
	} {
		_, err := reads[c.read](c.body)
		var known *perch.Error
		if !errors.As(err, &known) || known.Code != "invalid_request" || !strings.HasPrefix(known.Message, c.field+": ") && !strings.HasPrefix(known.Message, c.field+" ") {
			t.Errorf("%s %.80s: got %v, want an error about %s", c.read, c.body, err, c.field)
		}
		if err != nil && strings.Contains(err.Error(), "12345678") {
			t.Error("an error quotes a social security number")
		}
	}
}

func TestWithoutProductsAnAccountHasThoseOfTheOrganization(t *testing.T) {
	t.Parallel()
	h := setup(t)
	w := h.do(ask{method: "POST", target: "/sandbox/connections/accounts", header: map[string]string{"Authorization": "Basic OGQyZmYyYTYtNmY1ZS00ZjFlLThhMzktN2U5YTNhMWYzYjEwOnZlcnktc2VjcmV0"}, body: `{"company_id":"` + anID + `","provider_id":"gusto","products":[]}`})
	const want = "products: must name at least one product, or be left out for those of the organization."
	if got := readFailure(t, w); w.Code != 400 || !strings.HasPrefix(got.Message, want) {
		t.Errorf("%d %q", w.Code, got.Message)
	}
}

func TestGoodEditsAreReadAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ read, body, want string }{
		{"individual", `{"first_name":"Ada","last_name":null,"dob":"3/4/1990","ssn":"900-12-3456","encrypted_ssn":"x","id":"` + anID + `","emails":[]}`,
			`{"first_name":"Ada","last_name":null,"emails":[],"dob":"1990-03-04","ssn":"900123456"}`},
		{"employment", `{"income":{"amount":100,"currency":"USD","unit":"hourly"},"manager":null,"is_active":false,"work_id":"7"}`,
			`{"is_active":false,"income":{"unit":"hourly","amount":100,"currency":"usd","effective_date":null}}`},
		{"employment", `{"custom_fields":[{"name":"a","value": {"b" : [1, null]} },{"value":null}]}`, `{"custom_fields":[{"name":"a","value":{"b":[1,null]}},{"name":null,"value":null}]}`},
		{"company", `{"entity":{"type":"llc"},"locations":null}`, `{"entity":{"type":"llc","subtype":null},"locations":null}`},
	} {
		value, err := reads[c.read](c.body)
		if err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		if person, ok := value.(sandbox.PersonEdit); ok {
			if strings.Contains(c.body, "manager") != person.Manager.Set {
				t.Errorf("%s: the manager is %+v", c.body, person.Manager)
			}
			value = person.PersonEdit
		}
		got, err := json.Marshal(value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s is read as %s, %v; want %s", c.body, got, err, c.want)
		}
	}
}

func TestHoursAreRoundedToHundredths(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]perch.Hours{"0": 0, "86.66666666666667": 8667, "86.664": 8666, "0.005": 1, "0.0049": 0, "-1.005": -101, "1000000": 100_000_000, "40": 4000, "40.5": 4050} {
		s := scanner{data: []byte(text)}
		if got, err := s.hours(); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"1000000.001", "10000000", "1e2", `"1"`, "-"} {
		s := scanner{data: []byte(text)}
		if got, err := s.hours(); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}

// What is read can be stored and read back.
func FuzzEdits(f *testing.F) {
	for _, body := range []string{`{"first_name":"Ada","dob":"1990-01-01"}`, `[{"income":{"amount":5}},{}]`, `{"pay_statements":[{"individual_id":"` + anID + `","total_hours":1.25}]}`, `{"custom_fields":[{"value":[1]}]}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for name, read := range reads {
			value, err := read(body)
			if err != nil {
				continue
			}
			if person, ok := value.(sandbox.PersonEdit); ok {
				value = person.PersonEdit
			}
			once, err := json.Marshal(value)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if edit, ok := value.(sandbox.CompanyEdit); ok {
				var again sandbox.CompanyEdit
				if err := json.Unmarshal(once, &again); err != nil {
					t.Fatal(err)
				}
				if twice, _ := json.Marshal(again); string(twice) != string(once) {
					t.Errorf("%+v becomes %s and then %s", edit, once, twice)
				}
			}
		}
	})
}
