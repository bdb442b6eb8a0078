package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/sandbox"
)

// changeRounds is how often a sync that finds nothing and one that finds a change are measured in turn.
const changeRounds = 7

// reborn reads a simulated employer in which one person has another birth date each time it is told.
type reborn struct {
	sandbox.Connector
	born     *perch.Date // nil leaves everyone as they are
	at       int
	everyone bool // have it, and not only the one at this place
}

// Name implements provider.Connector.
func (*reborn) Name() string { return "reborn" }

// organization is what this benchmark reads of a source.
type organization interface {
	provider.Source
	provider.CompanyReader
	provider.PeopleReader
	provider.PayGroupReader
}

type rebornSource struct {
	organization
	connector *reborn
}

// Open implements provider.Connector.
func (r *reborn) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	source, err := r.Connector.Open(ctx, account)
	if err != nil {
		return nil, err
	}
	whole, ok := source.(organization)
	if !ok {
		return nil, errors.New("a simulated employer is no organization")
	}
	return &rebornSource{whole, r}, nil
}

// People implements provider.PeopleReader.
func (s *rebornSource) People(ctx context.Context) iter.Seq2[*provider.Person, error] {
	return func(yield func(*provider.Person, error) bool) {
		i := 0
		for person, err := range s.organization.People(ctx) {
			if err == nil && s.connector.born != nil && (s.connector.everyone || i == s.connector.at) {
				person.Individual.DOB = s.connector.born
			}
			i++
			if !yield(person, err) {
				return
			}
		}
	}
}

// changes measures, in turn, syncs that find nothing and syncs that find one new birth date.
func (b bench) changes(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "perch-bench-changes-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := forgetPeak(); err != nil {
		return err
	}
	connector := &reborn{at: b.people / 2}
	a, err := app.Open(ctx, app.Config{Data: folder, Seed: 1, Connectors: []provider.Connector{connector}})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	application, made, err := b.connectReborn(ctx, a, connector)
	if err != nil {
		return err
	}
	if _, err := b.countedSync(ctx, a, application, made); err != nil {
		return err
	}
	// Each kind is about as often the first of its pair, in case the machine's pace drifts.
	var nothing, one []spent
	for round := range changeRounds {
		for _, changed := range []bool{round%2 == 0, round%2 != 0} {
			if changed {
				born := perch.NewDate(1960, 1, 1+round)
				connector.born = &born
			}
			s, err := b.countedSync(ctx, a, application, made)
			if err != nil {
				return err
			}
			if changed {
				one = append(one, s)
			} else {
				nothing = append(nothing, s)
			}
		}
	}
	fmt.Printf("\nsyncs of %d people in turn, without payroll, the middle of %d\n", b.people, changeRounds)
	fmt.Printf("nothing changed   %8.3f s   %.3f s of processor time, %d events\n", middle(nothing, wall).Seconds(), middle(nothing, cpu).Seconds(), told(nothing))
	fmt.Printf("one birth date    %8.3f s   %.3f s of processor time, %d events\n", middle(one, wall).Seconds(), middle(one, cpu).Seconds(), told(one))
	line("a sync with one change / a sync without", middle(one, wall).Seconds()/middle(nothing, wall).Seconds(), "<= 1.10")
	line("the same, processor time", middle(one, cpu).Seconds()/middle(nothing, cpu).Seconds(), "<= 1.10")
	line("events of a sync with one change", float64(told(one))/changeRounds, "= 1")
	connector.everyone = true
	all, err := b.countedSync(ctx, a, application, made)
	if err != nil {
		return err
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	fmt.Printf("everyone's changed %7.3f s   %.3f s of processor time, %d events\n", all.wall.Seconds(), all.cpu.Seconds(), all.events)
	line("peak memory of the process (MiB)", peak, "< 200")
	return nil
}

// spent is what a sync took and told.
type spent struct {
	wall, cpu time.Duration
	events    int
}

func wall(s spent) time.Duration { return s.wall }
func cpu(s spent) time.Duration  { return s.cpu }

func middle(all []spent, of func(spent) time.Duration) time.Duration {
	sorted := slices.SortedFunc(slices.Values(all), func(x, y spent) int { return cmp.Compare(of(x), of(y)) })
	return of(sorted[len(sorted)/2])
}

func told(all []spent) (events int) {
	for _, s := range all {
		events += s.events
	}
	return events
}

// processorTime is what this process has used so far.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

func (b bench) connectReborn(ctx context.Context, a *app.App, connector *reborn) (access.Application, connection.Created, error) {
	application, _, err := a.Access.CreateApplication(ctx, "bench", perch.ClientSandbox)
	if err != nil {
		return application, connection.Created{}, err
	}
	settings, err := sandbox.NewSettings(1, b.people, perch.NewDate(2026, 1, 15), nil)
	if err != nil {
		return application, connection.Created{}, err
	}
	encoded, err := settings.Encode()
	if err != nil {
		return application, connection.Created{}, err
	}
	made, err := a.Connections.Create(ctx, connection.Request{Application: application, ProviderID: "gusto", Type: perch.ConnectionSimulated,
		Authentication: perch.AuthOAuth, Status: perch.StatusProcessing, Connector: connector.Name(), Settings: encoded,
		Products: []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN, perch.ProductEmployment},
	}, func(*sql.Tx, connection.Created) error { return nil })
	return application, made, err
}

// countedSync measures a sync and counts the events of records that it told.
func (b bench) countedSync(ctx context.Context, a *app.App, application access.Application, made connection.Created) (s spent, err error) {
	end, err := a.Events.Feed(ctx, application.ID, event.Query{Cursor: event.Latest, Limit: 1})
	if err != nil {
		return s, err
	}
	var requested store.Sync
	if err := a.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		requested, _, err = a.Syncs.Request(ctx, tx, application.ID, made.Connection.ID, made.EntityID, "bench")
		return err
	}); err != nil {
		return s, err
	}
	runtime.GC() // what the sync before left behind is not this one's cost
	before, err := processorTime()
	if err != nil {
		return s, err
	}
	if s.wall, _, _, err = timedSync(ctx, a, requested); err != nil {
		return s, err
	}
	after, err := processorTime()
	if err != nil {
		return s, err
	}
	s.cpu = after - before
	s.events, err = countEvents(ctx, a, application, end.Next)
	return s, err
}

func countEvents(ctx context.Context, a *app.App, application access.Application, cursor string) (events int, err error) {
	for more := true; more; {
		page, err := a.Events.Feed(ctx, application.ID, event.Query{Cursor: cursor, Limit: event.MaxPage,
			Types: []perch.EventType{perch.EventIndividualUpdated, perch.EventDirectoryUpdated, perch.EventEmploymentUpdated, perch.EventCompanyUpdated}})
		if err != nil {
			return events, err
		}
		events += len(page.Events)
		cursor, more = page.Next, page.More
	}
	return events, nil
}
