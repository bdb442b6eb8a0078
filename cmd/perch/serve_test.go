package main

import (
	"context"
	"errors"
	"testing"
)

var errStart = errors.New("it does not start")

// part counts how often it is closed.
type part struct {
	fail   error
	closed int
}

func (p *part) Start(context.Context) error { return p.fail }
func (p *part) Close() error                { p.closed++; return nil }

func TestLaunch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		fail       error
		wantClosed int
	}{
		{"what starts stays open", nil, 0},
		{"what does not start is closed, with its listener", errStart, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			program, listener := &part{fail: test.fail}, &part{}
			if err := launch(t.Context(), program, listener); !errors.Is(err, test.fail) {
				t.Errorf("got %v", err)
			}
			if program.closed != test.wantClosed || listener.closed != test.wantClosed {
				t.Errorf("the program was closed %d times and the listener %d times", program.closed, listener.closed)
			}
		})
	}
}
