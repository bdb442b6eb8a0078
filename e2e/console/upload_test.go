package console

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

// sent is one file of an upload.
type sent struct{ name, content string }

// send hands files in on a connection's page and waits until they were read.
func (b *browser) send(e employer, files ...sent) *browser {
	b.t.Helper()
	b.get(b.world.path(e)).shows(200)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(b.t, form.WriteField("token", b.token()))
	for _, f := range files {
		part, err := form.CreateFormFile("files", f.name)
		must(b.t, err)
		_, err = part.Write([]byte(f.content))
		must(b.t, err)
	}
	must(b.t, form.Close())
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.world.server.URL+b.world.path(e)+"/uploads", &body)
	must(b.t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Origin", b.world.server.URL)
	return b.do(request).settled()
}

// settled waits until an upload's page no longer changes by itself.
func (b *browser) settled() *browser {
	b.t.Helper()
	eventually(b.t, func() bool {
		if !strings.Contains(b.body, "data-poll") {
			return true
		}
		b.get(b.at.Path)
		return false
	})
	return b
}

var titleOf = regexp.MustCompile(`id="title-(column\.\d+\.\d+)">([^<]*)`)
var chosen = regexp.MustCompile(`<option value="([^"]*)" selected>`)

// columns are the drop-downs of the page shown as a form's fields, with those changed that pairs name by
// title.
func (b *browser) columns(pairs ...string) (form []string) {
	b.t.Helper()
	form = append(form, "kind.0", firstMatch(b.body, regexp.MustCompile(`name="kind\.0">.*?<option value="(\w+)" selected`)), "dates.0", "", "names.0", "")
	for _, found := range titleOf.FindAllStringSubmatch(b.body, -1) {
		_, rest, _ := strings.Cut(b.body, `name="`+found[1]+`"`)
		rest, _, _ = strings.Cut(rest, "</select>")
		value := firstMatch(rest, chosen)
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == strings.TrimSpace(found[2]) {
				value = pairs[i+1]
			}
		}
		form = append(form, found[1], value)
	}
	return form
}

func firstMatch(text string, pattern *regexp.Regexp) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

const census = "Emp No,First Name,Last Name,SSN,Birth Date,Hire Date,Job Title,Annual Salary\n" +
	"1,Ada,Stone,900-12-3001,1980-02-03,2015-01-05,Baker,52000\n" +
	"2,Ben,Frost,900-12-3002,1985-04-05,2016-01-05,Clerk,48000\n" +
	"3,Cleo,Marsh,900-12-3003,1990-06-07,2017-01-05,Clerk,47000\n"

const register = "Check Date,Emp No,Name,Regular Pay,Federal Tax,Gross,Net\n" +
	"2026-03-06,1,Ada Stone,2000.00,300.00,2000.00,1700.00\n" +
	"2026-03-06,2,Ben Frost,1846.15,246.15,1846.15,1600.00\n"

// From an uploaded file to data in the API, as the work of a person goes.
func TestFilesBecomeDataOnceSomebodyHasLooked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		b.send(e, sent{"people.csv", census}, sent{"pay.csv", register}).shows(200, "Check the files", "People 3", "Payments 1", "Pay statements 2", "people.csv", "Payroll register")
		b.hides("900-12-3001", "52000", "$2,000.00")
		if status, body := w.api(t, e, "/employer/directory"); status != 202 {
			t.Errorf("published too early: %d %v", status, body)
		}
		upload := b.at.Path
		b.post(upload+"/reveal").shows(200, "900-12-3001", "52,000.00", "$3,846.15")
		b.get(upload).post(upload+"/publish").settled().shows(200, "Published", "People 3 0 0", "Payments 1 0 0")
		status, directory := w.api(t, e, "/employer/directory")
		people, _ := directory["individuals"].([]any)
		if status != 200 || len(people) != 3 {
			t.Fatalf("the API has %d %v", status, directory)
		}
		_, introspect := w.api(t, e, "/introspect")
		if connected, _ := introspect["connection_status"].(map[string]any); connected["status"] != "connected" {
			t.Errorf("introspect %v", introspect)
		}
		log := w.audited(t)
		for _, want := range []string{"upload.received", "upload.revealed", "upload.published"} {
			if !slices.Contains(log, want+" "+email) {
				t.Errorf("%s is not in the audit log: %v", want, log)
			}
		}
		b.get("/console/queue").shows(200, "Weekly refresh", "in 7 days")
		b.get(w.path(e)).shows(200, "3 people (3 new, 0 changed)", "Next file due")
		if strings.Contains(w.log.String(), "Stone") || strings.Contains(w.log.String(), "3001") {
			t.Error("people are in the log")
		}
	})
}

