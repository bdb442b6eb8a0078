package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/perchhq/perch/internal/app"
)

// reads serves the employer that the child synced and compares each read with a bare handler.
func (b bench) reads(ctx context.Context, folder string) error {
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Config{Data: folder, NoRateLimits: true})
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	perchAt, stop, err := listen(a.API.Handler())
	if err != nil {
		return err
	}
	defer stop()
	d := driver{perchAt: perchAt, token: string(token), window: b.window}
	return d.compareAll(b.people)
}

func (d driver) compareAll(people int) error {
	fmt.Println("\nreads, per second                  cold       warm       bare   warm/bare")
	deep := people - people/100
	first := d.get("/employer/directory?limit=100&offset=0")
	last := d.get(fmt.Sprintf("/employer/directory?limit=100&offset=%d", deep))
	if err := d.compare("directory, offset 0", first, 0.5); err != nil {
		return err
	}
	if err := d.compare(fmt.Sprintf("directory, offset %d", deep), last, 0.5); err != nil {
		return err
	}
	ratio, err := d.versus(last, first)
	if err != nil {
		return err
	}
	line("deep page / first page", ratio, "0.90 .. 1.10")
	for _, batch := range []struct {
		name   string
		random bool
		want   float64
	}{{"individual, 1,000 in page order", false, 0.5}, {"individual, 1,000 at random", true, 0.25}} {
		body, err := d.batch(people, batch.random)
		if err != nil {
			return err
		}
		if err := d.compare(batch.name, d.post("/employer/individual", body), batch.want); err != nil {
			return err
		}
	}
	return nil
}

// batch returns the body of a request for 1,000 people.
func (d driver) batch(people int, random bool) ([]byte, error) {
	const size = 1000
	ids, err := d.directoryIDs(people)
	if err != nil {
		return nil, err
	}
	if random {
		rng := rand.New(rand.NewPCG(1, 2))
		rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	}
	type item struct {
		ID string `json:"individual_id"`
	}
	var request struct {
		Requests []item `json:"requests"`
	}
	for _, id := range ids[:min(size, len(ids))] {
		request.Requests = append(request.Requests, item{id})
	}
	return json.Marshal(request)
}

func (d driver) directoryIDs(people int) ([]string, error) {
	var ids []string
	for offset := 0; offset < people; offset += 10_000 {
		body, err := d.fetch(d.perchAt, d.get(fmt.Sprintf("/employer/directory?limit=10000&offset=%d", offset)))
		if err != nil {
			return nil, err
		}
		var page struct {
			Individuals []struct{ ID string }
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, err
		}
		for _, one := range page.Individuals {
			ids = append(ids, one.ID)
		}
	}
	return ids, nil
}

// turns is how often two things are measured in turn; the best of each counts, because others use the
// machine too.
const turns = 4

// compare measures one request on Perch and on a bare handler that answers the same bytes, turn by
// turn, and prints the ratio.
func (d driver) compare(name string, request wireRequest, want float64) error {
	began := time.Now()
	answer, err := d.fetch(d.perchAt, request)
	if err != nil {
		return err
	}
	cold := 1 / time.Since(began).Seconds()
	bareAt, stop, err := listen(bare(answer, request.body != nil))
	if err != nil {
		return err
	}
	defer stop()
	warm, reference, err := d.inTurn(func() (float64, error) { return d.load(d.perchAt, request) },
		func() (float64, error) { return d.load(bareAt, request) })
	if err != nil {
		return err
	}
	fmt.Printf("%-30s %8.0f %10.0f %10.0f\n", name, cold, warm, reference)
	line("", warm/reference, fmt.Sprintf(">= %.2f", want))
	return nil
}

// versus returns how much faster one request is answered than another.
func (d driver) versus(one, other wireRequest) (float64, error) {
	a, b, err := d.inTurn(func() (float64, error) { return d.load(d.perchAt, one) },
		func() (float64, error) { return d.load(d.perchAt, other) })
	return a / b, err
}

func (d driver) inTurn(one, other func() (float64, error)) (bestOne, bestOther float64, err error) {
	for range turns {
		a, err := one()
		if err != nil {
			return 0, 0, err
		}
		b, err := other()
		if err != nil {
			return 0, 0, err
		}
		bestOne, bestOther = max(bestOne, a), max(bestOther, b)
	}
	return bestOne, bestOther, nil
}

// bare answers the given bytes, after decoding the body of a batch as a plain handler would.
func bare(answer []byte, batch bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if batch {
			var request struct {
				Requests []struct {
					ID string `json:"individual_id"`
				} `json:"requests"`
			}
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	})
}

func listen(handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

type wireRequest struct {
	head string
	body []byte
}

func (d driver) get(path string) wireRequest {
	return wireRequest{head: d.head("GET", path, 0)}
}

func (d driver) post(path string, body []byte) wireRequest {
	return wireRequest{head: d.head("POST", path, len(body)), body: body}
}

func (d driver) head(method, path string, length int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nFinch-API-Version: 2020-09-17\r\n", method, path, d.perchAt, d.token)
	if length > 0 {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", length)
	}
	b.WriteString("\r\n")
	return b.String()
}
