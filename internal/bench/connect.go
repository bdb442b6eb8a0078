package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connect"
)

// visits is how many visits to Connect are measured, and slowest what a step may take.
const (
	visits  = 60
	slowest = 20 * time.Millisecond
)

// visit is one employer's way through Connect: what each page is sent, after the link was opened.
var visit = [...]struct {
	step string
	form url.Values
}{
	{"consent to the whole catalogue", url.Values{"verb": {"agree"}}},
	{"choose a provider", url.Values{"verb": {"choose"}, "provider": {"alcott_hr"}}},
	{"a wrong password", url.Values{"verb": {"submit"}, "username": {"good_user"}, "password": {"wrong"}}},
	{"a password", url.Values{"verb": {"submit"}, "username": {"good_user"}, "password": {"mfa_account_selection"}}},
	{"a second factor", url.Values{"verb": {"submit"}, "code": {"123456"}}},
	{"choose accounts and connect", url.Values{"verb": {"choose"}, "account": {"0", "1"}}},
	{"look at the progress", url.Values{"verb": {"refresh"}}},
	{"finish", url.Values{"verb": {"finish"}}},
}

var nonceField = regexp.MustCompile(`name="nonce" value="([^"]+)"`)

// connects measures how long the server takes for each step of Connect, on a database of its own.
func (b bench) connects(ctx context.Context, folder string) (err error) {
	a, err := app.Open(ctx, app.Config{Data: filepath.Join(folder, "connect"), NoRateLimits: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	client, _, err := a.Access.CreateApplication(ctx, "Bench", perch.ClientSandbox)
	if err != nil {
		return err
	}
	took := map[string][]time.Duration{}
	for n := range visits {
		session, err := a.Connect.CreateSession(ctx, &client, connect.NewSession{CustomerID: fmt.Sprint(n), CustomerName: "Blue Harbor Coffee",
			Products: []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductPayment}})
		if err != nil {
			return err
		}
		if err := measureVisit(a.Handler(), session.String(), took); err != nil {
			return err
		}
	}
	fmt.Printf("\nConnect: %d visits, SQLite, time on the server (wanted: under %s)\n", visits, slowest)
	fmt.Printf("%-34s %10s %10s %10s\n", "step", "median", "95 %", "longest")
	steps := []string{"open the link"}
	for _, v := range visit {
		steps = append(steps, v.step)
	}
	for _, step := range steps {
		all := took[step]
		slices.SortFunc(all, cmp.Compare[time.Duration])
		fmt.Printf("%-34s %10s %10s %10s\n", step, brief(all[len(all)/2]), brief(all[len(all)*95/100]), brief(all[len(all)-1]))
	}
	return nil
}

func brief(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func measureVisit(handler http.Handler, session string, took map[string][]time.Duration) error {
	page, err := answered(handler, httptest.NewRequest(http.MethodGet, "/authorize?"+url.Values{"session": {session}, "app_type": {"spa"},
		"sdk_host_url": {"http://localhost:3000"}}.Encode(), nil), "open the link", took)
	for _, v := range visit {
		if err != nil {
			return err
		}
		nonce := nonceField.FindStringSubmatch(page)
		if nonce == nil {
			return fmt.Errorf("before %q: the page has no form", v.step)
		}
		form := url.Values{"session": {session}, "nonce": {nonce[1]}}
		for name, values := range v.form {
			form[name] = values
		}
		r := httptest.NewRequest(http.MethodPost, "/connect/step", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Perch-Script", "1")
		page, err = answered(handler, r, v.step, took)
	}
	if err == nil && !strings.Contains(page, "success") {
		return errors.New("the visit did not end with a code")
	}
	return err
}

// answered answers one request and notes how long that took.
func answered(handler http.Handler, r *http.Request, step string, took map[string][]time.Duration) (string, error) {
	w := httptest.NewRecorder()
	began := time.Now()
	handler.ServeHTTP(w, r)
	took[step] = append(took[step], time.Since(began))
	body, err := io.ReadAll(w.Body)
	if err == nil && w.Code != http.StatusOK {
		err = fmt.Errorf("%s: answer %d", step, w.Code)
	}
	return string(body), err
}