func TestAWrongColumnIsCorrectedAndRemembered(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		strange := strings.Replace(census, "Emp No,First Name,Last Name", "Code A,Code B,Code C", 1)
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		b.send(e, sent{"people.csv", strange}).shows(200, "no column was recognised as an employee number or a name", "Correct the columns below")
		upload := b.at.Path
		b.post(upload+"/publish").shows(400, "The files cannot be published")
		b.get(upload)
		wrong := b.columns("Code A", "nonsense")
		b.post(upload+"/mapping", wrong...).shows(400, "field: must be one of")
		b.get(upload)
		b.post(upload+"/mapping", b.columns("Code A", "employee_number", "Code B", "first_name", "Code C", "last_name", "Job Title", "ignore")...).settled().
			shows(200, "People 3", "Ada")
		b.post(upload+"/publish").settled().shows(200, "Published")
		// The connection remembers the columns, and so does the provider for its other employers.
		b.send(e, sent{"next.csv", strings.Replace(strange, "48000", "49000", 1)}).shows(200, "Changed 1", "Unchanged 2", "Ben Frost")
		b.post(b.at.Path+"/reject").shows(200, "The upload was rejected")
		other := w.connect(t, "netchex", "Corner Cafe")
		b.send(other, sent{"people.csv", strange}).shows(200, "Check the files", "People 3")
		third := w.connect(t, "alphastaff", "Third Place")
		b.send(third, sent{"people.csv", strange}).shows(200, "no column was recognised")
	})
}

func TestWhatWouldChangeIsShownAgainstTheLastUpload(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var all strings.Builder
		all.WriteString(strings.SplitAfter(census, "\n")[0])
		for i := 1; i <= 20; i++ {
			fmt.Fprintf(&all, "%d,Ann%d,Roe%d,9001230%02d,1980-02-03,2015-01-05,Baker,%d000\n", i, i, i, i, 50+i)
		}
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		b.send(e, sent{"people.csv", all.String()}).post(b.at.Path+"/publish").settled().shows(200, "Published")
		next := strings.NewReplacer("51000", "91000", "52000", "53000", "3,Ann3,Roe3,900123003,1980-02-03,2015-01-05,Baker,53000\n", "").Replace(all.String()) + "21,New,Hand,900123021,1980-02-03,2026-01-05,Baker,50000\n"
		b.send(e, sent{"people.csv", next}).shows(200, "Joined 1", "Left 1", "Changed 2", "Unchanged 17", "The pay of 1 person jumped", "Ann1 Roe1 pay +78 % Jump", "New Hand", "Ann3 Roe3").
			hides("$91,000").post(b.at.Path+"/reveal").shows(200, "$51,000.00 to $91,000.00")
		b.get(b.at.Path[:strings.LastIndex(b.at.Path, "/")]).post(b.at.Path+"/publish").settled().shows(200, "Published", "Marked as leavers")

		few := strings.Join(strings.SplitAfter(all.String(), "\n")[:4], "")
		b.send(e, sent{"wrong.csv", few}).shows(200, "would be marked as leavers", "have left the employer")
		upload := b.at.Path
		b.post(upload+"/publish").shows(400, "Say that they have left")
		_, directory := w.api(t, e, "/employer/directory")
		if paging, _ := directory["paging"].(map[string]any); paging["count"] != float64(21) {
			t.Errorf("published in spite of that: %v", directory["paging"])
		}
		b.get(upload).post(upload+"/publish", "leavers", "left").settled().shows(200, "Published")
	})
}

