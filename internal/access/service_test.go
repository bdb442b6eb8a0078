package access

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	perch "github.com/perchhq/perch"
)

// The rows of the architecture's table of what a state answers.
func TestWhatAConnectionsStateAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		status    perch.ConnectionStatus
		how       perch.AuthenticationType
		published bool
		want      error
	}{
		{"an assisted connection that waits for the employer is pending", perch.StatusPending, perch.AuthAssisted, false, perch.ErrPending},
		{"pending stays pending whatever was published", perch.StatusPending, perch.AuthAssisted, true, perch.ErrPending},
		{"an assisted connection whose account is set up says so", perch.StatusProcessing, perch.AuthAssisted, false, perch.ErrAccountantSetup},
		{"the first sync of an automated connection is in progress", perch.StatusProcessing, perch.AuthOAuth, false, perch.ErrSyncInProgress},
		{"a group is readable from its first publish on", perch.StatusProcessing, perch.AuthOAuth, true, nil},
		{"so is that of an assisted connection", perch.StatusProcessing, perch.AuthAssisted, true, nil},
		{"connected answers", perch.StatusConnected, perch.AuthCredential, true, nil},
		{"a group that was never published is in progress", perch.StatusConnected, perch.AuthAPIToken, false, perch.ErrSyncInProgress},
		{"that of an assisted connection too, once connected", perch.StatusConnected, perch.AuthAssisted, false, perch.ErrSyncInProgress},
		{"refused credentials ask for new ones", perch.StatusReauth, perch.AuthOAuth, true, perch.ErrReauthenticate},
		{"refused credentials ask for new ones before the first publish", perch.StatusReauth, perch.AuthOAuth, false, perch.ErrReauthenticate},
		{"no account asks for one", perch.StatusNoAccountSetup, perch.AuthOAuth, true, perch.ErrAccountSetup},
		{"missing rights ask for them", perch.StatusPermissions, perch.AuthOAuth, true, perch.ErrPermissions},
		{"disconnected is an invalid token", perch.StatusDisconnected, perch.AuthOAuth, true, perch.ErrInvalidToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := grantIn(c.status, c.how)
			for group := range GroupCount {
				if c.published {
					g.Entities[0].Groups[group].Generation = 1
				}
				want := c.want
				if group == Documents && errors.Is(want, perch.ErrSyncInProgress) {
					want = perch.ErrW4SyncRequired // no sync brings documents
				}
				if got := stateError(g, &g.Entities[0], group); !errors.Is(got, want) || (got == nil) != (want == nil) {
					t.Errorf("%s answers %v, want %v", group, got, want)
				}
			}
		})
	}
}

func TestEveryStateHasAnAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range perch.ConnectionStatus("").Values() {
		g := grantIn(status, perch.AuthOAuth)
		if err := stateError(g, &g.Entities[0], Organization); err == nil {
			t.Errorf("%s answers without data", status)
		}
	}
}

func TestOneGroupDoesNotWaitForTheOther(t *testing.T) {
	t.Parallel()
	g := grantIn(perch.StatusProcessing, perch.AuthOAuth)
	g.Entities[0].Groups[Organization].Generation = 1
	if err := stateError(g, &g.Entities[0], Organization); err != nil {
		t.Errorf("organization: %v", err)
	}
	if err := stateError(g, &g.Entities[0], Payroll); !errors.Is(err, perch.ErrSyncInProgress) {
		t.Errorf("payroll: %v", err)
	}
}

func publish(group Group, complete bool) func(*Grant) {
	return func(g *Grant) {
		g.Entities[0].Groups[group] = Publication{Generation: 1, Complete: complete, RetrievedAt: now}
	}
}

func TestWithoutPatienceAReadAnswersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := setup(t), time.Now()
		g := w.grant(t)
		if e, err := w.Await(t.Context(), g, &g.Entities[0], Organization, false, 0); !errors.Is(err, perch.ErrSyncInProgress) {
			t.Errorf("got %v, %v", e, err)
		}
		w.tables.change(token, publish(Organization, false))
		g = w.grant(t)
		if e, err := w.Await(t.Context(), g, &g.Entities[0], Organization, true, 0); err != nil || e.ID != g.Entities[0].ID {
			t.Errorf("what is published in part: %v, %v", e, err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAReadWaitsUntilItsGroupIsPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := setup(t), time.Now()
		go func() {
			<-time.After(3 * time.Second)
			w.tables.change(token, publish(Payroll, true)) // another group
			<-time.After(2 * time.Second)
			w.tables.change(token, publish(Organization, false))
		}()
		g := w.grant(t)
		e, err := w.Await(t.Context(), g, &g.Entities[0], Organization, false, 20*time.Second)
		if err != nil || e.ID != g.Entities[0].ID || e.Groups[Organization].Generation != 1 {
			t.Fatalf("got %+v, %v", e, err)
		}
		if took := time.Since(start); took < 5*time.Second || took > 5*time.Second+pollEvery {
			t.Errorf("it took %v, the publish 5 s", took)
		}
	})
}

