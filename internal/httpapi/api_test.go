package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/perchhq/perch/internal/apierror"
)

const anID = "0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"

func TestRequestsReachTheirUseCase(t *testing.T) {
	t.Parallel()
	basic := map[string]string{"Authorization": "Basic OGQyZmYyYTYtNmY1ZS00ZjFlLThhMzktN2U5YTNhMWYzYjEwOnZlcnktc2VjcmV0"}
	second := secondEntity.String()
	for name, test := range map[string]struct {
		ask
		want string
	}{
		"company of the default entity":            {ask{target: "/employer/company"}, "company 11"},
		"company of a named entity":                {ask{target: "/employer/company?entity_ids=" + second}, "company 22"},
		"an entity in brackets":                    {ask{target: "/employer/company?entity_ids[]=" + second}, "company 22"},
		"an entity in escaped brackets":            {ask{target: "/employer/company?entity_ids%5B%5D=" + second}, "company 22"},
		"an entity with an index":                  {ask{target: "/employer/company?entity_ids[0]=" + second}, "company 22"},
		"directory with its defaults":              {ask{target: "/employer/directory"}, "directory 11 100 0"},
		"directory with the largest page":          {ask{target: "/employer/directory?limit=10000&offset=5"}, "directory 11 10000 5"},
		"directory with an empty page":             {ask{target: "/employer/directory?limit=0"}, "directory 11 0 0"},
		"directory of an entity":                   {ask{target: "/employer/directory?offset=7&entity_ids=" + second}, "directory 22 100 7"},
		"parameters that nobody knows are ignored": {ask{target: "/employer/directory?limits=a&%zz=1&;&&="}, "directory 11 100 0"},
		"individuals": {ask{method: "POST", target: "/employer/individual", body: `{"requests":[{"individual_id":"a"},{"individual_id":"b"}]}`},
			"individuals 11 false [a,b]"},
		"individuals of an entity": {ask{method: "POST", target: "/employer/individual?entity_ids[]=" + second, body: `{"requests":[]}`}, "individuals 22 false []"},
		"individuals with the number": {ask{method: "POST", target: "/employer/individual", body: `{"requests":[],"options":{"include":["ssn"]}}`},
			"individuals 11 true []"},
		"the number is left out without the scope": {ask{method: "POST", token: tokenNoSSN, target: "/employer/individual", body: `{"requests":[],"options":{"include":["ssn"]}}`},
			"individuals 11 false []"},
		"individuals without options": {ask{method: "POST", target: "/employer/individual", body: `{"requests":[],"options":null}`}, "individuals 11 false []"},
		"employments":                 {ask{method: "POST", target: "/employer/employment", body: `{"requests":[{"individual_id":"a"}]}`}, "employments 11 [a]"},
		"payments":                    {ask{target: "/employer/payment?start_date=2024-02-29&end_date=2024-02-29"}, "payments 11 2024-02-29 2024-02-29"},
		"pay statements": {ask{method: "POST", target: "/employer/pay-statement", body: `{"requests":[{"payment_id":"p"},{"offset":2,"limit":5000,"payment_id":"q"}]}`},
			"statements 11 p/100/0 q/5000/2"},
		"pay groups":                            {ask{target: "/employer/pay-groups"}, "pay-groups 11 0000 []"},
		"pay groups of an individual":           {ask{target: "/employer/pay-groups?individual_id=" + anID}, "pay-groups 11 0d9a []"},
		"frequencies repeated":                  {ask{target: "/employer/pay-groups?pay_frequencies=weekly&pay_frequencies=monthly"}, "pay-groups 11 0000 [weekly, monthly]"},
		"frequencies in brackets":               {ask{target: "/employer/pay-groups?pay_frequencies[]=weekly&pay_frequencies[]=monthly"}, "pay-groups 11 0000 [weekly, monthly]"},
		"frequencies with commas":               {ask{target: "/employer/pay-groups?pay_frequencies=weekly,monthly"}, "pay-groups 11 0000 [weekly, monthly]"},
		"frequencies with escaped commas":       {ask{target: "/employer/pay-groups?pay_frequencies=weekly%2Cmonthly"}, "pay-groups 11 0000 [weekly, monthly]"},
		"frequencies in all forms, each once":   {ask{target: "/employer/pay-groups?pay_frequencies[1]=weekly,monthly&pay_frequencies=weekly"}, "pay-groups 11 0000 [weekly, monthly]"},
		"a pay group":                           {ask{target: "/employer/pay-groups/" + anID}, "pay-group 11 " + anID},
		"a pay group in upper case":             {ask{target: "/employer/pay-groups/" + strings.ToUpper(anID)}, "pay-group 11 " + anID},
		"providers with a token":                {ask{target: "/providers"}, "providers true"},
		"providers without a token":             {ask{target: "/providers", token: none}, "providers false"},
		"introspect needs no product":           {ask{target: "/introspect", token: tokenNothing}, "introspect"},
		"disconnect needs no product":           {ask{method: "POST", target: "/disconnect", token: tokenNothing}, "disconnect"},
		"disconnect ignores its body":           {ask{method: "POST", target: "/disconnect", body: "{"}, "disconnect"},
		"sandbox connection, without a version": {ask{method: "POST", target: "/sandbox/connections", version: none, header: basic, body: `{"provider_id":"gusto"}`}, "sandbox 02 gusto  [] 0"},
		"sandbox connection with everything":    {ask{method: "POST", target: "/sandbox/connections", header: basic, body: `{"provider_id":"gusto","authentication_type":"oauth","products":["company","ssn","company"],"employee_size":300,"x":{}}`}, "sandbox 02 gusto oauth [company, ssn] 300"},
		"the bearer scheme in any case":         {ask{target: "/employer/company", header: map[string]string{"Authorization": "bEARER  " + tokenAll}}, "company 11"},
		"HEAD is answered as GET":               {ask{method: "HEAD", target: "/employer/company"}, "company 11"},
		"readiness":                             {ask{target: "/readyz", token: none, version: none}, "ready"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			w := h.do(test.ask)
			if w.Code != http.StatusOK || h.last() != test.want {
				t.Errorf("got %d, asked %q, want %q; body %s", w.Code, h.last(), test.want, w.Body)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type = %q", got)
			}
		})
	}
}

