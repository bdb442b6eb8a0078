package sandbox

import "github.com/perchhq/perch"

// stateTaxes holds what employees pay by state of work. The tables are simplified: one column of
// brackets (those of single filers, doubled for joint ones), the main deduction or exemption, no
// credits, no paid-leave programmes but California's disability insurance. Figures are from the
// withholding guides of the states' revenue departments for 2024, 2025 and 2026; where one figure
// stands it is that of 2025. Texas, Washington, Florida and Tennessee tax no wages.
var stateTaxes = map[string][]levy{
	"NY": {state("New York State Income Tax", 8_000, []bracket{{0, 4000}, {8_500, 4500}, {11_700, 5250}, {13_900, 5500}, {80_650, 6000}, {215_400, 6850}, {1_077_550, 9650}})},
	"PA": {{name: "Pennsylvania State Income Tax", kind: perch.TaxState, tables: flat(3070), onDeferrals: true}},
	"OH": {state("Ohio State Income Tax", 0, []bracket{{26_050, 2750}, {100_000, 3500}}, []bracket{{26_050, 2750}, {100_000, 3125}}, []bracket{{26_050, 2750}})},
	"MI": {state("Michigan State Income Tax", 5_800, []bracket{{0, 4250}})},
	"IN": {state("Indiana State Income Tax", 1_000, flat(3050, 3000, 2950)...)},
	"CA": {
		state("California State Income Tax", 5_540, []bracket{{0, 1000}, {10_756, 2000}, {25_499, 4000}, {40_245, 6000}, {55_866, 8000}, {70_606, 9300}, {360_659, 10300}, {432_787, 11300}, {721_314, 12300}}),
		{name: "California State Disability Insurance", kind: perch.TaxState, tables: flat(1100, 1200, 1300), onDeferrals: true, flat: true},
	},
	"IL": {state("Illinois State Income Tax", 2_850, flat(4950)...)},
	"CO": {state("Colorado State Income Tax", 15_000, flat(4250, 4400)...)},
	"NC": {state("North Carolina State Income Tax", 12_750, flat(4500, 4250, 3990)...)},
	"MA": {state("Massachusetts State Income Tax", 4_400, []bracket{{0, 5000}, {1_083_150, 9000}})},
	"GA": {state("Georgia State Income Tax", 12_000, flat(5390, 5190, 5090)...)},
	"AZ": {state("Arizona State Income Tax", 15_000, flat(2500)...)},
	"UT": {state("Utah State Income Tax", 0, flat(4550, 4500)...)},
}

// cityTaxes holds local taxes by city of work. New York City's and Philadelphia's are those of
// residents: generated people live in the taxing city where they work.
var cityTaxes = map[string][]levy{
	"New York":     {local("New York City Resident Tax", false, []bracket{{0, 3078}, {12_000, 3762}, {25_000, 3819}, {50_000, 3876}})},
	"Philadelphia": {local("Philadelphia Wage Tax", true, flat(3750, 3740)...)},
	"Columbus":     {local("Columbus City Income Tax", true, flat(2500)...)},
	"Detroit":      {local("Detroit City Income Tax", false, flat(2400)...)},
	"Indianapolis": {local("Marion County Income Tax", false, flat(2020)...)},
}

// insuranceBases are the wage bases of state unemployment insurance in dollars (state workforce
// agencies, 2025). Every employer pays the common new-employer rate of 2.7 %.
var insuranceBases = map[string]int64{
	"TX": 9_000, "WA": 72_800, "FL": 7_000, "TN": 7_000, "NY": 12_800, "PA": 10_000, "OH": 9_000, "MI": 9_000, "IN": 9_500,
	"CA": 7_000, "IL": 13_916, "CO": 27_200, "NC": 32_600, "MA": 15_000, "GA": 9_500, "AZ": 8_000, "UT": 48_900,
}

// placeTaxes are the rules for work in one place.
type placeTaxes struct {
	levies []levy
	// insuranceBase is in cents.
	insuranceBase int64
	insurance     string
}

// taxesAt is parallel to places.
var taxesAt = func() []placeTaxes {
	rules := make([]placeTaxes, len(places))
	for i, p := range places {
		rules[i].levies = append(rules[i].levies, stateTaxes[p.state]...)
		rules[i].levies = append(rules[i].levies, cityTaxes[p.city]...)
		rules[i].insuranceBase = insuranceBases[p.state] * 100
		rules[i].insurance = p.state + " Unemployment Insurance"
	}
	return rules
}()

func state(name string, deduction int64, tables ...[]bracket) levy {
	return levy{name: name, kind: perch.TaxState, deduction: deduction, tables: tables}
}

func local(name string, onDeferrals bool, tables ...[]bracket) levy {
	return levy{name: name, kind: perch.TaxLocal, tables: tables, onDeferrals: onDeferrals}
}

// flat makes a table of one rate per year.
func flat(rates ...int64) [][]bracket {
	tables := make([][]bracket, len(rates))
	for i, r := range rates {
		tables[i] = []bracket{{0, r}}
	}
	return tables
}
