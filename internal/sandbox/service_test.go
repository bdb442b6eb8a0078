package sandbox_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider/catalog"
	employer "github.com/perchhq/perch/provider/sandbox"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// queue notes which syncs were asked for.
type queue struct {
	entities []perch.ID
	fail     error
}

func (q *queue) Enqueue(_ context.Context, _ *sql.Tx, _, _, entity perch.ID, _ string) error {
	q.entities = append(q.entities, entity)
	return q.fail
}

// world is a service over a SQLite file, with one sandbox application.
type world struct {
	*sandbox.Service
	queue *queue
	app   access.Application
}

func setup(t *testing.T, seed uint64) *world {
	t.Helper()
	ctx, folder := t.Context(), t.TempDir()
	database, err := db.Open(ctx, filepath.Join(folder, "perch.db"))
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.Migrate(ctx))
	keys, err := db.OpenKeys(ctx, filepath.Join(folder, "keys.db"))
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	must(t, keys.MigrateKeys(ctx))
	rows, err := store.New(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	master, err := secret.NewLocal([secret.KeySize]byte{1})
	must(t, err)
	clock := func() time.Time { return now }
	w := &world{queue: &queue{}, app: access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientSandbox, CreatedAt: now}}
	must(t, rows.InsertApplication(ctx, w.app, []byte("hash")))
	w.Service = &sandbox.Service{
		Connections: &connection.Service{Store: rows, Keyring: secret.NewKeyring(master, store.NewKeys(keys, clock)),
			Identity: secret.NewIdentity([secret.KeySize]byte{2}), Now: clock},
		Catalog: catalog.Load, Syncs: w.queue, Now: clock, Seed: seed,
	}
	return w
}

func (w *world) create(t *testing.T, request sandbox.Request) sandbox.Created {
	t.Helper()
	made, err := w.CreateConnection(t.Context(), &w.app, request)
	must(t, err)
	return made
}

// settings opens what the connector will be given.
func (w *world) settings(t *testing.T, made sandbox.Created) employer.Settings {
	t.Helper()
	account, err := w.Connections.Store.Account(t.Context(), made.ConnectionID, made.EntityID)
	must(t, err)
	if account.Connector != employer.Name {
		t.Errorf("the connector is %s", account.Connector)
	}
	keys, err := w.Connections.Keyring.Cipher(t.Context(), made.ConnectionID)
	must(t, err)
	plain, err := keys.Open(nil, account.Settings, sync.SettingsPlace(made.EntityID))
	must(t, err)
	settings, err := employer.Decode(plain)
	must(t, err)
	return settings
}

func (w *world) status(t *testing.T, made sandbox.Created) perch.ConnectionStatus {
	t.Helper()
	g, err := w.Connections.Store.Grant(t.Context(), access.HashSecret(made.AccessToken))
	must(t, err)
	if g.Connection.Status != g.Entities[0].Status || !slices.Equal(g.Products, made.Products) {
		t.Errorf("granted %+v, made %+v", g, made)
	}
	return g.Connection.Status
}

func TestARequestThatCannotBeMetNamesTheField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    perch.ClientType
		request sandbox.Request
		field   string
	}{
		"a production application":               {perch.ClientProduction, sandbox.Request{ProviderID: "gusto"}, "client_id"},
		"a development application":              {perch.ClientDevelopment, sandbox.Request{ProviderID: "gusto"}, "client_id"},
		"a provider that nobody knows":           {perch.ClientSandbox, sandbox.Request{ProviderID: "nobody"}, "provider_id"},
		"no provider":                            {perch.ClientSandbox, sandbox.Request{}, "provider_id"},
		"a provider's name in place of its id":   {perch.ClientSandbox, sandbox.Request{ProviderID: "Gusto"}, "provider_id"},
		"a method that the provider does not do": {perch.ClientSandbox, sandbox.Request{ProviderID: "gusto", AuthenticationType: perch.AuthCredential}, "authentication_type"},
		"a method that does not exist":           {perch.ClientSandbox, sandbox.Request{ProviderID: "gusto", AuthenticationType: "telepathy"}, "authentication_type"},
		"fewer people than one":                  {perch.ClientSandbox, sandbox.Request{ProviderID: "gusto", EmployeeSize: -1}, "employee_size"},
		"more people than there can be":          {perch.ClientSandbox, sandbox.Request{ProviderID: "gusto", EmployeeSize: employer.MaxEmployees + 1}, "employee_size"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, 1)
			w.app.Type = c.kind
			made, err := w.CreateConnection(t.Context(), &w.app, c.request)
			var known *perch.Error
			if !errors.As(err, &known) || known.Name != perch.NameInvalidRequest || !strings.HasPrefix(known.Message, c.field+": ") {
				t.Errorf("got %v", err)
			}
			if made.AccessToken != "" || len(w.queue.entities) != 0 {
				t.Errorf("something was made: %+v", made)
			}
		})
	}
}

