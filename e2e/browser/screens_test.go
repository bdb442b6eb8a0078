package browser

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/perchhq/perch/internal/clientip"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connectui"
	"github.com/perchhq/perch/internal/connectui/showcase"
)

// shown is a flow that stands still: the session's id is the name of the view that it shows.
type shown struct{ host string }

func (s shown) at(name string) (connect.View, error) {
	view, ok := showcase.At(name)
	if !ok {
		return connect.View{}, errors.New("there is no such view")
	}
	if view.Embedded {
		view.HostOrigin, view.FrameOrigins = s.host, []string{s.host}
	}
	view.SessionID = name
	return view, nil
}

// Open implements connectui.Visits.
func (s shown) Open(_ context.Context, r connect.OpenRequest) (connect.View, error) {
	return s.at(r.SessionID)
}

// Do implements connectui.Visits.
func (s shown) Do(_ context.Context, a connect.Action) (connect.View, error) {
	return s.at(a.SessionID)
}

func TestScreensLookRightAndAreAccessible(t *testing.T) {
	t.Parallel()
	host := hostPage(t, http.FileServer(http.Dir("driver/host")))
	handler, err := connectui.New(shown{host}, new(clientip.Proxies).Client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	handler.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	type screen struct {
		Name     string `json:"name"`
		Embedded bool   `json:"embedded"`
	}
	var screens []screen
	for _, named := range showcase.Views() {
		// Where Connect may not be shown there is nothing to look at but the page itself.
		screens = append(screens, screen{named.Name, named.View.Embedded && len(named.View.FrameOrigins) > 0})
	}
	list, err := json.Marshal(screens)
	if err != nil {
		t.Fatal(err)
	}
	drive(t, "screens.mjs", "PERCH_URL="+server.URL, "PERCH_HOST="+host, "PERCH_SCREENS="+string(list))
}
