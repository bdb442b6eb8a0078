package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestBatchesAreReadInAnyForm(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"requests":[]}`: ` false`,
		" \t\r\n{ \"requests\" : [ { \"individual_id\" : \"a\" } ] } \n":                                        `a false`,
		`{"options":{"include":["ssn"]},"requests":[{"individual_id":"a"}]}`:                                    `a true`,
		`{"requests":[{"individual_id":"a"}],"options":{}}`:                                                     `a false`,
		`{"requests":[{"individual_id":"a"}],"options":{"include":[]}}`:                                         `a false`,
		`{"requests":[{"individual_id":"a"}],"options":{"x":1,"include":["ssn","ssn"]}}`:                        `a true`,
		`{"requests":[{"x":[1,{"y":null}],"individual_id":"a","z":-1.5e+3},{"individual_id":""}],"Requests":1}`: `a, false`,
		`{"\u0072equests":[{"individual_id":"\u0061\n\ud83d\ude00"}]}`:                                          "a\n😀 false",
		`{"requests":[{"individual_id":"é"}]}`:                                                                  `é false`,
		"{\"requests\":[{\"individual_id\":\"\xff\"}]}":                                                         "\ufffd false",
		`{"requests":[{"individual_id":"143-78-2004"}],"a":true,"b":false,"c":null,"d":0,"e":""}`:               `143-78-2004 false`,
	} {
		b, err := decodeBatch([]byte(body), 10)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got := fmt.Sprintf("%s %v", bytes.Join(b.ids, []byte(",")), b.includeSSN); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestErrorsDoNotQuoteTheBody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"requests":[{"individual_id":143782004}]}`, `{"requests":[{"individual_id":"143782004`, `{"requests":["143782004"]}`,
		`{"requests":[],"options":{"include":["143782004"]}}`, `143782004`, `"143782004"`, `{"143782004":x}`,
	} {
		if _, err := decodeBatch([]byte(body), 10); err == nil || strings.Contains(err.Error(), "2004") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestABatchStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	body := []byte(batchOf(10) + "garbage")
	if b, err := decodeBatch([]byte(batchOf(10)), 10); err != nil || len(b.ids) != 10 {
		t.Errorf("the largest batch: %d ids, %v", len(b.ids), err)
	}
	if _, err := decodeBatch(body, 9); err == nil || !strings.Contains(err.Error(), "batch_limit_exceeded") {
		t.Errorf("got %v", err)
	}
}

// oracle reads a batch with encoding/json, token by token, under the same rules.
type oracle struct {
	d   *json.Decoder
	ids []string
	ssn bool
}

var errRules = errors.New("against the rules")

func readOracle(body []byte) (*oracle, error) {
	o := &oracle{d: json.NewDecoder(bytes.NewReader(body))}
	o.d.UseNumber()
	requests := false
	err := o.object(map[string]func() error{
		"requests": func() error { requests = true; return o.list(o.request) },
		"options":  o.options,
	})
	if err != nil {
		return nil, err
	}
	if _, err := o.d.Token(); err != io.EOF || !requests || !json.Valid(body) {
		return nil, errRules
	}
	return o, nil
}

func (o *oracle) object(fields map[string]func() error) error {
	if token, err := o.d.Token(); err != nil || token != json.Delim('{') {
		return errRules
	}
	seen := make(map[string]bool)
	for o.d.More() {
		token, err := o.d.Token()
		if err != nil {
			return err
		}
		key := token.(string)
		read := fields[key]
		if read == nil {
			read = func() error { var skipped json.RawMessage; return o.d.Decode(&skipped) }
		} else if seen[key] {
			return errRules
		}
		seen[key] = true
		if err := read(); err != nil {
			return err
		}
	}
	_, err := o.d.Token()
	return err
}

