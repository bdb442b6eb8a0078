package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/perchhq/perch/internal/app"
)

type operatorCommands struct {
	Create  operatorCreateCommand  `cmd:"" help:"Make an operator and print the password, once."`
	List    operatorListCommand    `cmd:"" help:"List the operators."`
	Reset   operatorResetCommand   `cmd:"" help:"Give an operator a new password and end all sessions."`
	Disable operatorDisableCommand `cmd:"" help:"Keep an operator out, from the next request on."`
}

// password is how an operator's password is chosen. It is never an argument: those can be seen by
// everybody on the machine.
type password struct {
	PasswordStdin bool `help:"Read the password from standard input instead of making one up." name:"password-stdin"`
}

// read returns the password that was piped in, or nothing.
func (p password) read(in io.Reader) (string, error) {
	if !p.PasswordStdin {
		return "", nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("--password-stdin: standard input is empty")
	}
	return line, nil
}

func (p password) print(w io.Writer, made string) {
	if !p.PasswordStdin {
		fmt.Fprintf(w, "password: %s\n\nThe password is shown this once: only its hash is kept.\n", made)
	}
}

type operatorCreateCommand struct {
	place
	Email string `help:"E-mail address, which is also the user name." required:""`
	Name  string `help:"Name that the console shows." required:""`
	password
}

// Run makes the operator.
func (c *operatorCreateCommand) Run(ctx context.Context, t *terminal) error {
	chosen, err := c.read(os.Stdin)
	if err != nil {
		return err
	}
	return with(ctx, c.place, t, func(a *app.App) error {
		made, word, err := a.Operators.Create(ctx, c.Email, c.Name, chosen)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "email:    %s\n", made.Email)
		c.print(t.out, word)
		return nil
	})
}

type operatorResetCommand struct {
	place
	Email string `arg:"" help:"E-mail address of the operator."`
	password
}

// Run sets the password.
func (c *operatorResetCommand) Run(ctx context.Context, t *terminal) error {
	chosen, err := c.read(os.Stdin)
	if err != nil {
		return err
	}
	return with(ctx, c.place, t, func(a *app.App) error {
		word, err := a.Operators.Reset(ctx, c.Email, chosen)
		if err != nil {
			return err
		}
		c.print(t.out, word)
		return nil
	})
}

type operatorDisableCommand struct {
	place
	Email string `arg:"" help:"E-mail address of the operator."`
}

// Run disables the operator.
func (c *operatorDisableCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error { return a.Operators.Disable(ctx, c.Email) })
}

type operatorListCommand struct{ place }

// Run lists the operators.
func (c *operatorListCommand) Run(ctx context.Context, t *terminal) error {
	return with(ctx, c.place, t, func(a *app.App) error {
		list, err := a.Operators.List(ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(t.out, `There is no operator yet. Make one: perch operator create --email you@example.com --name "Your name"`)
			return err
		}
		table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "EMAIL\tNAME\tCREATED\tSTATE")
		for _, one := range list {
			state := "active"
			if one.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.Email, one.Name, one.Created.Format(time.DateOnly), state)
		}
		return table.Flush()
	})
}
