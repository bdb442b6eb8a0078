package catalog

import "testing"

// BenchmarkLoad guards the start of perch dev: loading must stay far below 20 ms.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}