func (o *oracle) list(read func() error) error {
	if token, err := o.d.Token(); err != nil || token != json.Delim('[') {
		return errRules
	}
	for o.d.More() {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := o.d.Token()
	return err
}

func (o *oracle) text() (string, error) {
	token, err := o.d.Token()
	text, ok := token.(string)
	if err != nil || !ok {
		return "", errRules
	}
	return text, nil
}

func (o *oracle) request() error {
	found := false
	err := o.object(map[string]func() error{"individual_id": func() error {
		found = true
		id, err := o.text()
		if len(id) > maxIDLength {
			return errRules
		}
		o.ids = append(o.ids, id)
		return err
	}})
	if err == nil && !found {
		return errRules
	}
	return err
}

func (o *oracle) options() error {
	var raw json.RawMessage
	if err := o.d.Decode(&raw); err != nil {
		return err
	}
	if string(raw) == "null" {
		return nil
	}
	inner := &oracle{d: json.NewDecoder(bytes.NewReader(raw))}
	err := inner.object(map[string]func() error{"include": func() error {
		return inner.list(func() error {
			text, err := inner.text()
			if err == nil && text != "ssn" {
				return errRules
			}
			o.ssn = true
			return err
		})
	}})
	return err
}

// commonForms are bodies with entries that the decoder passes in its tight loop, and near misses.
func commonForms() []string {
	three := batchOf(3)
	return []string{three, strings.Replace(three, "},", "} ,", 1), strings.Replace(three, "},", "}, ", 1),
		strings.Replace(three, "0d9a", `0d"a`, 1), strings.Replace(three, "0d9a", `0d\\/`, 1), strings.Replace(three, "0d9a", "0d\x01a", 1),
		strings.Replace(three, "0d9a", "0d\xc3\xa9", 2), strings.Replace(three, "}]", "},]", 1), strings.Replace(three, "}]", "},", 1),
		strings.Replace(three, "individual_id", "individual_ID", 1), strings.Replace(three, anID, "short", 1), three[:len(three)/2]}
}

func TestCommonFormsAreReadLikeAllOthers(t *testing.T) {
	t.Parallel()
	for _, body := range commonForms() {
		got, err := decodeBatch([]byte(body), 1000)
		want, wantErr := readOracle([]byte(body))
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%q: got %v, want %v", body, err, wantErr)
		} else if err == nil && string(bytes.Join(got.ids, []byte(","))) != strings.Join(want.ids, ",") {
			t.Errorf("%q: got %q, want %q", body, got.ids, want.ids)
		}
	}
	_, err := decodeBatch([]byte(strings.Replace(batchOf(3), anID+`"}]`, anID+`x"},{"individual_id":7}]`, 1)), 1000)
	if err == nil || !strings.Contains(err.Error(), "requests[3].individual_id") {
		t.Errorf("the place of the error is wrong: %v", err)
	}
}

func FuzzBatch(f *testing.F) {
	for _, body := range commonForms() {
		f.Add([]byte(body))
	}
	for _, body := range []string{
		`{"requests":[{"individual_id":"a"}],"options":{"include":["ssn"]}}`, `{"requests":[]}`, `{"requests":null}`, `{}`, ``, `[]`,
		`{"requests":[{"individual_id":"\u00e9\\\""}],"x":[1,-0.5e10,true,false,null,{"y":"z"}]}`, `{"requests":[{"individual_id":1}]}`,
		`{"options":null,"requests":[{"individual_id":"a","individual_id":"b"}]}`, `{"requests":[{}]} x`, `{"a":01}`, `{"a":1.}`, `{"a":-}`,
		"{\"requests\":[{\"individual_id\":\"\xff\"}]}", "{\"requests\":[{\"individual_id\":\"\x01\"}]}", `{"requests":[],}`, `{"requests":[,]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > maxDepth {
			t.Skip() // the depth limits differ
		}
		got, err := decodeBatch(body, 1000)
		want, wantErr := readOracle(body)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: got %v, want %v", body, err, wantErr)
		}
		if err != nil {
			return
		}
		if len(got.ids) != len(want.ids) || got.includeSSN != want.ssn {
			t.Fatalf("%q: got %d ids, %v; want %d, %v", body, len(got.ids), got.includeSSN, len(want.ids), want.ssn)
		}
		for i := range got.ids {
			if string(got.ids[i]) != want.ids[i] {
				t.Fatalf("%q: id %d is %q, want %q", body, i, got.ids[i], want.ids[i])
			}
		}
	})
}

func FuzzBodiesNeverPanic(f *testing.F) {
	f.Add([]byte(exampleStatementsRequest))
	f.Add([]byte(exampleSandboxRequest))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decodeStatements(body, statementLimits{requests: 10, page: 5000, defaultPage: 100})
		if err == nil && (len(list) == 0 || len(list) > 10 || !json.Valid(body)) {
			t.Errorf("%q gave %d requests", body, len(list))
		}
		for _, one := range list {
			if err == nil && (one.Limit < 0 || one.Limit > 5000 || one.Offset < 0 || one.Offset > maxInteger) {
				t.Errorf("%q gave %+v", body, one)
			}
		}
		if r, err := decodeSandboxConnection(body); err == nil && (r.ProviderID == "" || r.EmployeeSize < 0 || !json.Valid(body)) {
			t.Errorf("%q gave %+v", body, r)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("limit=1&a[]=1,2&a[0]=%2C")
	f.Fuzz(func(t *testing.T, raw string) {
		_, _, _ = query(raw).one("limit")
		_ = query(raw).each("a", func(string) error { return nil })
	})
}

func BenchmarkDecodeBatch(b *testing.B) {
	body := []byte(batchOf(1000))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeBatch(body, maxIndividuals); err != nil {
			b.Fatal(err)
		}
	}
}
