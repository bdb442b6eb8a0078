// Command perch is Perch: the server, and the tools of those who develop with it and operate it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/httpapi"
)

// cli is the command line: a field per command, a file per command.
type cli struct {
	Dev        devCommand        `cmd:"" help:"Start Perch for development: embedded database, simulated employers, no account, no network."`
	Serve      serveCommand      `cmd:"" help:"Start Perch."`
	App        appCommands       `cmd:"" help:"Make and list applications."`
	Connection connectionCommand `cmd:"" help:"Bring employers in, and look at their connections."`
	Operator   operatorCommands  `cmd:"" help:"Make and list the people who work in the operations console."`
	Webhook    webhookCommands   `cmd:"" help:"Say where an application's events are sent, and see what became of them."`
	Listen     listenCommand     `cmd:"" help:"Print events as they happen, and pass them on to an app of your own."`
	Trigger    triggerCommand    `cmd:"" help:"Change a simulated employer so that an event of a type follows."`
	Migrate    migrateCommand    `cmd:"" help:"Bring the database schema up to date and exit."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// place says where the data is; every command that touches data has it.
type place struct {
	Data        string `help:"Folder of the keys and of the SQLite database." default:"./perch-data" env:"PERCH_DATA" type:"path"`
	DatabaseURL string `help:"Use PostgreSQL: postgres://user:password@host:port/database." env:"PERCH_DATABASE_URL" name:"database-url"`
	LogLevel    string `help:"What is logged: debug, info, warn or error." default:"${log_level}" enum:"debug,info,warn,error" env:"PERCH_LOG_LEVEL"`
}

// AfterApply checks what every command has in common. It is no Validate, which the commands' own
// would hide.
func (p place) AfterApply() error { return app.CheckDatabaseURL(p.DatabaseURL) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs one command line and returns the exit status: 0, 1 for a failure, 2 for a wrong call.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("perch"),
		kong.Description("The open, self-hosted unified employment API."),
		kong.Vars{"log_level": "info"}, kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&terminal{out: stdout, err: stderr}))
	if err != nil {
		fmt.Fprintln(stderr, "perch:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		fmt.Fprintln(stderr, "perch:", err)
		return 2
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(stderr, "perch:", explain(err))
		return 1
	}
	return 0
}

// explain shows an error to the person at the terminal.
func explain(err error) string {
	var known *perch.Error
	if errors.As(err, &known) && known.Err == nil {
		return known.Message
	}
	return err.Error()
}

// terminal is where a command prints.
type terminal struct{ out, err io.Writer }

func (p place) config(t *terminal) app.Config {
	var level slog.Level
	_ = level.UnmarshalText([]byte(p.LogLevel)) // the parser has checked it
	handler := slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: level})
	return app.Config{
		Data: filepath.Clean(p.Data), DatabaseURL: p.DatabaseURL,
		Log: slog.New(httpapi.Redact(handler)), Version: version(),
	}
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t *terminal) error {
	_, err := fmt.Fprintln(t.out, "perch", version())
	return err
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