func TestAnErrorDoesNotRepeatALongProvider(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	_, err := w.CreateConnection(t.Context(), &w.app, sandbox.Request{ProviderID: strings.Repeat("x", 1<<16)})
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func TestASimulatedConnectionStartsItsFirstSync(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	made := w.create(t, sandbox.Request{ProviderID: "gusto"})
	if w.status(t, made) != perch.StatusProcessing || !slices.Equal(w.queue.entities, []perch.ID{made.EntityID}) {
		t.Errorf("status %s, syncs of %v", w.status(t, made), w.queue.entities)
	}
	if made.AccountID != made.EntityID || made.TokenType != "bearer" || made.ProviderID != "gusto" || made.CompanyID.IsZero() {
		t.Errorf("made %+v", made)
	}
}

func TestAnAssistedConnectionWaitsToBeSetUp(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	made := w.create(t, sandbox.Request{ProviderID: "bamboo_hr", AuthenticationType: perch.AuthAssisted})
	if w.status(t, made) != perch.StatusPending || len(w.queue.entities) != 0 {
		t.Errorf("status %s, syncs of %v", w.status(t, made), w.queue.entities)
	}
	only := w.create(t, sandbox.Request{ProviderID: "accupay_isolved"})
	if only.AuthenticationType != perch.AuthAssisted || w.status(t, only) != perch.StatusPending {
		t.Errorf("a provider without another method: %+v", only)
	}
}

func TestWithoutAMethodTheOneThatServesTheMostIsTaken(t *testing.T) {
	t.Parallel()
	providers, err := catalog.Load()
	must(t, err)
	w := setup(t, 1)
	for id, want := range map[string]perch.AuthenticationType{"gusto": perch.AuthOAuth, "bamboo_hr": "", "deel": "",
		"adp_run": perch.AuthCredential, "quickbooks": perch.AuthCredential, "square_payroll": perch.AuthCredential} {
		entry, ok := providers.Provider(id)
		if !ok {
			t.Fatalf("the catalogue has no %s", id)
		}
		if want == "" {
			want = entry.Authentications()[0]
		}
		if made := w.create(t, sandbox.Request{ProviderID: id}); made.AuthenticationType != want {
			t.Errorf("%s is connected by %s", id, made.AuthenticationType)
		}
		for _, how := range entry.Authentications() {
			if made := w.create(t, sandbox.Request{ProviderID: id, AuthenticationType: how}); made.AuthenticationType != how {
				t.Errorf("%s by %s is connected by %s", id, how, made.AuthenticationType)
			}
		}
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	providers, err := catalog.Load()
	must(t, err)
	gusto, _ := providers.Provider("gusto")
	for name, c := range map[string]struct{ asked, want []perch.Product }{
		"none means all of the provider's":     {nil, gusto.Products()},
		"an empty list means the same":         {[]perch.Product{}, gusto.Products()},
		"some are some":                        {[]perch.Product{perch.ProductPayment, perch.ProductCompany}, []perch.Product{perch.ProductPayment, perch.ProductCompany}},
		"deduction is another name":            {[]perch.Product{perch.ProductDeduction}, []perch.Product{perch.ProductBenefits}},
		"both names are one product":           {[]perch.Product{perch.ProductBenefits, perch.ProductDeduction}, []perch.Product{perch.ProductBenefits}},
		"what is asked for twice is there one": {[]perch.Product{perch.ProductCompany, perch.ProductCompany}, []perch.Product{perch.ProductCompany}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, 1)
			made := w.create(t, sandbox.Request{ProviderID: "gusto", Products: c.asked})
			if !slices.Equal(made.Products, c.want) {
				t.Errorf("got %v, want %v", made.Products, c.want)
			}
			w.status(t, made)
		})
	}
}

