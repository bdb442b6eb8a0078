package console

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/web"
)

// pageSize is how many rows a list shows, and maxPage the last page that can be asked for.
const (
	pageSize = 50
	maxPage  = 10_000
	// soon is what the filter calls soon.
	soon = 48 * time.Hour
)

// listQuery is what an address says about a list. It goes back into every link of the page.
type listQuery struct{ values url.Values }

func queryOf(v *visit, names ...string) listQuery {
	kept := url.Values{}
	all := v.r.URL.Query()
	for _, name := range append(names, "page") {
		if value := all.Get(name); value != "" && len(value) <= 200 && !strings.ContainsRune(value, 0) {
			kept.Set(name, value)
		}
	}
	return listQuery{kept}
}

func (q listQuery) get(name string) string { return q.values.Get(name) }

func (q listQuery) page() int {
	n, err := strconv.Atoi(q.get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return min(n, maxPage)
}

// with is the same query with one thing changed, from its first page on.
func (q listQuery) with(path, name, value string) string {
	changed := url.Values{}
	for k, v := range q.values {
		if k != "page" {
			changed[k] = v
		}
	}
	if value == "" {
		changed.Del(name)
	} else {
		changed.Set(name, value)
	}
	if len(changed) == 0 {
		return path
	}
	return path + "?" + changed.Encode()
}

// pager leads through the pages of a list.
type pager struct {
	From, To, Total int
	Before, After   string
}

func (q listQuery) pager(path string, shown, total int) pager {
	number := q.page()
	p := pager{From: (number-1)*pageSize + 1, To: (number-1)*pageSize + shown, Total: total}
	if number > 1 {
		p.Before = q.with(path, "page", strconv.Itoa(number-1))
	}
	if p.To < total {
		p.After = q.with(path, "page", strconv.Itoa(number+1))
	}
	return p
}

// heading is a column that a list can be sorted by.
type heading struct {
	Title, Link string
	// Sorted is "ascending", "descending" or empty.
	Sorted string
}

// headings are titles and the words by which an address sorts; a title without a word is plain.
func (q listQuery) headings(path, standard string, titles ...[2]string) (list []heading) {
	current := q.get("sort")
	if current == "" {
		current = standard
	}
	for _, t := range titles {
		h := heading{Title: t[0]}
		if t[1] != "" {
			next := t[1]
			switch current {
			case t[1]:
				h.Sorted, next = "ascending", "-"+t[1]
			case "-" + t[1]:
				h.Sorted = "descending"
			}
			if next == standard {
				next = ""
			}
			h.Link = q.with(path, "sort", next)
		}
		list = append(list, h)
	}
	return list
}

type queuePage struct {
	Tabs     web.Tabs
	When     web.Select
	Search   web.Field
	Hidden   map[string]string
	Headings []heading
	Rows     []queueRow
	Pager    pager
	Empty    *web.EmptyState
	// Elsewhere leads to the other environment.
	Elsewhere web.Button
	Token     string
	// To is this page, for forms that come back to it.
	To string
}

type queueRow struct {
	Kind, Title, Detail string
	Link                string
	Badge               *web.Badge
	Application         string
	Created, Due        when
	// Close is the event that a form takes off the queue; zero where work is done elsewhere.
	Close, ApplicationID string
}

const queuePath = "/console/queue"

func (h *Handler) queue(v *visit) error {
	q := queryOf(v, "kind", "when", "q", "sort", "env")
	sandbox := q.get("env") == "sandbox"
	find := store.DueQuery{Kind: q.get("kind"), Search: q.get("q"), Sandbox: sandbox, Limit: pageSize, Offset: (q.page() - 1) * pageSize}
	find.Sort, find.Descending = strings.TrimPrefix(q.get("sort"), "-"), strings.HasPrefix(q.get("sort"), "-")
	switch q.get("when") {
	case "overdue":
		find.Before = h.Now()
	case "soon":
		find.Before = h.Now().Add(soon)
	}
	list, total, kinds, err := h.Desk.Due(v.r.Context(), find)
	if err != nil {
		return err
	}
	p := queuePage{
		Tabs: queueTabs(q, kinds), Token: v.session.Token, To: v.r.URL.RequestURI(),
		When: web.Select{ID: "when", Name: "when", Label: "Due", Options: []web.Option{
			{Value: "", Label: "Any time", Selected: q.get("when") == ""},
			{Value: "soon", Label: "Overdue or within 2 days", Selected: q.get("when") == "soon"},
			{Value: "overdue", Label: "Overdue", Selected: q.get("when") == "overdue"}}},
		Search: web.Field{ID: "q", Name: "q", Label: "Employer or provider", Type: "search", Value: q.get("q"), Optional: true},
		Hidden: hidden(q, "kind", "sort", "env"),
		Headings: q.headings(queuePath, "due", [2]string{"What", ""}, [2]string{"Employer", "customer"}, [2]string{"Provider", "provider"},
			[2]string{"Since", "created"}, [2]string{"Due", "due"}),
		Pager:     q.pager(queuePath, len(list), total),
		Elsewhere: web.Button{Label: "Show sandbox applications", Look: web.Quiet, Link: q.with(queuePath, "env", "sandbox")},
	}
	if sandbox {
		p.Elsewhere = web.Button{Label: "Show real applications", Look: web.Quiet, Link: q.with(queuePath, "env", "")}
	}
	for _, d := range list {
		p.Rows = append(p.Rows, h.queueRow(d))
	}
	if len(list) == 0 {
		p.Empty = emptyQueue(q, sandbox)
	}
	h.show(v, 200, "queue", page{Title: "Queue", Nav: "queue"}, p)
	return nil
}

// hidden are the parts of a query that a form of filters carries on.
func hidden(q listQuery, names ...string) map[string]string {
	kept := map[string]string{}
	for _, name := range names {
		if value := q.get(name); value != "" {
			kept[name] = value
		}
	}
	return kept
}

func queueTabs(q listQuery, kinds map[string]int) web.Tabs {
	tabs, all := web.Tabs{Label: "Kind of work"}, 0
	for _, n := range kinds {
		all += n
	}
	add := func(label, kind string, n int) {
		tab := web.Tab{Label: label, Link: q.with(queuePath, "kind", kind), Current: q.get("kind") == kind}
		if n > 0 {
			tab.Count = strconv.Itoa(n)
		}
		tabs.Items = append(tabs.Items, tab)
	}
	add("All", "", all)
	for _, k := range kindNames {
		add(k.many, k.kind, kinds[k.kind])
	}
	return tabs
}

func emptyQueue(q listQuery, sandbox bool) *web.EmptyState {
	if len(q.values) > 0 && (len(q.values) > 1 || !sandbox) {
		return &web.EmptyState{Title: "Nothing fits these filters", Text: "Everything else that is due is still there.",
			Action: &web.Button{Label: "Show everything", Look: web.Secondary, Link: queuePath}}
	}
	e := &web.EmptyState{Title: "Nothing is due",
		Text: "Employers who connect a provider by the assisted method appear here until they are set up, and again every seven days for fresh files. " +
			"You can also bring an employer in yourself:",
		Command: &web.CodeBlock{ID: "import", Label: "command", Text: "perch connection import --app NAME --provider ID --census people.csv"}}
	if sandbox {
		e.Text = "Assisted connections of sandbox applications appear here while they are pending. Make one with this request:"
		e.Command.Text = `POST /sandbox/connections {"provider_id": "…", "authentication_type": "assisted"}`
	}
	return e
}

func (h *Handler) queueRow(d store.Due) queueRow {
	row := queueRow{Kind: kindName(d.Kind), Title: named(d.Customer), Detail: h.providerName(d.ProviderID), Application: d.Application,
		Created: h.ago(d.CreatedAt), Due: h.due(d.DueAt), Link: d.Link, ApplicationID: d.ApplicationID.String()}
	at := place{d.ApplicationID, d.ConnectionID}
	switch {
	case d.Kind == store.DueRequest:
		row.Detail, row.Close = d.Title, d.Ref
	case d.Kind == store.DueFile:
		row.Link = at.path() + "/uploads/" + d.Ref
	case row.Link == "" && !d.ConnectionID.IsZero():
		row.Link = at.path()
	}
	if d.Kind == store.DueSetUp {
		badge := statusBadge(perch.ConnectionStatus(d.Status))
		row.Badge = &badge
	} else if d.Title != "" && d.Kind != store.DueRequest {
		row.Kind += ": " + d.Title
	}
	return row
}

// providerName is the catalogue's name of a provider, or its id.
func (h *Handler) providerName(id string) string {
	providers, err := h.Desk.Catalog()
	if err == nil {
		if entry, ok := providers.Provider(id); ok {
			return entry.DisplayName
		}
	}
	return id
}

func (h *Handler) closeRequest(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	application, err := formID(form, "application")
	if err != nil {
		return err
	}
	event, err := formID(form, "request")
	if err != nil {
		return err
	}
	if err := h.Desk.CloseRequest(v.r.Context(), v.who(), application, event); err != nil {
		return err
	}
	to := within(form.Get("to"))
	if to == "" {
		to = queuePath
	}
	return v.back(to, "request")
}

type connectionsPage struct {
	Status web.Select
	Search web.Field
	Rows   []connectionRow
	Pager  pager
	Empty  *web.EmptyState
}

type connectionRow struct {
	Name, Link, Provider, Application string
	Status                            web.Badge
	Sandbox                           bool
	Created, Retrieved                when
}

const connectionsPath = "/console/connections"

func (h *Handler) connections(v *visit) error {
	q := queryOf(v, "status", "q")
	find := store.AssistedQuery{Status: perch.ConnectionStatus(q.get("status")), Search: q.get("q"), Limit: pageSize, Offset: (q.page() - 1) * pageSize}
	list, total, err := h.Desk.Connections(v.r.Context(), find)
	if err != nil {
		return err
	}
	p := connectionsPage{
		Status: web.Select{ID: "status", Name: "status", Label: "Status", Options: []web.Option{{Label: "Any", Selected: find.Status == ""}}},
		Search: web.Field{ID: "q", Name: "q", Label: "Employer, provider or application", Type: "search", Value: q.get("q"), Optional: true},
		Pager:  q.pager(connectionsPath, len(list), total),
	}
	for _, s := range perch.StatusPending.Values() {
		if s != perch.StatusDisconnected {
			p.Status.Options = append(p.Status.Options, web.Option{Value: string(s), Label: statusBadge(s).Label, Selected: s == find.Status})
		}
	}
	for _, r := range list {
		p.Rows = append(p.Rows, connectionRow{
			Name: named(text(r.Connection.CustomerName)), Link: place{r.ApplicationID, r.Connection.ID}.path(), Provider: h.providerName(r.Connection.ProviderID),
			Application: r.Application, Sandbox: r.ApplicationType == perch.ClientSandbox, Status: statusBadge(r.Connection.Status),
			Created: h.ago(r.CreatedAt), Retrieved: h.ago(r.RetrievedAt),
		})
	}
	if len(list) == 0 {
		p.Empty = &web.EmptyState{Title: "No connection", Text: "Connections that employers made by the assisted method, and those with imported files, are listed here."}
		if len(q.values) > 0 {
			p.Empty = &web.EmptyState{Title: "No connection fits these filters", Text: "Clear the search to see all of them.",
				Action: &web.Button{Label: "Show all", Look: web.Secondary, Link: connectionsPath}}
		}
	}
	h.show(v, 200, "connections", page{Title: "Connections", Nav: "connections"}, p)
	return nil
}

type auditPage struct {
	Rows  []auditRow
	Pager pager
}

type auditRow struct {
	At                       when
	Who, What, Detail, Where string
}

func (h *Handler) auditRow(a store.Audit) auditRow {
	row := auditRow{At: h.ago(a.At), Who: a.Actor, What: actionName(a.Action), Detail: a.Detail}
	if !a.ConnectionID.IsZero() {
		row.Where = place{a.ApplicationID, a.ConnectionID}.path()
	}
	return row
}

func (h *Handler) auditLog(v *visit) error {
	q := queryOf(v)
	list, total, err := h.Desk.AuditLog(v.r.Context(), pageSize, (q.page()-1)*pageSize)
	if err != nil {
		return err
	}
	p := auditPage{Pager: q.pager("/console/audit", len(list), total)}
	for _, a := range list {
		p.Rows = append(p.Rows, h.auditRow(a))
	}
	h.show(v, 200, "audit", page{Title: "Audit log", Nav: "audit"}, p)
	return nil
}
