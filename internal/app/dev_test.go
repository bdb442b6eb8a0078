package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/perchhq/perch/internal/app"
)

func TestALostDevFileMakesAnApplicationOfAnotherName(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		ctx := t.Context()
		a, err := app.Open(ctx, config)
		must(t, err)
		t.Cleanup(func() { must(t, a.Close()) })
		prepare := func() app.DevFile {
			t.Helper()
			dev, err := a.PrepareDev(ctx, "http://localhost:1", "")
			must(t, err)
			return dev
		}
		first := prepare()
		if again := prepare(); again != first {
			t.Error("a second start made another application")
		}
		for range 2 {
			must(t, os.Remove(filepath.Join(config.Data, "dev.json")))
			prepare()
		}
		applications, err := a.Store.Applications(ctx)
		must(t, err)
		names := map[string]int{}
		for _, one := range applications {
			names[one.Name]++
		}
		if len(applications) != 3 || names["Development"] != 1 || names["Development 2"] != 1 || names["Development 3"] != 1 {
			t.Errorf("the applications are %v", names)
		}
		named, err := a.Store.ApplicationsNamed(ctx, "Development")
		must(t, err)
		if named[0].ID.String() != first.ClientID {
			t.Error("the first application lost its name")
		}
	})
}