func TestWithoutProductsTheMethodsAreGranted(t *testing.T) {
	t.Parallel()
	organization := []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductEmployment}
	for name, c := range map[string]struct {
		request sandbox.Request
		want    []perch.Product
	}{
		"a method that serves the organization only": {sandbox.Request{ProviderID: "square_payroll", AuthenticationType: perch.AuthOAuth}, organization},
		"the method that serves the most": {sandbox.Request{ProviderID: "square_payroll"},
			append(slices.Clone(organization), perch.ProductPayment, perch.ProductPayStatement)},
		"an assisted method for deductions": {sandbox.Request{ProviderID: "square_payroll", AuthenticationType: perch.AuthAssisted},
			[]perch.Product{perch.ProductBenefits}},
		"what is asked for is granted all the same": {sandbox.Request{ProviderID: "square_payroll", AuthenticationType: perch.AuthOAuth,
			Products: []perch.Product{perch.ProductSSN, perch.ProductDocuments}}, []perch.Product{perch.ProductSSN, perch.ProductDocuments}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, 1)
			got := w.create(t, c.request).Products
			if c.request.Products == nil {
				got = slices.DeleteFunc(got, func(p perch.Product) bool { return p == perch.ProductSSN })
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEmployersHaveTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	for asked, want := range map[int]int{0: employer.DefaultEmployees, 1: 1, 500: 500, employer.MaxEmployees: employer.MaxEmployees} {
		settings := w.settings(t, w.create(t, sandbox.Request{ProviderID: "gusto", EmployeeSize: asked}))
		if settings.Employees != want || settings.AsOf != perch.DateOf(now) || settings.Fields == nil {
			t.Errorf("asked for %d: %+v", asked, settings)
		}
	}
}

func TestASeedMakesTheSameEmployersOnEveryStart(t *testing.T) {
	t.Parallel()
	seeds := func(seed uint64) (list []uint64) {
		w := setup(t, seed)
		for range 3 {
			list = append(list, w.settings(t, w.create(t, sandbox.Request{ProviderID: "gusto"})).Seed)
		}
		return list
	}
	first, again, other := seeds(7), seeds(7), seeds(100)
	if !slices.Equal(first, again) {
		t.Errorf("two starts with one seed: %v and %v", first, again)
	}
	if first[0] == first[1] || first[1] == first[2] || slices.Equal(first, other) {
		t.Errorf("employers repeat: %v and %v", first, other)
	}
	if one, two := seeds(0), seeds(0); one[0] == two[0] || slices.Contains(one, 0) {
		t.Errorf("without a seed: %v and %v", one, two)
	}
}

func TestARestartGoesOnWithANewEmployer(t *testing.T) {
	t.Parallel()
	w := setup(t, 7)
	seed := func(s *sandbox.Service) uint64 {
		made, err := s.CreateConnection(t.Context(), &w.app, sandbox.Request{ProviderID: "gusto"})
		must(t, err)
		return w.settings(t, made).Seed
	}
	first := seed(w.Service)
	restarted := &sandbox.Service{Connections: w.Connections, Catalog: w.Catalog, Syncs: w.queue, Now: w.Now, Seed: w.Seed}
	if second, third := seed(restarted), seed(restarted); first != 7 || second != 8 || third != 9 {
		t.Errorf("seeds %d, %d and %d", first, second, third)
	}
}

func TestARequestThatIsRefusedUsesNoSeed(t *testing.T) {
	t.Parallel()
	w := setup(t, 7)
	_, err := w.CreateConnection(t.Context(), &w.app, sandbox.Request{ProviderID: "nobody"})
	if err == nil {
		t.Fatal("no error")
	}
	if got := w.settings(t, w.create(t, sandbox.Request{ProviderID: "gusto"})).Seed; got != 7 {
		t.Errorf("the first employer has seed %d", got)
	}
}

var errQueue = errors.New("the queue does not answer")

func TestASyncThatCannotBeQueuedLeavesNoConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	w.queue.fail = errQueue
	made, err := w.CreateConnection(t.Context(), &w.app, sandbox.Request{ProviderID: "gusto"})
	if !errors.Is(err, errQueue) || made.AccessToken != "" {
		t.Fatalf("got %+v, %v", made, err)
	}
	if !errors.Is(err, &perch.Error{Name: perch.NameServer}) {
		t.Errorf("got %v", err)
	}
}

var errCatalog = errors.New("the catalogue is damaged")

func TestWithoutACatalogueThereIsNoConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, 1)
	w.Catalog = func() (*catalog.Catalog, error) { return nil, errCatalog }
	if _, err := w.CreateConnection(t.Context(), &w.app, sandbox.Request{ProviderID: "gusto"}); !errors.Is(err, errCatalog) {
		t.Errorf("got %v", err)
	}
}
