package sandbox

import (
	"context"
	"testing"
)

func BenchmarkPeople(b *testing.B) {
	s := open(b, 1, MaxEmployees, asOf, nil)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.People(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxEmployees, "ns/person")
}

// BenchmarkMaskedPeople drops a third of the fields.
func BenchmarkMaskedPeople(b *testing.B) {
	s := open(b, 1, MaxEmployees, asOf, without(func(path string) bool { return len(path)%3 == 0 }))
	for b.Loop() {
		for _, err := range s.People(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxEmployees, "ns/person")
}

func BenchmarkPayments(b *testing.B) {
	s := open(b, 1, MaxEmployees, asOf, nil)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.Payments(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkPayStatements(b *testing.B) {
	s := open(b, 1, MaxEmployees, asOf, nil)
	b.ReportAllocs()
	count := 0
	for b.Loop() {
		for _, err := range s.PayStatements(context.Background(), s.runs[0].key) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count), "ns/statement")
	b.ReportMetric(float64(count)/float64(b.N), "statements")
}

// BenchmarkHistory reads every payment and statement of the largest employer that has a history.
func BenchmarkHistory(b *testing.B) {
	ctx := context.Background()
	for b.Loop() {
		s := open(b, 1, 100, asOf.AddDays(280), nil)
		for p, err := range s.Payments(ctx) {
			if err != nil {
				b.Fatal(err)
			}
			for range s.PayStatements(ctx, p.Key) {
			}
		}
	}
}
