package file

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const staffHeader = "Emp ID,First Name,Last Name,SSN,DOB,Hire Date,Termination Date,Department,Manager ID,Annual Salary\n"

// staff is a census of so many people; edit changes the row of one, or drops it by returning nothing.
func staff(n int, edit func(i int, row string) string) string {
	var b strings.Builder
	b.WriteString(staffHeader)
	for i := 1; i <= n; i++ {
		row := fmt.Sprintf("%d,Ann%d,Roe%d,9001230%02d,1980-01-02,2015-01-05,,Dept %d,1,%d000\n", i, i, i, i, i%3, 50+i)
		if edit != nil {
			row = edit(i, row)
		}
		b.WriteString(row)
	}
	return b.String()
}

func readStaff(t testing.TB, text string, before *Snapshot) *Source {
	t.Helper()
	s, err := Open([]File{{Name: "staff.csv", Kind: Census, Content: []byte(text)}}, Mapping{}, Options{Now: in2026, Snapshot: true, Before: before})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func kept(t testing.TB, s *Source, before *Snapshot) *Snapshot {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteSnapshot(&b, before); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSnapshot(&b, int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestAComparisonSaysWhatWouldChange(t *testing.T) {
	t.Parallel()
	before := kept(t, readStaff(t, staff(20, nil), nil), nil)
	now := readStaff(t, staff(22, func(i int, row string) string {
		switch i {
		case 2:
			return "" // left
		case 3:
			return strings.Replace(row, "53000", "93000", 1) // up by three quarters
		case 4:
			return strings.Replace(row, "54000", "55000", 1)
		case 5:
			return strings.Replace(row, "Roe5", "Smith", 1)
		case 6:
			return "6" + strings.Replace(row, "Dept 0", "Sales", 1) // another number: known by the SSN, but contradicted
		case 7:
			return strings.Replace(row, "Dept 1,1,", "Dept 1,2,", 1)
		}
		return row
	}), before)
	c := now.Compare(before)
	if c.First || c.Before != 20 || c.After != 21 || c.Joined != 3 || c.Left != 2 || c.Changed != 4 || c.Unchanged != 14 || c.Jumps != 1 || c.ManyLeavers {
		t.Errorf("compared: %+v", c)
	}
	if fmt.Sprint(c.Joiners) != "[Ann6 Roe6 Ann21 Roe21 Ann22 Roe22]" || fmt.Sprint(c.Leavers) != "[Ann2 Roe2 Ann6 Roe6]" {
		t.Errorf("joined %v, left %v", c.Joiners, c.Leavers)
	}
	if first := c.Changes[0]; !first.Jump || first.Row != 3 || first.Before != 53000_00 || first.After != 93000_00 {
		t.Errorf("the jump is not first: %+v", c.Changes)
	}
	if want := []AspectCount{{"pay", 2}, {"name", 1}, {"manager", 1}}; !reflect.DeepEqual(c.Aspects, want) {
		t.Errorf("aspects %v", c.Aspects)
	}
}

func TestManyLeaversAreNoticed(t *testing.T) {
	t.Parallel()
	before := kept(t, readStaff(t, staff(20, nil), nil), nil)
	if c := readStaff(t, staff(13, nil), before).Compare(before); c.Left != 7 || !c.ManyLeavers {
		t.Errorf("compared: %+v", c)
	}
	if c := readStaff(t, staff(15, nil), before).Compare(before); c.Left != 5 || c.ManyLeavers {
		t.Errorf("compared: %+v", c)
	}
}

// What was the same last time is not read again; everything that comes out is as if it had been.
func TestReadingOnTopOfTheLastTimeChangesNothing(t *testing.T) {
	t.Parallel()
	edit := func(i int, row string) string {
		switch {
		case i == 4:
			return strings.Replace(row, "1980-01-02", "never", 1) // a problem has to be said again
		case i == 5:
			return strings.Replace(row, "2015-01-05", "2026-09-01", 1) // depends on the day
		case i == 6:
			return strings.Replace(row, "2015-01-05", "1/5/15", 1) // so does this
		}
		return row
	}
	text := staff(3000, edit)
	plain := readStaff(t, text, nil)
	before := kept(t, plain, nil)
	changed := strings.Replace(text, ",52000\n", ",52500\n", 1)
	fresh, onTop := readStaff(t, changed, nil), readStaff(t, changed, before)
	reused := 0
	for _, e := range onTop.people {
		if e.before > 0 {
			reused++
		}
	}
	if reused != 3000-4 {
		t.Errorf("%d rows were taken over", reused)
	}
	if !reflect.DeepEqual(fresh.Problems(), onTop.Problems()) || !reflect.DeepEqual(fresh.company, onTop.company) {
		t.Errorf("problems %v, company %v", onTop.Problems(), onTop.company)
	}
	want, got := []any{}, []any{}
	for p := range fresh.People(context.Background()) {
		want = append(want, *p)
	}
	for p := range onTop.People(context.Background()) {
		got = append(got, *p)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the people are not the same")
	}
	if a, b := fresh.Compare(before), onTop.Compare(before); !reflect.DeepEqual(a, b) {
		t.Errorf("compared %+v, want %+v", b, a)
	}
	var one, other bytes.Buffer
	if err := fresh.WriteSnapshot(&one, nil); err != nil {
		t.Fatal(err)
	}
	if err := onTop.WriteSnapshot(&other, before); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), other.Bytes()) {
		t.Error("the next snapshot is another one")
	}
	// A row that is read by another mapping is not the same.
	if s, err := Open([]File{{Name: "staff.csv", Kind: Census, Content: []byte(text)}}, Mapping{Census: &SheetMapping{Columns: []Column{{Column: "Annual Salary", Field: FieldIgnore}}}},
		Options{Now: in2026, Snapshot: true, Before: before}); err != nil || s.people[0].before != 0 {
		t.Errorf("another mapping: %v", err)
	}
}

func TestPaymentsAreComparedWithTheOneBefore(t *testing.T) {
	t.Parallel()
	register := func(gross string, days ...string) string {
		text := "Check Date,Emp ID,Name,Gross,Net\n"
		for _, d := range days {
			text += d + ",1,Ann Roe," + gross + ",100\n"
		}
		return text
	}
	open := func(text string, before *Snapshot) *Source {
		s, err := Open([]File{{Name: "pay.csv", Kind: Payroll, Content: []byte(text)}}, Mapping{}, Options{Now: in2026, Snapshot: true, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := kept(t, open(register("100", "2026-01-09", "2026-01-23"), nil), nil)
	c := open(register("300", "2026-01-23", "2026-02-06"), before).Compare(before)
	if len(c.Payments) != 2 || c.Payments[0].New || !c.Payments[0].Changed || !c.Payments[0].Jump || !c.Payments[1].New || c.Payments[1].Changed || c.Left != 0 {
		t.Errorf("compared: %+v", c)
	}
	if again := kept(t, open(register("300", "2026-02-06"), before), before); len(again.payments) != 3 {
		t.Errorf("payments before are forgotten: %+v", again.payments)
	}
}

func FuzzReadSnapshot(f *testing.F) {
	var b bytes.Buffer
	if err := readStaff(f, staff(3, nil), nil).WriteSnapshot(&b, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{snapshotVersion})
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := ReadSnapshot(bytes.NewReader(content), 0)
		if err != nil {
			return
		}
		for i := range s.offsets {
			s.person(i)
			s.raw(i)
			s.department(i)
		}
		readStaff(t, staff(3, nil), s).Compare(s)
	})
}

// A column of one value, or one row, must not take long.
func TestALargeCensusIsReadInBoundedTime(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := readStaff(t, staffHeader+strings.Repeat("1,Ann,Roe,900123001,1980-01-02,2015-01-05,,Dept,1,50000\n", 50_000), nil)
	if len(s.people) != 1 || time.Since(began) > time.Minute {
		t.Errorf("%d people in %s", len(s.people), time.Since(began))
	}
}
