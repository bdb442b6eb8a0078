package document

import (
	"errors"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestEntriesSurviveEncoding(t *testing.T) {
	t.Parallel()
	want := entry{id: perch.NewID(), individual: perch.NewID(), year: 2026, kind: perch.DocumentW42020}
	stored := want.append(nil)
	got, err := decodeEntry(stored)
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for length := range 33 {
		if _, err := decodeEntry(stored[:length]); !errors.Is(err, errMalformed) {
			t.Errorf("%d bytes are an entry: %v", length, err)
		}
	}
}
