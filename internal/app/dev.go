package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

// DevFile is what `perch dev` writes to dev.json in the data folder, for scripts and tests that work
// against it. It holds secrets of a sandbox application and is readable by its owner only.
type DevFile struct {
	APIURL        string `json:"api_url"`
	ConnectURL    string `json:"connect_url"`
	DashboardURL  string `json:"dashboard_url"`
	ConsoleURL    string `json:"console_url"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	WebhookSecret string `json:"webhook_secret"`
	// WebhookURL is where --webhook asked for events to be sent, and WebhookEndpointID the endpoint for it.
	WebhookURL        string `json:"webhook_url,omitempty"`
	WebhookEndpointID string `json:"webhook_endpoint_id,omitempty"`
}

// PrepareDev makes the sandbox application of a development folder, or finds the one made before,
// and writes dev.json. origin is where the API is served. webhook may be empty to keep the last one.
func (a *App) PrepareDev(ctx context.Context, origin, webhook string) (DevFile, error) {
	path := filepath.Join(a.config.Data, "dev.json")
	dev, err := readDev(path)
	if err != nil {
		return DevFile{}, err
	}
	if _, err := a.Access.AuthenticateClient(ctx, dev.ClientID, dev.ClientSecret); err != nil {
		if !errors.Is(err, perch.ErrInvalidClient) {
			return DevFile{}, err
		}
		name, err := a.freeDevName(ctx)
		if err != nil {
			return DevFile{}, err
		}
		made, secret, err := a.Access.CreateApplication(ctx, name, perch.ClientSandbox)
		if err != nil {
			return DevFile{}, err
		}
		dev.ClientID, dev.ClientSecret = made.ID.String(), secret
	}
	if dev.WebhookSecret == "" {
		var key [32]byte
		_, _ = rand.Read(key[:])
		dev.WebhookSecret = base64.StdEncoding.EncodeToString(key[:])
	}
	if webhook != "" {
		dev.WebhookURL = webhook
	}
	dev.APIURL, dev.ConnectURL, dev.DashboardURL = origin, origin, origin+"/dashboard"
	dev.ConsoleURL = origin + "/console"
	if err := a.prepareWebhook(ctx, &dev); err != nil {
		return DevFile{}, err
	}
	return dev, writeDev(path, dev)
}

// ReadDev reads dev.json in a data folder. Without the file, it returns the zero value.
func ReadDev(data string) (DevFile, error) { return readDev(filepath.Join(data, "dev.json")) }

// freeDevName returns "Development", or "Development 2" and so on where dev.json was lost before, so
// that a name still means one application on the command line.
func (a *App) freeDevName(ctx context.Context) (string, error) {
	const first = "Development"
	name := first
	for number := 2; ; number++ {
		taken, err := a.Store.ApplicationsNamed(ctx, name)
		if err != nil || len(taken) == 0 {
			return name, err
		}
		name = fmt.Sprintf("%s %d", first, number)
	}
}

// devOperator is who uses the console of a development folder.
const devOperator = "operator@localhost"

// DevConsoleLink returns a link that signs in to the console once, on this machine. It makes the
// operator on the first start; nobody knows the operator's password.
func (a *App) DevConsoleLink(ctx context.Context, origin string) (string, error) {
	_, err := a.Store.OperatorByEmail(ctx, devOperator)
	if errors.Is(err, store.ErrNotFound) {
		_, _, err = a.Operators.Create(ctx, devOperator, "Local operator", "")
	}
	if err != nil {
		return "", err
	}
	key, err := a.Operators.Link(ctx, devOperator)
	if err != nil {
		return "", err
	}
	return origin + "/console/link?key=" + url.QueryEscape(key), nil
}

// readDev returns the zero value when there is no file yet.
func readDev(path string) (dev DevFile, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return dev, nil
	}
	if err != nil {
		return dev, fmt.Errorf("reading dev.json: %w", err)
	}
	if err := json.Unmarshal(text, &dev); err != nil {
		return dev, fmt.Errorf("%s is not valid JSON (%w): delete it, and a new application is made", path, err)
	}
	return dev, nil
}

// writeDev replaces the file in one step, so that a reader never sees half of it.
func writeDev(path string, dev DevFile) error {
	text, err := json.MarshalIndent(dev, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding dev.json: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing dev.json: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing dev.json: %w", err)
	}
	return nil
}
