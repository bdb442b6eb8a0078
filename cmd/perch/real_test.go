package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// command runs one command line in this process and returns what it printed.
func command(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, failed bytes.Buffer
	if status := run(t.Context(), args, &out, &failed); status != 0 {
		t.Fatalf("perch %s: status %d: %s", args[0], status, failed.String())
	}
	return out.Bytes()
}

func importFiles(t *testing.T, args ...string) (result importJSON) {
	t.Helper()
	must(t, json.Unmarshal(command(t, append([]string{"connection", "import", "--json"}, args...)...), &result))
	return result
}

// reader asks the API as one token does.
type reader struct {
	t             *testing.T
	origin, token string
}

func (r reader) ask(method, path, body string, into any) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.origin+path, strings.NewReader(body))
	must(r.t, err)
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Finch-API-Version", perch.APIVersion)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	must(r.t, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		r.t.Fatalf("%s %s answered %d", method, path, answer.StatusCode)
	}
	must(r.t, json.NewDecoder(answer.Body).Decode(into))
}

// The files in ../shared are as real ones are. What the command brings in is read as an application
// reads it.
func TestRealFilesAreReadOverTheAPIAsTheyWerePrinted(t *testing.T) {
	t.Parallel()
	for engine, place := range map[string]func(t *testing.T) app.Config{
		"SQLite":     func(t *testing.T) app.Config { return app.Config{Data: t.TempDir()} },
		"PostgreSQL": func(t *testing.T) app.Config { return app.Config{Data: t.TempDir(), DatabaseURL: testneed.Postgres(t)} },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(testneed.Shared(t), "data")
			config := place(t)
			at := []string{"--data", config.Data, "--database-url", config.DatabaseURL}
			command(t, append([]string{"app", "create", "--type", "production", "--name", "Payday"}, at...)...)
			files := append([]string{"--app", "Payday", "--census", filepath.Join(data, "hr-dataset-v14.csv"),
				"--payroll", filepath.Join(data, "payroll-register-2019.csv")}, at...)
			made := importFiles(t, append(files, "--provider", "gusto")...)
			if made.Created != 311+1+3+621 || made.Updated+made.Deleted+made.Unchanged+made.Left != 0 || made.AccessToken == nil {
				t.Fatalf("the import: %+v", made.Records)
			}
			again := importFiles(t, append(files, "--connection", made.ConnectionID.String())...)
			if again.Unchanged != made.Created || again.Created+again.Updated+again.Deleted+again.Left != 0 {
				t.Errorf("the same files again: %+v", again.Records)
			}
			config.NoRateLimits = true
			a, err := app.Open(t.Context(), config)
			must(t, err)
			t.Cleanup(func() { must(t, a.Close()) })
			server := httptest.NewServer(a.API.Handler())
			t.Cleanup(server.Close)
			r := reader{t, server.URL, *made.AccessToken}
			checkPeople(t, r)
			checkTotals(t, r, filepath.Join(data, "payroll-register-2019.csv"))
		})
	}
}

func checkPeople(t *testing.T, r reader) {
	t.Helper()
	var directory struct {
		Paging      struct{ Count int }
		Individuals []perch.DirectoryEntry
	}
	r.ask(http.MethodGet, "/employer/directory?limit=1000", "", &directory)
	byID := map[perch.ID]bool{}
	active, managed := 0, 0
	var requests []string
	for _, one := range directory.Individuals {
		byID[one.ID] = true
		if *one.IsActive {
			active++
		}
		requests = append(requests, `{"individual_id":"`+one.ID.String()+`"}`)
	}
	for _, one := range directory.Individuals {
		if one.Manager != nil {
			managed++
			if !byID[one.Manager.ID] {
				t.Errorf("%s: the manager is nobody of the directory", one.ID)
			}
		}
	}
	if directory.Paging.Count != 311 || len(byID) != 311 || active != 207 || managed != 236 {
		t.Errorf("%d of %d people, %d active, %d with a manager", len(byID), directory.Paging.Count, active, managed)
	}
	var answer struct {
		Responses []struct {
			Code int
			Body perch.Individual
		}
	}
	r.ask(http.MethodPost, "/employer/individual", `{"requests":[`+strings.Join(requests, ",")+`]}`, &answer)
	if len(answer.Responses) != 311 {
		t.Fatalf("%d individuals", len(answer.Responses))
	}
	for _, one := range answer.Responses {
		i := one.Body
		if one.Code != http.StatusOK || i.DOB == nil || i.DOB.Year() < 1951 || i.DOB.Year() > 1992 {
			t.Errorf("%s: code %d, or a date of birth in another century", i.ID, one.Code)
		}
		if zip := *i.Residence.PostalCode; *i.Residence.State == "MA" && (len(zip) != 5 || zip[0] != '0') {
			t.Errorf("%s: a ZIP code of %d characters", i.ID, len(zip))
		}
	}
}