func TestAReadOfTheWholeGroupWaitsUntilItIsComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := setup(t), time.Now()
		go func() {
			<-time.After(time.Second)
			w.tables.change(token, publish(Payroll, false))
			<-time.After(time.Second)
			w.tables.change(token, publish(Payroll, true))
		}()
		g := w.grant(t)
		if e, err := w.Await(t.Context(), g, &g.Entities[0], Payroll, true, 20*time.Second); err != nil || !e.Groups[Payroll].Complete {
			t.Fatalf("got %+v, %v", e, err)
		}
		if took := time.Since(start); took < 2*time.Second || took > 2*time.Second+pollEvery {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published, whole bool
		want             error
	}{
		"with sync in progress when nothing is published":   {false, false, perch.ErrSyncInProgress},
		"with what is there when the rest is still missing": {true, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t)
				if c.published {
					w.tables.change(token, publish(Payroll, false))
				}
				g, start := w.grant(t), time.Now()
				e, err := w.Await(t.Context(), g, &g.Entities[0], Payroll, c.whole, 20*time.Second)
				if !errors.Is(err, c.want) || e == nil {
					t.Errorf("got %v, %v", e, err)
				}
				if took := time.Since(start); took < 20*time.Second || took > 20*time.Second+pollEvery {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestOnlyAFirstSyncIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, status := range []perch.ConnectionStatus{perch.StatusPending, perch.StatusReauth, perch.StatusNoAccountSetup, perch.StatusPermissions, perch.StatusDisconnected} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, start := setup(t), time.Now()
				w.tables.change(token, func(g *Grant) { g.Entities[0].Status = status })
				g := w.grant(t)
				if e, err := w.Await(t.Context(), g, &g.Entities[0], Organization, true, time.Minute); err == nil || e != nil {
					t.Errorf("got %v, %v", e, err)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestAHeldProcessingAnswersAtOnceWhateverIsPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := setup(t), time.Now()
		w.tables.change(token, func(g *Grant) {
			e := &g.Entities[0]
			e.Status, e.StatusHeld, e.Groups[Organization] = perch.StatusProcessing, true, Publication{Generation: 3, Complete: true}
		})
		g := w.grant(t)
		if _, err := w.Await(t.Context(), g, &g.Entities[0], Organization, true, time.Minute); !errors.Is(err, perch.ErrSyncInProgress) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAReadThatWaitsEndsWhen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(w *world)
		want    error
	}{
		"the credentials are refused": {func(w *world) {
			w.tables.change(token, func(g *Grant) { g.Entities[0].Status = perch.StatusReauth })
		}, perch.ErrReauthenticate},
		"the connection is disconnected": {func(w *world) {
			g, _ := w.Authenticate(context.Background(), token)
			_ = w.Disconnect(context.Background(), g)
		}, perch.ErrInvalidToken},
		"the token loses the entity": {func(w *world) {
			w.tables.change(token, func(g *Grant) { g.Entities = g.Entities[1:] })
		}, perch.Invalid("entity_ids", "")},
		"the database fails": {func(w *world) { w.tables.failWith(errBroken) }, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, start := setup(t), time.Now()
				go func() {
					<-time.After(time.Second)
					c.happens(w)
				}()
				g := w.grant(t)
				if _, err := w.Await(t.Context(), g, &g.Entities[0], Organization, false, time.Minute); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if took := time.Since(start); took > time.Second+pollEvery {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestAReadThatIsCancelledStopsWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, start := setup(t), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		g := w.grant(t)
		if _, err := w.Await(ctx, g, &g.Entities[0], Organization, false, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCreateApplicationChecksItsInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name string
		kind perch.ClientType
		want string // the start of the message, or nothing
	}{
		"a name and a type are enough":      {"Payday", perch.ClientSandbox, ""},
		"development is a type":             {"Payday", perch.ClientDevelopment, ""},
		"production is a type":              {"Payday", perch.ClientProduction, ""},
		"a name of 200 bytes fits":          {strings.Repeat("x", 200), perch.ClientSandbox, ""},
		"the name is missing":               {"", perch.ClientSandbox, "name: "},
		"the name is only space":            {" \t\n", perch.ClientSandbox, "name: "},
		"a name of 201 bytes is too long":   {strings.Repeat("x", 201), perch.ClientSandbox, "name: "},
		"a type in capitals is another one": {"Payday", "Sandbox", "type: "},
		"the type is missing":               {"Payday", "", "type: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			app, secret, err := w.CreateApplication(t.Context(), c.name, c.kind)
			if c.want != "" {
				var known *perch.Error
				if !errors.As(err, &known) || known.Name != perch.NameInvalidRequest || !strings.HasPrefix(known.Message, c.want) {
					t.Errorf("got %v", err)
				}
				if len(w.tables.applications) != 0 || secret != "" {
					t.Error("an application was made all the same")
				}
				return
			}
			must(t, err)
			if app.Name != c.name || app.Type != c.kind || !app.CreatedAt.Equal(now) || len(secret) < 43 {
				t.Errorf("made %+v with a secret of %d characters", app, len(secret))
			}
		})
	}
}

func TestApplicationsGetSecretsOfTheirOwnWhichAreNotStored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, first, err := w.CreateApplication(t.Context(), " Payday ", perch.ClientSandbox)
	must(t, err)
	other, second, err := w.CreateApplication(t.Context(), "Payday", perch.ClientSandbox)
	must(t, err)
	if one.ID == other.ID || first == second || one.Name != "Payday" {
		t.Errorf("%+v and %+v", one, other)
	}
	kept := w.tables.secrets[one.ID]
	if !bytes.Equal(kept, HashSecret(first)) || bytes.Contains(kept, []byte(first)) {
		t.Error("what is stored is not the hash")
	}
}

func TestAuthenticateClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	app, secret, err := w.CreateApplication(t.Context(), "Payday", perch.ClientSandbox)
	must(t, err)
	other, otherSecret, err := w.CreateApplication(t.Context(), "Other", perch.ClientSandbox)
	must(t, err)
	for name, c := range map[string]struct {
		id, secret string
		want       error
	}{
		"with its own id and secret":            {app.ID.String(), secret, nil},
		"with its id in capitals":               {strings.ToUpper(app.ID.String()), secret, nil},
		"with the secret of another":            {app.ID.String(), otherSecret, perch.ErrInvalidClient},
		"with the id of another":                {other.ID.String(), secret, perch.ErrInvalidClient},
		"with an id that nobody has":            {perch.NewID().String(), secret, perch.ErrInvalidClient},
		"with an id that is none":               {"payday", secret, perch.ErrInvalidClient},
		"without an id":                         {"", secret, perch.ErrInvalidClient},
		"without a secret":                      {app.ID.String(), "", perch.ErrInvalidClient},
		"with a secret that is a part of it":    {app.ID.String(), secret[:42], perch.ErrInvalidClient},
		"with the secret in another case":       {app.ID.String(), strings.ToUpper(secret), perch.ErrInvalidClient},
		"with the hash in place of the secret":  {app.ID.String(), string(HashSecret(secret)), perch.ErrInvalidClient},
		"with space behind the secret":          {app.ID.String(), secret + " ", perch.ErrInvalidClient},
		"with the id and secret the other way ": {secret, app.ID.String(), perch.ErrInvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := w.AuthenticateClient(t.Context(), c.id, c.secret)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil && got.ID != app.ID || err != nil && got != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAClientIsNotRefusedBecauseTheDatabaseFails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tables.failWith(errBroken)
	if _, err := w.AuthenticateClient(t.Context(), perch.NewID().String(), "x"); !errors.Is(err, errBroken) || errors.Is(err, perch.ErrInvalidClient) {
		t.Errorf("got %v", err)
	}
	if _, _, err := w.CreateApplication(t.Context(), "x", perch.ClientSandbox); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
