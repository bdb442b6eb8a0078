package perch_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	perch "github.com/perchhq/perch"
)

// TestAppendedJSONIsWhatEncodingJSONWrites fills records at random, absent fields and awkward text
// included, and compares both encoders byte for byte.
func TestAppendedJSONIsWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, record := range []interface{ AppendJSON([]byte) []byte }{
		&perch.Company{}, &perch.DirectoryEntry{}, &perch.Individual{}, &perch.Employment{}, &perch.PayGroup{},
		&perch.PayGroupSummary{}, &perch.Payment{}, &perch.PayStatement{},
	} {
		for range 300 {
			fill(rng, reflect.ValueOf(record).Elem())
			var want bytes.Buffer
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(record); err != nil {
				t.Fatal(err)
			}
			if got := record.AppendJSON([]byte("x")); string(got) != "x"+string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))) {
				t.Fatalf("%T\n got %s\nwant %s", record, got, want.Bytes())
			}
		}
	}
}

var texts = []string{"", "Ada", "Zoë", "O'Hara & Sons <x>", "say \"hi\"", "back\\slash", "tab\there", "line\u2028separator", "bad \xff byte", "日本"}

func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case perch.ID:
		v.Set(reflect.ValueOf(perch.NewID()))
		return
	case perch.Date:
		v.Set(reflect.ValueOf(perch.Date(rng.IntN(60_000) - 20_000)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf([]json.RawMessage{nil, json.RawMessage(`{"a": [1, "<"]}`), json.RawMessage(`"L"`)}[rng.IntN(3)]))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.SetZero()
		if rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		if n := rng.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]json.RawMessage{"b": json.RawMessage("1"), "a": json.RawMessage(`"x"`)}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	case reflect.String:
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Int64:
		v.SetInt(rng.Int64N(1_000_000) - 500_000)
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	default:
		panic("fill " + v.Type().String())
	}
}