// checkTotals compares the sums of what the API shows with the totals rows of the register.
func checkTotals(t *testing.T, r reader, register string) {
	t.Helper()
	var payments []perch.Payment
	r.ask(http.MethodGet, "/employer/payment?start_date=2019-01-01&end_date=2019-12-31", "", &payments)
	if len(payments) != 3 {
		t.Fatalf("%d payments", len(payments))
	}
	titles, totals := readTotals(t, register)
	compared, statements := 0, 0
	for _, p := range payments {
		sums, n := sumsOf(t, r, p)
		statements += n
		row := totals[p.PayDate.Time().Format("01/02/2006")]
		for i, want := range row {
			compared++
			if got := sums[titles[i]]; got != want {
				t.Errorf("%s %s: %d cents, the register has %d", p.PayDate, titles[i], got, want)
			}
		}
		if *p.GrossPay.Amount != sums["Gross"] || *p.NetPay.Amount != sums["Net Pay"] {
			t.Errorf("%s: the payment's gross and net are not the sums of its statements'", p.PayDate)
		}
	}
	if statements != 621 || compared != 3*24 {
		t.Errorf("%d statements, %d totals compared", statements, compared)
	}
}

// readTotals returns the titles of the register's columns and, by pay date, the totals in cents by column.
func readTotals(t *testing.T, path string) (titles []string, totals map[string]map[int]int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	lines := csv.NewReader(bytes.NewReader(text))
	lines.FieldsPerRecord = -1
	rows, err := lines.ReadAll()
	must(t, err)
	totals = map[string]map[int]int64{}
	for _, row := range rows {
		if row[0] == "Check Date" {
			titles = row
		}
		day, ok := strings.CutPrefix(row[0], "Totals for ")
		if !ok {
			continue
		}
		totals[day] = map[int]int64{}
		for i, cell := range row[1:] {
			if cell == "" {
				continue
			}
			cents, err := strconv.ParseInt(strings.NewReplacer(",", "", ".", "").Replace(cell), 10, 64)
			must(t, err)
			totals[day][i+1] = cents
		}
	}
	return titles, totals
}

// sumsOf adds up the statements of a payment by the titles of the register.
func sumsOf(t *testing.T, r reader, p perch.Payment) (sums map[string]int64, statements int) {
	t.Helper()
	var answer struct {
		Responses []struct {
			Code int
			Body struct {
				Paging     struct{ Count int }
				Statements []perch.PayStatement `json:"pay_statements"`
			}
		}
	}
	r.ask(http.MethodPost, "/employer/pay-statement", `{"requests":[{"payment_id":"`+p.ID.String()+`","limit":1000}]}`, &answer)
	page := answer.Responses[0]
	if page.Code != http.StatusOK || page.Body.Paging.Count != 207 || len(page.Body.Statements) != 207 {
		t.Fatalf("%s: code %d, %d statements", p.PayDate, page.Code, page.Body.Paging.Count)
	}
	sums = map[string]int64{}
	for _, s := range page.Body.Statements {
		sums["Gross"] += *s.GrossPay.Amount
		sums["Net Pay"] += *s.NetPay.Amount
		for _, line := range s.Earnings {
			sums[*line.Name] += *line.Amount
		}
		for _, line := range s.Taxes {
			sums[*line.Name] += *line.Amount
		}
		for _, line := range s.EmployeeDeductions {
			sums[*line.Name] += *line.Amount
		}
		for _, line := range s.EmployerContributions {
			sums[*line.Name] += *line.Amount
		}
	}
	return sums, len(page.Body.Statements)
}
