package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/payitem"
)

// rules measures a page of pay statements without rules and with a thousand of them, turn by turn, on the
// same employer. A labelled line is longer, which costs by itself: so the rules label no line of the page,
// then one item, which is on about every statement, then every line.
func (b bench) rules(ctx context.Context, folder string) error {
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	if err != nil {
		return err
	}
	fmt.Println("\npages of 100 and 1,000 pay statements, 1,000 rules on the connection: processor time of a read, client included, by that without rules")
	plain, err := b.serve(ctx, folder, string(token), nil)
	if err != nil {
		return err
	}
	defer plain.stop()
	names, err := plain.itemNames()
	if err != nil {
		return err
	}
	for i, labelled := range [][]string{nil, names[:1], names} {
		copied := fmt.Sprintf("%s-rules-%d", folder, i)
		if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
			return err
		}
		err := b.compareRules(ctx, plain, copied, string(token), labelled)
		if err := os.RemoveAll(copied); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b bench) compareRules(ctx context.Context, plain *served, folder, token string, labelled []string) error {
	ruled, err := b.serve(ctx, folder, token, func(a *app.App) error { return makeRules(ctx, a, token, labelled) })
	if err != nil {
		return err
	}
	defer ruled.stop()
	for _, size := range []int{100, 1000} {
		request, err := plain.statements(size)
		if err != nil {
			return err
		}
		before, err := plain.fetch(plain.perchAt, request)
		if err != nil {
			return err
		}
		after, err := ruled.fetch(ruled.perchAt, request)
		if err != nil {
			return err
		}
		without, with, err := plain.processorTimes(ruled.perchAt, request)
		if err != nil {
			return err
		}
		fmt.Printf("%4d statements, %2d items labelled: %8s for %4d KiB, %8s for %4d KiB\n", size, len(labelled),
			without.Round(time.Microsecond), len(before)>>10, with.Round(time.Microsecond), len(after)>>10)
		ratio := float64(with) / float64(without)
		line("", ratio, "<= 1.10")
		if len(after) > len(before) {
			line("  by the length of the answer", ratio*float64(len(before))/float64(len(after)), "<= 1.10")
		}
	}
	return nil
}

// processorTimes returns what an answer costs this process, server and client together, at both addresses.
// The difference that is looked for is smaller than what a shared machine does to a clock on the wall, so
// processor time is compared, of many short turns the best.
func (s *served) processorTimes(otherAt string, request wireRequest) (best, bestOther time.Duration, err error) {
	const shortTurns = 12
	d := s.driver
	d.window = s.window / 4
	best, bestOther = time.Hour, time.Hour
	for range shortTurns {
		for _, one := range []struct {
			address string
			best    *time.Duration
		}{{s.perchAt, &best}, {otherAt, &bestOther}} {
			cost, err := d.cost(one.address, request)
			if err != nil {
				return 0, 0, err
			}
			*one.best = min(*one.best, cost)
		}
	}
	return best, bestOther, nil
}

// cost is the processor time for one answer.
func (d driver) cost(address string, request wireRequest) (time.Duration, error) {
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	rate, err := d.load(address, request)
	if err != nil {
		return 0, err
	}
	after, err := processorTime()
	answers := rate * time.Since(began).Seconds()
	return time.Duration(float64(after-before) / answers), err
}

// served is an employer that is served without rate limits.
type served struct {
	driver
	stop func()
}

// serve opens a folder and serves it; prepare may be nil.
func (b bench) serve(ctx context.Context, folder, token string, prepare func(*app.App) error) (*served, error) {
	a, err := app.Open(ctx, app.Config{Data: folder, NoRateLimits: true})
	if err != nil {
		return nil, err
	}
	if prepare != nil {
		if err := prepare(a); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	at, stop, err := listen(a.API.Handler())
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &served{driver{perchAt: at, token: token, window: b.window}, func() { stop(); _ = a.Close() }}, nil
}

// makeRules gives the connection a thousand rules, of which the first label items of the names.
func makeRules(ctx context.Context, a *app.App, token string, names []string) error {
	grant, err := a.Access.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	for i := range payitem.MaxRules {
		name := fmt.Sprintf("Item %d of somebody else", i)
		if i < len(names) {
			name = names[i]
		}
		_, err := a.PayItems.CreateRule(ctx, grant, &grant.Entities[0], payitem.Edit{
			Conditions: []payitem.Condition{{Field: payitem.FieldName, Operator: payitem.OperatorEquals, Value: name}},
			Metadata:   payitem.Metadata{"label": json.RawMessage(`"Base Compensation"`)},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// itemNames lists the names of the employer's items, each once, that of the salary first.
func (s *served) itemNames() ([]string, error) {
	body, err := s.fetch(s.perchAt, s.get("/employer/pay-statement-item"))
	if err != nil {
		return nil, err
	}
	var answer struct{ Responses []struct{ Name string } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	names, seen := []string{"Salary"}, map[string]bool{"Salary": true}
	for _, one := range answer.Responses {
		if !seen[one.Name] {
			seen[one.Name] = true
			names = append(names, one.Name)
		}
	}
	return names, nil
}

// statements returns a request for a page of the newest payment.
func (s *served) statements(size int) (wireRequest, error) {
	body, err := s.fetch(s.perchAt, s.get("/employer/payment?start_date=1990-01-01&end_date=2199-12-31"))
	if err != nil {
		return wireRequest{}, err
	}
	var payments []struct{ ID perch.ID }
	if err := json.Unmarshal(body, &payments); err != nil {
		return wireRequest{}, err
	}
	newest := payments[len(payments)-1].ID
	return s.post("/employer/pay-statement", fmt.Appendf(nil, `{"requests":[{"payment_id":"%s","limit":%d}]}`, newest, size)), nil
}