func TestBadInputIsRefusedByName(t *testing.T) {
	t.Parallel()
	individual, statement := "/employer/individual", "/employer/pay-statement"
	type bad struct {
		ask
		status   int
		contains string
	}
	post := func(target, body string) ask { return ask{method: "POST", target: target, body: body} }
	for name, test := range map[string]bad{
		"no version":                        {ask{target: "/employer/company", version: none}, 400, "Finch-API-Version: "},
		"no version on providers":           {ask{target: "/providers", token: none, version: none}, 400, "Finch-API-Version: "},
		"an unknown version":                {ask{target: "/introspect", version: "2019-01-01"}, 400, "Finch-API-Version: "},
		"two versions":                      {ask{target: "/introspect", version: apiVersion + ", " + apiVersion}, 400, "Finch-API-Version: "},
		"a limit in words":                  {ask{target: "/employer/directory?limit=ten"}, 400, "limit: "},
		"an empty limit":                    {ask{target: "/employer/directory?limit="}, 400, "limit: "},
		"a negative limit":                  {ask{target: "/employer/directory?limit=-1"}, 400, "limit: must not be negative"},
		"a fractional limit":                {ask{target: "/employer/directory?limit=1.5"}, 400, "limit: "},
		"a limit with a sign":               {ask{target: "/employer/directory?limit=%2B5"}, 400, "limit: "},
		"a limit in hexadecimal":            {ask{target: "/employer/directory?limit=0x10"}, 400, "limit: "},
		"a limit given twice":               {ask{target: "/employer/directory?limit=1&limit=1"}, 400, "limit: "},
		"a limit with a bad escape":         {ask{target: "/employer/directory?limit=%zz"}, 400, "limit: "},
		"a negative offset":                 {ask{target: "/employer/directory?offset=-1"}, 400, "offset: must not be negative"},
		"an offset in words":                {ask{target: "/employer/directory?offset=a"}, 400, "offset: "},
		"an enormous offset":                {ask{target: "/employer/directory?offset=99999999999999999999999"}, 400, "offset: "},
		"a page that is too large":          {ask{target: "/employer/directory?limit=10001"}, 422, "limit: "},
		"a page that is enormous":           {ask{target: "/employer/directory?limit=99999999999999999999999"}, 422, "limit: "},
		"two entities":                      {ask{target: "/employer/company?entity_ids=" + firstEntity.String() + "," + secondEntity.String()}, 400, "entity_ids: "},
		"two entities, repeated":            {ask{target: "/employer/company?entity_ids[]=" + firstEntity.String() + "&entity_ids[]=" + firstEntity.String()}, 400, "entity_ids: "},
		"an entity of someone else":         {ask{target: "/employer/company?entity_ids=" + anID}, 400, "entity_ids: "},
		"an entity of someone else, posted": {post(individual+"?entity_ids="+anID, `{"requests":[]}`), 400, "entity_ids: "},
		"the zero entity":                   {ask{target: "/employer/company?entity_ids=00000000-0000-0000-0000-000000000000"}, 400, "entity_ids: "},
		"an entity that is no id":           {ask{target: "/employer/directory?entity_ids=me"}, 400, "entity_ids: must be a UUID"},
		"an empty entity":                   {ask{target: "/employer/directory?entity_ids[]="}, 400, "entity_ids: must be a UUID"},
		"no start date":                     {ask{target: "/employer/payment?end_date=2024-01-31"}, 400, "start_date: is required"},
		"no end date":                       {ask{target: "/employer/payment?start_date=2024-01-01"}, 400, "end_date: is required"},
		"an impossible date":                {ask{target: "/employer/payment?start_date=2023-02-29&end_date=2024-01-01"}, 400, "start_date: must be a day"},
		"a date in another form":            {ask{target: "/employer/payment?start_date=2024-01-01&end_date=31/01/2024"}, 400, "end_date: must be a day"},
		"a time instead of a date":          {ask{target: "/employer/payment?start_date=2024-01-01T00:00:00Z&end_date=2024-01-31"}, 400, "start_date: must be a day"},
		"an end before the start":           {ask{target: "/employer/payment?start_date=2024-02-01&end_date=2024-01-31"}, 400, "end_date: must not be before"},
		"an individual that is no id":       {ask{target: "/employer/pay-groups?individual_id=x"}, 400, "individual_id: must be a UUID"},
		"an unknown frequency":              {ask{target: "/employer/pay-groups?pay_frequencies=weekly,hourly"}, 400, "pay_frequencies: "},
		"an empty frequency":                {ask{target: "/employer/pay-groups?pay_frequencies="}, 400, "pay_frequencies: "},
		"no body":                           {post(individual, ""), 400, "body: is empty"},
		"a body that is not JSON":           {post(individual, "requests"), 400, "body: malformed JSON at byte 0"},
		"a body that ends early":            {post(individual, `{"requests":[`), 400, "body: malformed JSON"},
		"a body with more after it":         {post(individual, `{"requests":[]} x`), 400, "body: malformed JSON at byte 16"},
		"a body that is an array":           {post(individual, `[]`), 400, "body: must be an object"},
		"no requests":                       {post(individual, `{}`), 400, "requests: is required"},
		"null requests":                     {post(individual, `{"requests":null}`), 400, "requests: must be an array"},
		"requests that are an object":       {post(individual, `{"requests":{}}`), 400, "requests: must be an array"},
		"requests twice":                    {post(individual, `{"requests":[],"requests":[]}`), 400, "requests: is given more than once"},
		"a request that is a string":        {post(individual, `{"requests":["a"]}`), 400, "requests[0]: must be an object"},
		"a request that is null":            {post(individual, `{"requests":[null]}`), 400, "requests[0]: must be an object"},
		"a request without an id":           {post(individual, `{"requests":[{"individual_id":"a"},{}]}`), 400, "requests[1].individual_id: is required"},
		"an id that is a number":            {post(individual, `{"requests":[{"individual_id":1}]}`), 400, "requests[0].individual_id: must be a string"},
		"an id that is null":                {post(individual, `{"requests":[{"individual_id":null}]}`), 400, "requests[0].individual_id: must be a string"},
		"an id that is given twice":         {post(individual, `{"requests":[{"individual_id":"a","individual_id":"b"}]}`), 400, "requests[0].individual_id: "},
		"an id that is too long":            {post(individual, `{"requests":[{"individual_id":"`+strings.Repeat("a", 257)+`"}]}`), 400, "requests[0].individual_id: "},
		"options that are a list":           {post(individual, `{"requests":[],"options":[]}`), 400, "options: must be an object"},
		"an include that is a string":       {post(individual, `{"requests":[],"options":{"include":"ssn"}}`), 400, "options.include: must be an array"},
		"an include that is unknown":        {post(individual, `{"requests":[],"options":{"include":["ssn","dob"]}}`), 400, "options.include[1]: "},
		"an include that is a number":       {post(individual, `{"requests":[],"options":{"include":[1]}}`), 400, "options.include[0]: must be a string"},
		"a body nested too deep":            {post(individual, `{"requests":[],"x":`+strings.Repeat("[", 1000)), 400, "body: is nested deeper"},
		"too many individuals":              {post(individual, batchOf(10_001)), 422, "requests: "},
		"too many employments":              {post("/employer/employment", batchOf(10_001)), 422, "requests: "},
		"no payments":                       {post(statement, `{"requests":[]}`), 400, "requests: "},
		"no list of payments":               {post(statement, `{}`), 400, "requests: "},
		"a payment without an id":           {post(statement, `{"requests":[{"limit":1}]}`), 400, "requests[0].payment_id: is required"},
		"a payment that is a number":        {post(statement, `{"requests":[{"payment_id":5}]}`), 400, "requests[0].payment_id: must be a string"},
		"a limit that is a string":          {post(statement, `{"requests":[{"payment_id":"a","limit":"5"}]}`), 400, "requests[0].limit: must be an integer"},
		"a limit that is a fraction":        {post(statement, `{"requests":[{"payment_id":"a","limit":5.0}]}`), 400, "requests[0].limit: must be an integer"},
		"a limit that is negative":          {post(statement, `{"requests":[{"payment_id":"a","limit":-5}]}`), 400, "requests[0].limit: must not be negative"},
		"an offset that is null":            {post(statement, `{"requests":[{"payment_id":"a","offset":null}]}`), 400, "requests[0].offset: must be an integer"},
		"an offset that is enormous":        {post(statement, `{"requests":[{"payment_id":"a","offset":99999999999999999999}]}`), 400, "requests[0].offset: "},
		"a page of statements too large":    {post(statement, `{"requests":[{"payment_id":"a"},{"payment_id":"a","limit":5001}]}`), 422, "requests[1].limit: "},
		"too many payments":                 {post(statement, `{"requests":[`+strings.Repeat(`{"payment_id":"a"},`, 10)+`{"payment_id":"a"}]}`), 422, "requests: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			w := h.do(test.ask)
			f := readFailure(t, w)
			if w.Code != test.status || !strings.Contains(f.Message, test.contains) {
				t.Errorf("got %d %q, want %d %q", w.Code, f.Message, test.status, test.contains)
			}
			wantName, wantCode := "invalid_request_error", "invalid_request"
			if test.status == 422 {
				wantName, wantCode = "unprocessable_entity_error", "page_size_limit_exceeded"
				if strings.HasPrefix(f.Message, "requests: ") {
					wantCode = "batch_limit_exceeded"
				}
			}
			if f.Name != wantName || f.FinchCode != wantCode {
				t.Errorf("got %s/%s, want %s/%s", f.Name, f.FinchCode, wantName, wantCode)
			}
			if len(h.asked) != 0 {
				t.Errorf("a use case was called: %v", h.asked)
			}
		})
	}
}

