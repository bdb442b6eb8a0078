package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/provider/file"
)

// filesReport is what the child process that reads files tells. Times are of the same run, in turn.
type filesReport struct {
	CSV, First, Again time.Duration
	Joined, Changed   int
	PeakMiB           float64
}

// readRounds is how often each reading is measured; the median counts.
const readRounds = 5

// childFiles reads a census as encoding/csv does, as a first file, and as next week's file in which one
// person in a hundred has another pay. It runs in a process of its own so that its memory is its own.
func (b bench) childFiles(folder string) error {
	first, next := filepath.Join(folder, "census.csv"), filepath.Join(folder, "next.csv")
	debug.SetGCPercent(assist.ReadingGCPercent) // as jobs that read files do
	var plain, fresh, again []time.Duration
	var r filesReport
	for range readRounds {
		took, err := timed(func() error { return readPlainly(next) })
		if err != nil {
			return err
		}
		plain = append(plain, took)
		took, err = timed(func() error {
			source, err := openCensus(first, nil)
			if err == nil {
				r.Joined = source.Compare(nil).Joined
				err = keepSnapshot(folder, source)
			}
			return err
		})
		if err != nil {
			return err
		}
		fresh = append(fresh, took)
		took, err = timed(func() error {
			before, err := lastSnapshot(folder)
			if err != nil {
				return err
			}
			source, err := openCensus(next, before)
			if err == nil {
				r.Changed = source.Compare(before).Changed
			}
			return err
		})
		if err != nil {
			return err
		}
		again = append(again, took)
	}
	r.CSV, r.First, r.Again = median(plain), median(fresh), median(again)
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	r.PeakMiB = peak
	return json.NewEncoder(os.Stdout).Encode(r)
}

func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

func readPlainly(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for r := csv.NewReader(f); ; {
		if _, err := r.Read(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func keepSnapshot(folder string, s *file.Source) (err error) {
	f, err := os.Create(filepath.Join(folder, "snapshot"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return s.WriteSnapshot(f, nil)
}

func lastSnapshot(folder string) (_ *file.Snapshot, err error) {
	f, err := os.Open(filepath.Join(folder, "snapshot"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	about, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return file.ReadSnapshot(f, about.Size())
}

func openCensus(path string, before *file.Snapshot) (*file.Source, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	census := file.File{Size: about.Size(), Name: "census.csv", Kind: file.Census, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	return file.Open([]file.File{census}, file.Mapping{}, file.Options{Snapshot: true, Before: before})
}

// files runs the child and prints how reading compares with encoding/csv alone.
func (b bench) files(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "perch-bench-files-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for name, changed := range map[string]int{"census.csv": 0, "next.csv": 100} {
		if err := writeCensus(filepath.Join(folder, name), b.people, changed); err != nil {
			return err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, "-files", folder, "-people", strconv.Itoa(b.people))
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, os.Stderr
	if err := child.Run(); err != nil {
		return fmt.Errorf("reading files: %w", err)
	}
	var r filesReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fmt.Errorf("reading the report on files: %w", err)
	}
	fmt.Printf("\na census of %d rows as CSV: read, mapped, compared with the last one\n", b.people)
	fmt.Printf("encoding/csv      %8.3f s\n", r.CSV.Seconds())
	fmt.Printf("first file        %8.3f s   %d people\n", r.First.Seconds(), r.Joined)
	fmt.Printf("next week's file  %8.3f s   %d people changed\n", r.Again.Seconds(), r.Changed)
	line("next week's file / encoding/csv time", r.Again.Seconds()/r.CSV.Seconds(), "<= 3")
	line("first file / encoding/csv time", r.First.Seconds()/r.CSV.Seconds(), "as it is")
	line("peak memory of the reading process (MiB)", r.PeakMiB, "< 150")
	return nil
}

// writeCensus writes a census of so many people, as payroll systems export it. Those whose number is
// divisible by changed have another pay than with changed 0.
func writeCensus(path string, people, changed int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString("Employee ID,First Name,Middle Initial,Last Name,SSN,Date of Birth,Gender,Ethnicity,Marital Status,Work Email,Mobile Phone," +
		"Address Line 1,City,State,Zip Code,Job Title,Department,Manager ID,Hire Date,Termination Date,Employment Status,Employment Type,Annual Salary,FLSA Status\r\n"); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	for n := 1; n <= people; n++ {
		first, last := pick(firstNames), pick(lastNames)
		pay := 32_000 + random.IntN(150_000)
		if changed > 0 && n%changed == 0 {
			pay += 1000
		}
		status, left := "Active", ""
		if random.IntN(12) == 0 {
			status, left = "Terminated", fmt.Sprintf("%02d/%02d/2025", 1+random.IntN(12), 1+random.IntN(28))
		}
		_, err := fmt.Fprintf(w, "%06d,%s,%c,%s,%03d-%02d-%04d,%02d/%02d/%d,%s,%s,%s,%s.%s%d@example.com,(%d) 555-%04d,\"%d %s St, Apt %d\",%s,%s,%05d,%s,%s,%06d,%02d/%02d/%d,%s,%s,%s,\"$%d,%03d.00\",%s\r\n",
			n, first, 'A'+random.IntN(26), last, 100+random.IntN(500), 1+random.IntN(99), 1+random.IntN(9998), 1+random.IntN(12), 1+random.IntN(28), 1955+random.IntN(45),
			pick([]string{"Female", "Male", "F", "M"}), pick([]string{"White", "Asian", "Black or African American", "Hispanic or Latino", "Two or More Races"}), pick([]string{"Single", "Married", "Divorced"}),
			first, last, n, 201+random.IntN(700), random.IntN(10_000), 1+random.IntN(9999), pick(lastNames), 1+random.IntN(40), pick([]string{"Springfield", "Riverside", "Franklin", "Clinton"}),
			pick([]string{"CA", "TX", "NY", "OH", "WA"}), 10_000+random.IntN(89_999), pick(jobTitles), pick([]string{"Engineering", "Sales", "Operations", "Finance", "People"}), 1+random.IntN(max(1, people/50)),
			1+random.IntN(12), 1+random.IntN(28), 2005+random.IntN(20), left, status, pick([]string{"Full-Time", "Part-Time"}), pay/1000, pay%1000, pick([]string{"Exempt", "Non-Exempt"}))
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

var (
	firstNames = []string{"Ada", "Benjamin", "Carmen", "Dmitri", "Elena", "Franklin", "Grace", "Hector", "Ingrid", "Jamal", "Katherine", "Luis", "Mei", "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samuel", "Tara"}
	lastNames  = []string{"Anderson", "Brooks", "Castillo", "Diaz", "Edwards", "Fischer", "Garcia", "Huang", "Ibrahim", "Johnson", "Kim", "Lopez", "Martinez", "Nguyen", "O'Brien", "Patel", "Quinn", "Robinson", "Schmidt", "Thompson", "Underwood", "Vasquez", "Williams", "Young", "Zimmerman"}
	jobTitles  = []string{"Software Engineer", "Account Executive", "Warehouse Associate", "Financial Analyst", "Recruiter", "Store Manager", "Registered Nurse"}
)
