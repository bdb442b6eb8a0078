package e2e

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// snapshot is everything that a token can read, as it came over the wire.
type snapshot map[string]string

func (s *server) snapshot(t *testing.T, token string) snapshot {
	t.Helper()
	all := snapshot{}
	read := func(name, method, path string, body any) {
		got := s.request(t, method, path, body, bearer(token))
		if got.status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", name, got.status, got.body)
		}
		all[name] = string(got.body)
	}
	everyone := people(s.everyone(t, token)...)
	everyone["options"] = map[string]any{"include": []string{"ssn"}}
	read("company", http.MethodGet, "/employer/company", nil)
	read("directory", http.MethodGet, "/employer/directory", nil)
	read("individuals", http.MethodPost, "/employer/individual", everyone)
	read("employments", http.MethodPost, "/employer/employment", everyone)
	read("payments", http.MethodGet, allPayments, nil)
	read("pay groups", http.MethodGet, "/employer/pay-groups", nil)
	var groups []perch.PayGroupSummary
	s.get(t, token, "/employer/pay-groups").into(t, &groups)
	for _, group := range groups {
		read("pay group "+group.Name, http.MethodGet, "/employer/pay-groups/"+group.ID.String(), nil)
	}
	for i, payment := range s.payments(t, token) {
		read("statements "+strconv.Itoa(i), http.MethodPost, "/employer/pay-statement", statements(payment.ID.String()))
	}
	return all
}

func (all snapshot) sameAs(t *testing.T, after snapshot) {
	t.Helper()
	if len(all) != len(after) {
		t.Errorf("%d answers before, %d after", len(all), len(after))
	}
	for name, body := range all {
		if after[name] != body {
			t.Errorf("%s differs:\n%.300s\n%.300s", name, body, after[name])
		}
	}
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// withoutIDs takes out what is drawn anew for every connection.
func (all snapshot) withoutIDs() snapshot {
	plain := snapshot{}
	for name, body := range all {
		plain[name] = uuid.ReplaceAllString(body, "id")
	}
	return plain
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		first := start(t, config)
		client := first.application(t, perch.ClientSandbox)
		made := first.ready(t, client, `{"provider_id":"paycor"}`)
		before := first.snapshot(t, made.AccessToken)
		if err := first.stop(); err != nil {
			t.Fatalf("stopping: %v", err)
		}
		second := start(t, config)
		before.sameAs(t, second.snapshot(t, made.AccessToken))
		second.ready(t, client, `{"provider_id":"paycor","employee_size":1}`)
		if last := second.sync(t, client, made); last.FinishedAt.IsZero() {
			t.Errorf("after the restart a sync ended as %s", last.State)
		}
		before.sameAs(t, second.snapshot(t, made.AccessToken))
	})
}

func TestSeedDecidesTheData(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Now = fixed
		employer := func(seed uint64) snapshot {
			config := elsewhere(t, config)
			config.Seed = seed
			s := start(t, config)
			made := s.ready(t, s.application(t, perch.ClientSandbox), `{"provider_id":"paycor","employee_size":9}`)
			return s.snapshot(t, made.AccessToken).withoutIDs()
		}
		seven := employer(7)
		seven.sameAs(t, employer(7))
		for name, seed := range map[string]uint64{"another seed": 8, "no seed": 0} {
			if employer(seed)["individuals"] == seven["individuals"] {
				t.Errorf("%s makes the same people", name)
			}
		}
	})
}

func TestSecondConnectionOfASeedDiffers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Seed, config.Now = 7, fixed
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		first := s.ready(t, client, held)
		second := s.ready(t, client, held)
		if s.snapshot(t, first.AccessToken).withoutIDs()["individuals"] == s.snapshot(t, second.AccessToken).withoutIDs()["individuals"] {
			t.Error("two employers have the same people")
		}
	})
}