// batchOf returns the body of a batch of n individuals.
func batchOf(n int) string {
	var b strings.Builder
	b.WriteString(`{"requests":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"individual_id":"` + anID + `"}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

func TestSandboxConnectionsRefuseBadBodies(t *testing.T) {
	t.Parallel()
	for body, contains := range map[string]string{
		`{}`:                   "provider_id: is required",
		`{"provider_id":""}`:   "provider_id: must have",
		`{"provider_id":7}`:    "provider_id: must be a string",
		`{"provider_id":null}`: "provider_id: must be a string",
		`{"provider_id":"a","authentication_type":"x"}`:             "authentication_type: must be one of",
		`{"provider_id":"a","products":"company"}`:                  "products: must be an array",
		`{"provider_id":"a","products":[]}`:                         "products: must name",
		`{"provider_id":"a","products":["company","wages"]}`:        "products[1]: must be one of",
		`{"provider_id":"a","employee_size":"20"}`:                  "employee_size: must be an integer",
		`{"provider_id":"a","employee_size":0}`:                     "employee_size: must be between 1 and 100000",
		`{"provider_id":"a","employee_size":-3}`:                    "employee_size: must be between 1 and 100000",
		`{"provider_id":"a","employee_size":-2.5}`:                  "employee_size: must be an integer",
		`{"provider_id":"a","employee_size":100001}`:                "employee_size: must be between 1 and 100000",
		`{"provider_id":"a","employee_size":2e1}`:                   "employee_size: must be an integer",
		`{"provider_id":"a","employee_size":999999999999999999999}`: "employee_size: must be between 1 and 100000",
		`{"provider_id":"a","provider_id":"a"}`:                     "provider_id: is given more than once",
		`{"provider_id":"a"`:                                        "body: malformed JSON",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			r := ask{method: "POST", target: "/sandbox/connections", body: body, token: none, version: none}.request()
			r.SetBasicAuth(clientID, clientSecret)
			w := serve(h, r)
			if f := readFailure(t, w); w.Code != 400 || !strings.Contains(f.Message, contains) {
				t.Errorf("got %d %q, want 400 %q", w.Code, f.Message, contains)
			}
		})
	}
}

func TestEveryFailureOfTheRouteTableIsInTheErrorTable(t *testing.T) {
	t.Parallel()
	for _, r := range routes() {
		seen := map[failure]bool{}
		for _, f := range r.failures() {
			if seen[f] {
				t.Errorf("%s: %s is listed twice", r.operation, f.label())
			}
			seen[f] = true
			if row, ok := apierror.Lookup(f.name, f.code); !ok || row.Status < 200 {
				t.Errorf("%s: %s is not in the error table", r.operation, f.label())
			}
		}
	}
}
