package sandbox

import (
	"regexp"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

var einForm = regexp.MustCompile(`^\d{2}-\d{7}$`)

func TestEINsAreWrittenAsTheIRSDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		settings, err := NewSettings(seed, 1, perch.NewDate(2026, 3, 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := settings.Encode()
		if err != nil {
			t.Fatal(err)
		}
		source, err := (Connector{}).Open(t.Context(), provider.Account{Settings: text})
		if err != nil {
			t.Fatal(err)
		}
		company, err := source.(provider.CompanyReader).Company(t.Context())
		if err != nil || !einForm.MatchString(*company.EIN) {
			t.Errorf("seed %d: %v, %v", seed, company.EIN, err)
		}
	}
}
