package console

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/provider/file"
)

// ask sends a request with an employer's token and decodes the answer.
func (w *world) ask(t *testing.T, e employer, method, path, body string, into any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+e.token)
	request.Header.Set("Finch-API-Version", perch.APIVersion)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer func() { _ = answer.Body.Close() }()
	must(t, json.NewDecoder(answer.Body).Decode(into))
	return answer.StatusCode
}

// served is an employer whose people came by file, with a token that may write deductions.
func (w *world) served(t *testing.T) employer {
	t.Helper()
	e := w.connect(t, "isolved", "Harbor Light Bakery")
	read := assist.Import{Application: w.client, ConnectionID: e.connection, Files: []file.File{{Name: "census.csv", Kind: file.Census,
		Content: []byte("Employee Number,First Name,Last Name,Hire Date\n7,Ada,Quinn,2019-03-04\n8,Bo,Reyes,2020-01-06\n9,Cy,Stone,2021-02-01\n")}}}
	source, err := w.Importer.Read(t.Context(), read)
	must(t, err)
	_, err = w.Importer.Run(t.Context(), read, source, nil)
	must(t, err)
	text, hash := access.NewSecret("")
	must(t, w.Store.Tx(t.Context(), func(tx *sql.Tx) error {
		return w.Store.InsertToken(t.Context(), tx, w.client.ID, e.connection, e.entity, perch.NewID(), hash,
			[]perch.Product{perch.ProductDirectory, perch.ProductBenefits}, w.clock.Now())
	}))
	e.token = text
	return e
}

func TestPeopleEnterDeductions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.served(t)
		var people struct{ Individuals []perch.DirectoryEntry }
		if status := w.ask(t, e, http.MethodGet, "/employer/directory", "", &people); status != 200 || len(people.Individuals) != 3 {
			t.Fatalf("%d %+v", status, people)
		}
		var made struct {
			BenefitID string `json:"benefit_id"`
			JobID     string `json:"job_id"`
		}
		if status := w.ask(t, e, http.MethodPost, "/employer/benefits", `{"type":"401k","description":"Acme 401(k)","frequency":"every_paycheck"}`, &made); status != 201 {
			t.Fatalf("creation answered %d", status)
		}
		created, benefit := made.JobID, "/employer/benefits/"+made.BenefitID+"/individuals"
		var entries []string
		for _, id := range []string{people.Individuals[0].ID.String(), people.Individuals[1].ID.String(), "nobody"} {
			entries = append(entries, `{"individual_id":"`+id+`","configuration":{"employee_deduction":{"type":"percent","amount":650},`+
				`"company_contribution":{"type":"fixed","amount":12345},"annual_maximum":2350000,"effective_date":"12/31/2030"}}`)
		}
		if status := w.ask(t, e, http.MethodPost, benefit, "["+strings.Join(entries, ",")+"]", &made); status != 200 {
			t.Fatalf("enrolment answered %d", status)
		}
		enrolled := made.JobID

		b := w.signedIn(t)
		b.get("/console/queue?kind=deduction").shows(200, "Deduction: create one", "Deduction: enroll 3", "Harbor Light Bakery", "in 7 days")
		b.get(w.path(e)+"/deductions/"+enrolled).shows(200, "Enroll 3 in a deduction", "Acme 401(k)", "Ada Quinn", "Bo Reyes", "Not in the directory",
			"employee 6.5 %, company $123.45, at most $23,500.00 a year, from 2030-12-31")
		b.post(w.path(e)+"/deductions/"+enrolled, "r0", "201", "r1", "422").shows(400, "Choose a result for everybody")
		b.get(w.path(e)+"/deductions/"+enrolled).post(w.path(e)+"/deductions/"+enrolled, "r0", "201", "r1", "418", "r2", "404").shows(400)
		var job perch.ManualJob
		if w.ask(t, e, http.MethodGet, "/jobs/manual/"+enrolled, "", &job); job.Status != perch.JobPending {
			t.Errorf("after refused forms: %+v", job)
		}
		b.get(w.path(e)+"/deductions/"+enrolled).post(w.path(e)+"/deductions/"+enrolled, "r0", "201", "r1", "422", "m1", "Not eligible before 2031", "r2", "404").
			shows(200, "The deduction was completed").hides("enroll 3")
		w.ask(t, e, http.MethodGet, "/jobs/manual/"+enrolled, "", &job)
		want := []perch.ManualJobResult{
			{IndividualID: people.Individuals[0].ID.String(), Code: 201, Message: "Successfully enrolled individual in benefit"},
			{IndividualID: people.Individuals[1].ID.String(), Code: 422, Message: "Not eligible before 2031", Name: "unprocessable_request_error", FinchCode: "invalid_employee_enrollment"},
			{IndividualID: "nobody", Code: 404, Message: "Individual not found", Name: "not_found_error", FinchCode: "individual_not_found"},
		}
		if job.Status != perch.JobComplete || !slices.Equal(job.Body, want) {
			t.Errorf("the job is %+v", job)
		}
		b.get(w.path(e)+"/deductions/"+enrolled).shows(200, "Completed").hides(`name="r0"`)

		b.get(w.path(e)+"/deductions/"+created).post(w.path(e)+"/deductions/"+created, "r0", "422", "m0", "No plan of this type").shows(200, "completed")
		w.ask(t, e, http.MethodGet, "/jobs/manual/"+created, "", &job)
		if job.Status != perch.JobError || len(job.Body) != 1 || job.Body[0].Code != 422 || job.Body[0].Message != "No plan of this type" {
			t.Errorf("the creation is %+v", job)
		}
		var failure struct{ Name string }
		if status := w.ask(t, e, http.MethodPost, benefit, "["+entries[0]+"]", &failure); status != 404 {
			t.Errorf("enrolling in what could not be created answered %d", status)
		}
		if got := w.audited(t); !slices.Contains(got, "deduction.completed "+email) {
			t.Errorf("audited %v", got)
		}
	})
}

func TestDeductionsOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	mine, yours := w.served(t), w.served(t)
	var made struct {
		JobID string `json:"job_id"`
	}
	w.ask(t, mine, http.MethodPost, "/employer/benefits", `{"type":"401k","description":"Mine"}`, &made)
	b := w.signedIn(t)
	b.get(w.path(yours)+"/deductions/"+made.JobID).shows(404, "There is no such page")
	b.get(w.path(mine)+"/deductions/"+perch.NewID().String()).shows(404, "There is no such page")
	b.get(w.path(mine) + "/deductions/" + made.JobID).shows(200)
	b.post(w.path(yours)+"/deductions/"+made.JobID, "r0", "201").shows(404)
}