func TestBadFilesEndInAClearMessageAndPublishNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	e := w.connect(t, "netchex", "Blue Bakery")
	w.Uploads.Limits.Bytes = 2 << 20
	b := w.signedIn(t)
	for name, c := range map[string]struct{ content, want string }{
		"binary":       {"\x00\x01\x02 not a table", "It holds binary data"},
		"no rows":      {"Emp No,First Name,Last Name\n", "there are no rows below the column titles"},
		"a picture":    {"PK\x03\x04 no archive", "the workbook is damaged"},
		"old workbook": {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "save it as XLSX without a password"},
		"empty":        {"", "The file is empty"},
		"too large":    {strings.Repeat("x,y\n", 1<<20), "The file is larger than 2 MiB"},
		"a zip bomb":   {zipBomb(t), "the workbook unpacks to more than"},
	} {
		b.send(e, sent{name + ".csv", c.content})
		if !strings.Contains(strings.ToLower(plain(b.body)), strings.ToLower(c.want)) {
			t.Errorf("%s: %d %s", name, b.status, plain(b.body))
		}
		if b.status == 200 {
			b.post(b.at.Path + "/publish").shows(400)
			b.get(w.path(e))
		}
	}
	if status, _ := w.api(t, e, "/employer/directory"); status != 202 {
		t.Errorf("something was published: %d", status)
	}
	// Nothing lies about: neither of what was refused nor of what was cut off.
	abandoned, err := w.Store.AbandonedUploads(t.Context(), w.clock.Now().AddDate(1, 0, 0), 10)
	must(t, err)
	if len(abandoned) != 0 {
		t.Errorf("left behind: %d", len(abandoned))
	}
}

func TestRowsThatCannotBeReadAreListed(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	e := w.connect(t, "netchex", "Blue Bakery")
	b := w.signedIn(t)
	bad := census + "3,Cleo,Marsh,900-12-3003,1990-06-07,2017-01-05,Clerk,99000\n" + // again, with other pay
		"4,Dan,Reed,900-12-3004,2090-13-45,2017-01-05,Clerk,-47000\n" + ",,,,,,,5\nTotals,,,,,,,147000\n"
	b.send(e, sent{"people.csv", bad}).shows(200, "People 4", "Problems, row by row", "Another row has the same employee number", "Birth Date Is not a date", "Annual Salary Is negative")
}

func TestFilesAreSealedAndDeletedWithTheConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		b.send(e, sent{"Blue Bakery people.csv", census}).shows(200, "Check the files")
		id, err := perch.ParseID(b.at.Path[strings.LastIndex(b.at.Path, "/")+1:])
		must(t, err)
		files, err := w.Store.UploadFiles(t.Context(), e.entity, id)
		must(t, err)
		chunk, err := w.Store.UploadChunk(t.Context(), e.entity, files[0].ID, 0)
		must(t, err)
		row, err := w.Store.Upload(t.Context(), w.client.ID, e.connection, id)
		must(t, err)
		if bytes.Contains(chunk, []byte("Stone")) || bytes.Contains(files[0].Name, []byte("Bakery")) || bytes.Contains(row.Report, []byte("Stone")) || len(row.Report) == 0 {
			t.Error("an upload is not sealed")
		}
		if _, err := w.Store.UploadChunk(t.Context(), perch.NewID(), files[0].ID, 0); err == nil {
			t.Error("another entity reads the file")
		}
		if _, err := w.Store.Upload(t.Context(), perch.NewID(), e.connection, id); err == nil {
			t.Error("another application reads the upload")
		}
		grant, err := w.Access.Authenticate(t.Context(), e.token)
		must(t, err)
		must(t, w.Access.Disconnect(t.Context(), grant))
		b.get(b.at.Path).shows(404)
		eventually(t, func() bool {
			_, err := w.Store.UploadChunk(t.Context(), e.entity, files[0].ID, 0)
			return err != nil
		})
	})
}
