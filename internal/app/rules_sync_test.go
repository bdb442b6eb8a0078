package app_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/perchhq/perch/internal/app"
)

// Items are numbered, and numbers move when items come and go. A read takes statements, marks and catalogue
// from one generation, so each line has the label of its own name however many syncs go on.
func TestLinesKeepTheirLabelsWhileSyncsRun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		rng := rand.New(rand.NewPCG(41, 42))
		s := randomPayroll(rng, 4)
		w := setup(t, config, s)
		w.mustSync()
		for _, name := range itemNames {
			w.create(labels(name, "label of "+name))
		}
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for reads := 0; ; reads++ {
					select {
					case <-done:
						if reads == 0 {
							t.Error("nothing was read meanwhile")
						}
						return
					default:
						w.checkLabels()
					}
				}
			})
		}
		for round := range 30 {
			s.mutate(rng, round)
			w.mustSync()
		}
		close(done)
		readers.Wait()
	})
}

func (w *world) checkLabels() {
	eachLine(w.statementsOf(), func(category, _ string, line map[string]any) {
		attributes, _ := line["attributes"].(map[string]any)
		metadata, _ := attributes["metadata"].(map[string]any)
		name, named := line["name"].(string)
		if want := "label of " + name; named && metadata["label"] != want || !named && metadata != nil {
			w.t.Errorf("%s %q has the metadata %s", category, name, fmt.Sprint(metadata))
		}
	})
}
