package catalog

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// luminance is the relative luminance of WCAG 2 of "#rrggbb".
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func TestWhiteTextIsReadableOnEveryColour(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^#[0-9a-f]{6}$`)
	seen := map[string]bool{}
	for _, c := range colours {
		if !form.MatchString(c) {
			t.Errorf("%q is not #rrggbb", c)
			continue
		}
		if contrast := 1.05 / (luminance(t, c) + 0.05); contrast < 4.5 {
			t.Errorf("%s: contrast %.2f, want 4.5", c, contrast)
		}
		if seen[c] {
			t.Errorf("%s is listed twice", c)
		}
		seen[c] = true
	}
}

func TestAColourDependsOnTheIdAlone(t *testing.T) {
	t.Parallel()
	for _, e := range load(t).All() {
		if e.PrimaryColor != colour(e.ID) {
			t.Errorf("%s: got %s, want %s", e.ID, e.PrimaryColor, colour(e.ID))
		}
	}
	if got := colour("gusto"); got != "#a8442a" {
		t.Errorf("the colour of gusto changed to %s", got)
	}
}
