package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/provider"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// layouts compares ways to store sealed individuals in SQLite: how large they are, how fast they are
// written, and what 1,000 of them cost to read from the file, on a page and at random. It is the
// measurement behind the layout of internal/records; see docs/architecture.md.
func (b bench) layouts(ctx context.Context) error {
	records, err := individuals(ctx, min(b.people, 50_000))
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	fmt.Printf("Layouts of %d sealed individuals, %d bytes each on average\n\n", len(records), total(records)/len(records))
	fmt.Println("layout                              MiB   write/s   1,000 in order   1,000 at random   in memory MiB per 100,000")
	for _, l := range layoutsOf(records) {
		if err := l.measure(ctx, sealer, records); err != nil {
			return err
		}
	}
	return nil
}

func individuals(ctx context.Context, n int) ([][]byte, error) {
	settings, err := employer.NewSettings(1, n, perch.NewDate(2026, 1, 1), nil)
	if err != nil {
		return nil, err
	}
	encoded, err := settings.Encode()
	if err != nil {
		return nil, err
	}
	source, err := employer.Connector{}.Open(ctx, provider.Account{Settings: encoded, Now: time.Now})
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for person, err := range source.(provider.PeopleReader).People(ctx) {
		if err != nil {
			return nil, err
		}
		person.Individual.ID, person.Individual.SSN = perch.NewID(), nil
		records = append(records, person.Individual.AppendJSON(nil))
	}
	return records, nil
}

func total(records [][]byte) (bytes int) {
	for _, r := range records {
		bytes += len(r)
	}
	return bytes
}

// layout stores perRow records to a row. pack makes the row; open brings it into the form in which a
// cache holds it, from which unpack takes one record without the others.
type layout struct {
	name   string
	perRow int
	pack   func(records [][]byte) []byte
	open   func(row []byte) ([]byte, error)
	unpack func(row []byte, i int) ([]byte, error)
}

func layoutsOf(records [][]byte) []layout {
	encoder, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) // no option can fail
	decoder, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	sample := make([]byte, 0, 4096)
	for _, r := range records[:6] {
		sample = append(sample, r...)
	}
	dictionary := s2.MakeDictManual(sample, 0)
	plain := func(r []byte) []byte { return r }
	asStored := func(row []byte) ([]byte, error) { return row, nil }
	return []layout{
		{"a row per record", 1, func(r [][]byte) []byte { return r[0] }, asStored, func(row []byte, _ int) ([]byte, error) { return row, nil }},
		{"100 to a row", 100, func(r [][]byte) []byte { return join(r, plain) }, asStored, pick},
		{"100 to a row, zstd", 100, func(r [][]byte) []byte { return encoder.EncodeAll(join(r, plain), nil) },
			func(row []byte) ([]byte, error) { return decoder.DecodeAll(row, nil) }, pick},
		{"100 to a row, each by dictionary", 100, func(r [][]byte) []byte {
			return join(r, func(one []byte) []byte { return dictionary.Encode(nil, one) })
		}, asStored, func(row []byte, i int) ([]byte, error) {
			one, err := pick(row, i)
			if err != nil {
				return nil, err
			}
			return dictionary.Decode(nil, one)
		}},
	}
}

// join lays records behind a table of their ends.
func join(records [][]byte, each func([]byte) []byte) []byte {
	head := make([]byte, 4*len(records))
	var body []byte
	for i, r := range records {
		body = append(body, each(r)...)
		end := len(body)
		head[4*i], head[4*i+1], head[4*i+2], head[4*i+3] = byte(end), byte(end>>8), byte(end>>16), byte(end>>24)
	}
	return append(append([]byte{byte(len(records))}, head...), body...)
}

func pick(row []byte, i int) ([]byte, error) {
	n := int(row[0])
	if i >= n {
		return nil, fmt.Errorf("record %d of %d", i, n)
	}
	end := func(i int) int {
		at := row[1+4*i:]
		return int(at[0]) | int(at[1])<<8 | int(at[2])<<16 | int(at[3])<<24
	}
	start := 0
	if i > 0 {
		start = end(i - 1)
	}
	return row[1+4*n+start : 1+4*n+end(i)], nil
}

func (l layout) measure(ctx context.Context, sealer cipher.AEAD, records [][]byte) error {
	folder, err := os.MkdirTemp("", "perch-layout-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	database, err := db.Open(ctx, filepath.Join(folder, "layout.db"))
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	if _, err := database.Write.ExecContext(ctx, `CREATE TABLE records (number BIGINT PRIMARY KEY, body BYTEA NOT NULL)`); err != nil {
		return err
	}
	bytes, held, began := 0, 0, time.Now()
	err = database.Tx(ctx, func(tx *sql.Tx) error {
		for at := 0; at < len(records); at += l.perRow {
			row := l.pack(records[at:min(at+l.perRow, len(records))])
			opened, err := l.open(row)
			if err != nil {
				return err
			}
			held += len(opened)
			nonce := make([]byte, 12)
			_, _ = rand.Read(nonce)
			sealed := sealer.Seal(nonce, nonce, row, nil)
			bytes += len(sealed)
			if _, err := tx.ExecContext(ctx, `INSERT INTO records (number, body) VALUES ($1, $2)`, at/l.perRow, sealed); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	written := time.Since(began)
	rng := mathrand.New(mathrand.NewPCG(1, 1))
	inOrder, err := l.read(ctx, database, sealer, func(i int) int { return len(records)/2 + i })
	if err != nil {
		return err
	}
	atRandom, err := l.read(ctx, database, sealer, func(int) int { return rng.IntN(len(records)) })
	if err != nil {
		return err
	}
	const mib = 1 << 20
	fmt.Printf("%-34s %5.1f %9.0f %13.1f ms %14.1f ms %15.1f\n", l.name, float64(bytes)/mib, float64(len(records))/written.Seconds(),
		inOrder, atRandom, float64(held)/float64(len(records))*100_000/mib)
	return nil
}

// read returns the milliseconds for 1,000 records from the file, the best of several rounds; rows are
// opened once per round.
func (l layout) read(ctx context.Context, database *db.DB, sealer cipher.AEAD, position func(int) int) (float64, error) {
	statement, err := database.Read.PrepareContext(ctx, `SELECT body FROM records WHERE number = $1`)
	if err != nil {
		return 0, err
	}
	defer func() { _ = statement.Close() }()
	best := time.Hour
	for range 5 {
		began := time.Now()
		open := map[int][]byte{}
		for i := range 1000 {
			at := position(i)
			row, ok := open[at/l.perRow]
			if !ok {
				var sealed []byte
				if err := statement.QueryRowContext(ctx, at/l.perRow).Scan(&sealed); err != nil {
					return 0, err
				}
				if row, err = sealer.Open(nil, sealed[:12], sealed[12:], nil); err != nil {
					return 0, err
				}
				if row, err = l.open(row); err != nil {
					return 0, err
				}
				open[at/l.perRow] = row
			}
			if _, err := l.unpack(row, at%l.perRow); err != nil {
				return 0, err
			}
		}
		best = min(best, time.Since(began))
	}
	return float64(best.Microseconds()) / 1000, nil
}
