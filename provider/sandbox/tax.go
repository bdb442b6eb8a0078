package sandbox

import "github.com/perchhq/perch"

// bracket is a rate, in thousandths of a percent, on what exceeds an annual amount in dollars.
type bracket struct{ over, rate int64 }

// filing is a column of a withholding table.
type filing int

const (
	filingSingle filing = iota
	filingJoint
	filingHead
)

// yearRules are the federal figures of one year; amounts are dollars.
type yearRules struct {
	year int
	// socialBase is the most wages on which social security tax is due (SSA, "Contribution and
	// Benefit Base").
	socialBase int64
	// brackets are the standard withholding tables of the percentage method for automated payroll,
	// annual, Form W-4 of 2020 or later with Step 2 not ticked (IRS Publication 15-T of the year).
	brackets [3][]bracket
	// childCredit is the amount per qualifying child of Step 3 of the year's Form W-4.
	childCredit int64
	// deferralLimit caps elective deferrals (Internal Revenue Code section 402(g)); highlyPaid and
	// keyOfficer are the pay limits of sections 414(q) and 416(i). All from the IRS notices on
	// retirement plan limits: 2023-75, 2024-80, 2025-67.
	deferralLimit, highlyPaid, keyOfficer int64
	// catchUp is what people of 50 and more may defer beyond that (the same notices); savingsSelf and
	// savingsFamily cap contributions to a health savings account (Revenue Procedures 2023-23, 2024-25,
	// 2025-19).
	catchUp, savingsSelf, savingsFamily int64
}

// federal has the years that are known. Earlier years use the first, later years the last.
var federal = []yearRules{
	{2024, 168_600, [3][]bracket{
		{{6_000, 10000}, {17_600, 12000}, {53_150, 22000}, {106_525, 24000}, {197_950, 32000}, {249_725, 35000}, {615_350, 37000}},
		{{16_300, 10000}, {39_500, 12000}, {110_600, 22000}, {217_350, 24000}, {400_200, 32000}, {503_750, 35000}, {747_500, 37000}},
		{{13_300, 10000}, {29_850, 12000}, {76_400, 22000}, {113_800, 24000}, {205_250, 32000}, {257_000, 35000}, {622_650, 37000}},
	}, 2_000, 23_000, 155_000, 220_000, 7_500, 4_150, 8_300},
	{2025, 176_100, [3][]bracket{
		{{6_400, 10000}, {18_325, 12000}, {54_875, 22000}, {109_750, 24000}, {203_700, 32000}, {256_925, 35000}, {632_750, 37000}},
		{{17_100, 10000}, {40_950, 12000}, {114_050, 22000}, {223_800, 24000}, {411_700, 32000}, {518_150, 35000}, {768_700, 37000}},
		{{13_900, 10000}, {30_900, 12000}, {78_750, 22000}, {117_250, 24000}, {211_200, 32000}, {264_400, 35000}, {640_250, 37000}},
	}, 2_000, 23_500, 160_000, 230_000, 7_500, 4_300, 8_550},
	{2026, 184_500, [3][]bracket{
		{{7_500, 10000}, {19_900, 12000}, {57_900, 22000}, {113_200, 24000}, {209_275, 32000}, {263_725, 35000}, {648_100, 37000}},
		{{19_300, 10000}, {44_100, 12000}, {120_100, 22000}, {230_700, 24000}, {422_850, 32000}, {531_750, 35000}, {788_000, 37000}},
		{{15_550, 10000}, {33_250, 12000}, {83_000, 22000}, {121_250, 24000}, {217_300, 32000}, {271_750, 35000}, {656_150, 37000}},
	}, 2_200, 24_500, 160_000, 235_000, 8_000, 4_400, 8_750},
}

func rulesOf(year int) *yearRules {
	return &federal[min(max(year-federal[0].year, 0), len(federal)-1)]
}

// Federal rates in basis points, and limits in cents, that do not change with the year: Internal
// Revenue Code sections 3101, 3111 and 3301; Publication 15, section 7 on supplemental wages.
const (
	socialRate         = 620
	medicareRate       = 145
	additionalRate     = 90
	additionalOver     = 200_000_00
	unemploymentRate   = 60
	unemploymentBase   = 7_000_00
	supplementalRate   = 2200
	stateInsuranceRate = 270
)

// portion returns a rate in basis points of an amount, rounded half up to the cent.
func portion(cents, basisPoints int64) int64 { return (cents*basisPoints + 5000) / 10000 }

// ratio returns amount*part/whole rounded half up.
func ratio(amount, part, whole int64) int64 { return (2*amount*part + whole) / (2 * whole) }

// below returns how much of an amount that follows earlier ones stays under a yearly limit.
func below(limit, earlier, amount int64) int64 {
	return max(0, min(amount, limit-earlier))
}

// wholeRate is 100 % in the unit of brackets.
const wholeRate = 100_000

// annualTax applies brackets to annual wages in cents; scale multiplies the thresholds. The result
// is in ten-thousandths of a cent, so that it is rounded once, after the division by the number of
// pay periods.
func annualTax(wages int64, brackets []bracket, scale int64) int64 {
	var tax, rate int64
	for _, b := range brackets {
		over := b.over * 100 * scale
		if wages <= over {
			break
		}
		tax += (wages - over) * (b.rate - rate)
		rate = b.rate
	}
	return tax
}

// withheld is the federal income tax on one period's regular wages, extra withholding aside: Worksheet
// 1A of Publication 15-T, the percentage method of automated payroll for forms of every year.
func (y *yearRules) withheld(wages, perYear int64, form *certificate) int64 {
	annual := wages*perYear + form.adjustment()
	whole := wholeRate * perYear
	tax := (annualTax(annual, y.brackets[form.column()], 1) + whole/2) / whole
	return max(0, tax-ratio(form.credits(), 1, perYear))
}

// levy is a state or local tax on wages.
type levy struct {
	name string
	kind perch.TaxType
	// deduction is what a year's wages are reduced by, in dollars; twice that for joint filers.
	deduction int64
	// tables are the brackets of 2024, 2025 and 2026; joint filers have twice the thresholds. A
	// single table serves every year.
	tables [][]bracket
	// onDeferrals says that deferrals to a retirement plan are taxed.
	onDeferrals bool
	// flat says that the rate applies to the period's wages as they are, without annualising them.
	flat bool
}

func (l *levy) table(year int) []bracket {
	return l.tables[min(max(year-federal[0].year, 0), len(l.tables)-1)]
}

// due is the tax on one period: on regular wages as if they were earned all year, plus what a bonus
// adds to that year's tax.
func (l *levy) due(wages, bonus, perYear int64, column filing, year int) int64 {
	table := l.table(year)
	if l.flat {
		return ratio(wages+bonus, table[0].rate, wholeRate)
	}
	scale := int64(1)
	if column == filingJoint {
		scale = 2
	}
	annual := wages*perYear - l.deduction*100*scale
	regular := annualTax(annual, table, scale)
	whole := wholeRate * perYear
	tax := (regular + whole/2) / whole
	if bonus > 0 {
		tax += (annualTax(annual+bonus, table, scale) - regular + wholeRate/2) / wholeRate
	}
	return tax
}
