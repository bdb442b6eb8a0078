package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/file"
)

type connectionCommand struct {
	Import importCommand         `cmd:"" help:"Import an employer's census and payroll files."`
	List   connectionListCommand `cmd:"" help:"List the connections of an application."`
	Show   connectionShowCommand `cmd:"" help:"Show a connection, its entities and its last jobs."`
	Sync   connectionSyncCommand `cmd:"" help:"Read everything of a connection anew. It costs the application no refresh."`
}

type importCommand struct {
	place
	App        string   `help:"Client id or name of the application that the employer connects to." required:""`
	Provider   string   `help:"Id of the system that the files come from, as GET /providers lists it; for a new connection."`
	Connection string   `help:"Import into this connection instead of a new one."`
	Census     []string `help:"File of people, CSV or XLSX; may be repeated." type:"existingfile" sep:"none"`
	Payroll    []string `help:"Payroll register, CSV or XLSX; may be repeated." type:"existingfile" sep:"none"`
	Mapping    string   `help:"YAML file that says what the columns hold, where the proposal is wrong." type:"existingfile"`
	Yes        bool     `help:"Import although many of the active people are missing from the files and will be marked as leavers."`
	JSON       bool     `help:"Print the result as JSON on one line."`
}

// Validate checks what the parser cannot.
func (c *importCommand) Validate() error {
	switch {
	case len(c.Census)+len(c.Payroll) == 0:
		return errors.New("give at least one file with --census or --payroll")
	case (c.Provider == "") == (c.Connection == ""):
		return errors.New("give either --provider, for a new connection, or --connection")
	}
	return nil
}

// Run reads the files, shows how they were read, and publishes them.
func (c *importCommand) Run(ctx context.Context, t *terminal) error {
	c.LogLevel = "warn" // the result is what the person wants to see
	return with(ctx, c.place, t, func(a *app.App) error {
		request, err := c.request(ctx, a)
		if err != nil {
			return err
		}
		source, err := a.Importer.Read(ctx, request)
		if err != nil {
			return err
		}
		preview := source.Preview()
		if !c.JSON {
			printPreview(t.out, preview)
		}
		bar := newBar(t.err, preview)
		result, err := a.Importer.Run(ctx, request, source, bar.progress)
		bar.finish()
		var many *assist.ManyLeavers
		if errors.As(err, &many) {
			return fmt.Errorf("%w; if they have left, say so with --yes", many)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(t.out, result)
		}
		return printResult(t.out, result)
	})
}

func (c *importCommand) request(ctx context.Context, a *app.App) (assist.Import, error) {
	request := assist.Import{ProviderID: c.Provider, AllowLeavers: c.Yes}
	var err error
	if request.Application, err = findApplication(ctx, a, c.App); err != nil {
		return request, err
	}
	if c.Connection != "" {
		if request.ConnectionID, err = perch.ParseID(c.Connection); err != nil {
			return request, fmt.Errorf("--connection: %w", err)
		}
	}
	for _, group := range []struct {
		kind  file.Kind
		paths []string
	}{{file.Census, c.Census}, {file.Payroll, c.Payroll}} {
		for _, path := range group.paths {
			content, err := readBounded(path, file.DefaultLimits().Bytes)
			if err != nil {
				return request, err
			}
			request.Files = append(request.Files, file.File{Name: filepath.Base(path), Kind: group.kind, Content: content})
		}
	}
	if c.Mapping != "" {
		text, err := readBounded(c.Mapping, 1<<20)
		if err != nil {
			return request, err
		}
		mapping, err := file.ParseMapping(text)
		if err != nil {
			return request, fmt.Errorf("%s: %s", c.Mapping, explain(err))
		}
		request.Mapping = &mapping
	}
	return request, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, most>>20)
	}
	return content, nil
}

// findApplication takes a client id or a name that only one application has.
func findApplication(ctx context.Context, a *app.App, text string) (access.Application, error) {
	if id, err := perch.ParseID(text); err == nil {
		found, _, err := a.Store.Application(ctx, id)
		if err != nil {
			return found, fmt.Errorf("--app: there is no application with client id %s (perch app list shows them)", id)
		}
		return found, nil
	}
	named, err := a.Store.ApplicationsNamed(ctx, text)
	switch {
	case err != nil:
		return access.Application{}, err
	case len(named) == 0:
		return access.Application{}, fmt.Errorf("--app: there is no application named %q (perch app list shows them)", text)
	case len(named) > 1:
		return access.Application{}, fmt.Errorf("--app: %d applications are named %q: give the client id", len(named), text)
	}
	return named[0], nil
}

// bar shows progress on a terminal and nothing elsewhere.
type bar struct {
	bar  *progressbar.ProgressBar
	done map[sync.Kind]int
}

func newBar(w io.Writer, preview file.Preview) *bar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &bar{}
	}
	total := preview.People + preview.Payments + preview.Statements
	return &bar{done: map[sync.Kind]int{}, bar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("Publishing"),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())}
}

func (b *bar) progress(kind sync.Kind, done int) {
	if b.bar == nil {
		return
	}
	b.done[kind] = done
	all := 0
	for _, n := range b.done {
		all += n
	}
	_ = b.bar.Set(all) // a bar that cannot be drawn is no failure
}

func (b *bar) finish() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}

// importJSON is the result on one line. The four counts are records of all kinds but the company;
// records has them by kind.
type importJSON struct {
	ConnectionID perch.ID                  `json:"connection_id"`
	AccessToken  *string                   `json:"access_token"`
	Created      int                       `json:"created"`
	Updated      int                       `json:"updated"`
	Deleted      int                       `json:"deleted"`
	Unchanged    int                       `json:"unchanged"`
	Left         int                       `json:"left"`
	Records      map[sync.Kind]sync.Counts `json:"records"`
	Problems     []provider.Problem        `json:"problems"`
}

func printJSON(w io.Writer, r assist.Result) error {
	total := r.Summary.Total()
	line := importJSON{
		ConnectionID: r.ConnectionID, Created: total.Created, Updated: total.Updated, Deleted: total.Deleted, Unchanged: total.Unchanged,
		Left: total.Left, Records: r.Summary.Records, Problems: r.Summary.Problems,
	}
	if r.AccessToken != "" {
		line.AccessToken = &r.AccessToken
	}
	if line.Problems == nil {
		line.Problems = []provider.Problem{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(line)
}

func printResult(w io.Writer, r assist.Result) error {
	p := printer{w: w}
	p.line("\nPublished")
	for _, kind := range []sync.Kind{sync.KindPerson, sync.KindPayGroup, sync.KindPayment, sync.KindStatement} {
		c, ok := r.Summary.Records[kind]
		if !ok {
			continue
		}
		p.line("  %-15s %6d created %6d updated %6d deleted %6d unchanged", kind, c.Created, c.Updated, c.Deleted, c.Unchanged)
		if c.Left > 0 {
			p.line("  %-15s %6d of the updated are no longer listed and were marked as leavers", "", c.Left)
		}
	}
	printProblems(&p, r.Summary.Problems)
	p.line("\nconnection_id: %s", r.ConnectionID)
	p.line("access_token:  %s", cmp.Or(r.AccessToken, "(as before)"))
	if r.AccessToken != "" {
		p.line("\nThe token is shown this once: only its hash is kept.")
	}
	return p.err
}
