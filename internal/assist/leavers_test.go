package assist_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider/file"
)

// census lists people by number, with what row makes of each.
func census(header, row string, numbers ...int) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for _, n := range numbers {
		b.WriteString(strings.ReplaceAll(row, "#", fmt.Sprint(n)) + "\n")
	}
	return b.String()
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

const (
	header = "Emp ID,Name,SSN,DOB,Hire Date,Termination Date"
	row    = "#,Ann#x Roe#x,90012300#,1980-01-02,2015-01-05,"
)

func (w *world) importCensus(t *testing.T, connectionID perch.ID, text string, allow bool) (assist.Result, error) {
	t.Helper()
	return w.run(t, assist.Import{Application: w.app, ProviderID: "gusto", ConnectionID: connectionID, AllowLeavers: allow,
		Files: []file.File{{Name: "people.csv", Kind: file.Census, Content: []byte(text)}}})
}

func TestAnImportThatWouldMakeManyLeaversIsStoppedBeforeItWrites(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		all := census(header, row, upTo(9)...)
		made, err := w.importCensus(t, perch.ID{}, all, false)
		must(t, err)
		for name, text := range map[string]string{
			"most are missing":          census(header, row, 1, 2, 3),
			"everyone has a new number": census(header, strings.Replace(row, "#", "10#", 1), upTo(9)...),
			"nobody is recognised":      census("Name,Hire Date", "Ann#x Roe#x,2015-01-05", upTo(9)...),
			"they are other people":     census(header, row, 11, 12, 13),
		} {
			_, err := w.importCensus(t, made.ConnectionID, text, false)
			var many *assist.ManyLeavers
			if !errors.As(err, &many) || many.Active != 9 || many.Leavers < 6 {
				t.Errorf("%s: got %v", name, err)
			}
		}
		again, err := w.importCensus(t, made.ConnectionID, all, false)
		if got := counts(t, again, err); got != (sync.Counts{Unchanged: 9}) {
			t.Errorf("a stopped import left %+v", got)
		}
		allowed, err := w.importCensus(t, made.ConnectionID, census(header, row, 1, 2, 3), true)
		if got := counts(t, allowed, err); got.Left != 6 {
			t.Errorf("allowed: %+v", got)
		}
	})
}

func TestPeopleWhoAreRecognisedAreNoLeavers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		made, err := w.importCensus(t, perch.ID{}, census(header, row, upTo(9)...), false)
		must(t, err)
		for name, text := range map[string]string{
			"by their numbers":       census("Emp ID,Name", "#,Ann#x Roe#x", upTo(9)...),
			"by their SSNs":          census("SSN,Name", "90012300#,Ann#x Roe#x", upTo(9)...),
			"by names and birthdays": census("Name,DOB", "Ann#x Roe#x,1980-01-02", upTo(9)...),
		} {
			result, err := w.importCensus(t, made.ConnectionID, text, false)
			if got := counts(t, result, err); got.Left != 0 || got.Created != 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		few, err := w.importCensus(t, made.ConnectionID, census(header, row, 1, 2, 3, 4), false)
		if got := counts(t, few, err); got.Left != 5 {
			t.Errorf("five may leave: %+v", got)
		}
	})
}
