package perch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

const someID = "0b9c7f3e-51d2-4a86-9e40-7d1f5a6b8c2d"

// uuid is the form that ParseID must accept, and no other.
var uuid = regexp.MustCompile(`\A[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\z`)

func TestIDsSurviveEveryWayOfWritingThem(t *testing.T) {
	t.Parallel()
	for range 200 {
		id := perch.NewID()
		parsed, err := perch.ParseID(id.String())
		if err != nil || parsed != id {
			t.Fatalf("ParseID(%s) = %s, %v", id, parsed, err)
		}
		upper, err := perch.ParseID(strings.ToUpper(id.String()))
		if err != nil || upper != id {
			t.Fatalf("upper case: %s, %v", upper, err)
		}
		appended, err := id.AppendText([]byte("id="))
		if err != nil || string(appended) != "id="+id.String() {
			t.Fatalf("AppendText: %s, %v", appended, err)
		}
		column, err := id.Value()
		if err != nil {
			t.Fatal(err)
		}
		var fromText, fromBytes perch.ID
		if err := fromText.Scan(column); err != nil || fromText != id {
			t.Fatalf("Scan(text): %s, %v", fromText, err)
		}
		if err := fromBytes.Scan([]byte(id.String())); err != nil || fromBytes != id {
			t.Fatalf("Scan(bytes): %s, %v", fromBytes, err)
		}
	}
}

func TestParseIDRefusesWhatIsNotAUUID(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                   "",
		"without hyphens":           strings.ReplaceAll(someID, "-", ""),
		"in braces":                 "{" + someID + "}",
		"as a URN":                  "urn:uuid:" + someID,
		"one digit short":           someID[:35],
		"one digit long":            someID + "0",
		"a letter beyond f":         "g" + someID[1:],
		"a hyphen as a digit":       "-" + someID[1:],
		"a hyphen in another place": "0b9c7f3-e51d2-4a86-9e40-7d1f5a6b8c2d",
		"space around":              " " + someID[:35],
		"a multi-byte digit":        "٠" + someID[2:],
		"a zero byte":               "\x00" + someID[1:],
		"something very long":       strings.Repeat("0", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := perch.ParseID(text)
			if !errors.Is(err, perch.ErrInvalidID) || !id.IsZero() {
				t.Errorf("got %s, %v", id, err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error repeats %d bytes of the input", len(err.Error()))
			}
			var scanned perch.ID
			if err := scanned.Scan(text); !errors.Is(err, perch.ErrInvalidID) {
				t.Errorf("Scan: %v", err)
			}
			if err := scanned.UnmarshalText([]byte(text)); !errors.Is(err, perch.ErrInvalidID) {
				t.Errorf("UnmarshalText: %v", err)
			}
		})
	}
}

func TestScanningAnIDFromAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	for _, column := range []any{int64(7), 1.5, true, [16]byte{}} {
		var id perch.ID
		if err := id.Scan(column); !errors.Is(err, perch.ErrInvalidID) {
			t.Errorf("Scan(%T) = %v", column, err)
		}
	}
}

func TestTheZeroIDIsNullInADatabase(t *testing.T) {
	t.Parallel()
	column, err := perch.ID{}.Value()
	if column != nil || err != nil {
		t.Errorf("Value() = %v, %v", column, err)
	}
	id := perch.NewID()
	if err := id.Scan(nil); err != nil || !id.IsZero() {
		t.Errorf("Scan(nil) left %s, %v", id, err)
	}
}

func TestIDsInJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		ID     perch.ID         `json:"id"`
		Other  *perch.ID        `json:"other"`
		ByID   map[perch.ID]int `json:"by_id"`
		Listed []perch.ID       `json:"listed"`
	}
	id, err := perch.ParseID(strings.ToUpper(someID))
	if err != nil {
		t.Fatal(err)
	}
	in := holder{ID: id, ByID: map[perch.ID]int{id: 1}, Listed: []perch.ID{id}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"` + someID + `","other":null,"by_id":{"` + someID + `":1},"listed":["` + someID + `"]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var out holder
	if err := json.Unmarshal(text, &out); err != nil || out.ID != id || out.Other != nil || out.ByID[id] != 1 || out.Listed[0] != id {
		t.Errorf("read back %+v, %v", out, err)
	}
	for _, bad := range []string{`{"id":"x"}`, `{"id":7}`, `{"listed":[""]}`} {
		if err := json.Unmarshal([]byte(bad), new(holder)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestV4StampsTheVersionAndTheVariantAndNothingElse(t *testing.T) {
	t.Parallel()
	version4 := regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z`)
	for _, fill := range []byte{0x00, 0xff, 0x55, 0xaa} {
		in := [16]byte(bytes.Repeat([]byte{fill}, 16))
		id := perch.V4(in)
		if !version4.MatchString(id.String()) {
			t.Errorf("%s is no version 4 UUID", id)
		}
		for i := range id {
			if i != 6 && i != 8 && id[i] != fill {
				t.Errorf("byte %d changed to %#x", i, id[i])
			}
		}
		if id[6]&0x0f != fill&0x0f || id[8]&0x3f != fill&0x3f {
			t.Errorf("%s lost bits that are not the version's", id)
		}
		if perch.V4(id) != id {
			t.Errorf("%s changes when it is stamped again", id)
		}
	}
	seen := map[perch.ID]bool{}
	for range 1000 {
		id := perch.NewID()
		if !version4.MatchString(id.String()) || seen[id] {
			t.Fatalf("%s is no fresh version 4 UUID", id)
		}
		seen[id] = true
	}
}

func FuzzParseIDBytes(f *testing.F) {
	for _, seed := range []string{someID, strings.ToUpper(someID), "", strings.Repeat("-", 36), someID + "x", "0b9c7f3e-51d2-4a86-9e40-7d1f5a6b8c2G"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		id, ok := perch.ParseIDBytes(text)
		if ok != uuid.Match(text) {
			t.Fatalf("ParseIDBytes(%q) = %v", text, ok)
		}
		if ok && id.String() != strings.ToLower(string(text)) {
			t.Fatalf("%q came back as %s", text, id)
		}
		if !ok && !id.IsZero() {
			t.Fatalf("%q was refused and left %s", text, id)
		}
		fromText, err := perch.ParseID(string(text))
		if (err == nil) != ok || fromText != id {
			t.Fatalf("ParseID differs: %s, %v", fromText, err)
		}
	})
}
