package file

import (
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

// title is a column title as words, with questions that the item rules ask.
type title struct {
	words   []string
	compact string
}

// slashes are abbreviations that a slash parts although they are one word.
var slashes = strings.NewReplacer("W/H", "WH", "w/h", "wh", "O/T", "OT", "o/t", "ot", "D/T", "DT")

func newTitle(s string) title {
	words := titleWords(slashes.Replace(s))
	return title{words: words, compact: strings.Join(words, "")}
}

// has reports whether any of the words, separated by spaces, is a word of the title.
func (t title) has(any string) bool {
	for w := range strings.SplitSeq(any, " ") {
		if slices.Contains(t.words, w) {
			return true
		}
	}
	return false
}

// spells reports whether any of the words occurs in the title written without spaces, at a place where
// words may have been written together.
func (t title) spells(any string) bool {
	for w := range strings.SplitSeq(any, " ") {
		if strings.Contains(t.compact, w) {
			return true
		}
	}
	return false
}

func (t title) employerSide() bool {
	return t.has("er employer company co match matching erpd") || t.spells("ermatch companymatch")
}

// state reports whether a word is the code of a US state; "me", "in", "or", "co" are words too, so it is
// asked only next to words of taxes.
func (t title) state() bool {
	return slices.ContainsFunc(t.words, func(w string) bool { return len(w) == 2 && stateCodes[strings.ToUpper(w)] })
}

// itemColumn classifies the title of a payroll column that is a line of a statement.
func itemColumn(text string) (Column, int, bool) {
	t := newTitle(text)
	if len(t.words) == 0 || len(t.words) > 8 {
		return Column{}, 0, false
	}
	c := Column{Column: text}
	if t.has("ytd mtd qtd taxable total totals subject rate") || t.has("wages") && t.taxWord() {
		return c, 0, false
	}
	for _, rule := range itemRules {
		if confidence, ok := rule(t, &c); ok {
			return c, confidence, true
		}
	}
	return c, 0, false
}

// itemRules are asked in order: hours before earnings, the employer's share before the employee's, taxes
// before benefits ("MED EE" is Medicare, "Medical EE" is not).
var itemRules = []func(title, *Column) (int, bool){hoursItem, reimbursementItem, taxItem, benefitItem, earningItem}

func hoursItem(t title, c *Column) (int, bool) {
	if !t.has("hours hrs hr hour") && !strings.HasSuffix(t.compact, "hours") && !strings.HasSuffix(t.compact, "hrs") {
		return 0, false
	}
	c.Field = FieldHours
	// Of is filled when the earning columns are known; until then it says of which type the hours are.
	c.Type = string(earningTypeOf(t))
	if c.Type == "" {
		c.Shared = len(t.words) == 1
	}
	return 90, true
}

func reimbursementItem(t title, c *Column) (int, bool) {
	if !t.has("reimb reimbursement reimbursements reimburse mileage expense expenses perdiem") && !t.spells("reimb") {
		return 0, false
	}
	c.Field = FieldReimbursement
	return 90, true
}

func (t title) taxWord() bool {
	var c Column
	_, ok := taxItem(t, &c)
	return ok
}

func taxItem(t title, c *Column) (int, bool) {
	c2 := Column{Column: c.Column, Field: FieldTax, Employer: t.employerSide()}
	confidence := 90
	tax := func(kind perch.TaxType) (int, bool) {
		c2.Type = string(kind)
		*c = c2
		return confidence, true
	}
	switch {
	case t.has("futa fuit") || t.spells("federalunemployment"):
		c2.Employer = true
		return tax(perch.TaxFederal)
	case t.has("fitw fit fwt fwh fitwh fedwh fedtax") || t.spells("federalincometax federalwithholding fedincome federaltax federalwh fedwithholding"),
		t.has("federal fed") && t.has("tax wh withholding wt income"), t.compact == "federal":
		return tax(perch.TaxFederal)
	case t.has("fica oasdi") || t.spells("socialsecurity socsec"), t.has("ss") && !t.has("number no"),
		t.has("medicare medi mcare") || t.spells("medicare"), t.has("med") && (t.has("ee er tax employer employee wh") || len(t.words) == 1):
		if t.compact == "med" {
			confidence = 55
		}
		return tax(perch.TaxFICA)
	case t.has("sui suta suit sute") || t.spells("stateunemployment unemploymentinsurance"), t.has("ett eti wf workforce"), t.spells("employmenttraining"):
		// Unemployment is the employer's, except where a title says that the employee pays a share.
		c2.Employer = !t.has("ee employee")
		return tax(perch.TaxState)
	case t.has("sit sitw swt swh sdi vpdi tdi dbl pfml pfl fli fmla pfmla fml paidleave casdi nysdi") || t.spells("stateincometax statewithholding statetax paidfamily disabilityinsurance stateincome statewh"),
		t.has("state") && t.has("tax wh withholding wt income"), t.state() && t.has("tax wh withholding income"):
		return tax(perch.TaxState)
	case t.has("lit lst eit opt local city county municipal school occupational") && t.has("tax wh withholding income lst eit opt lit services"),
		t.has("lst eit") || t.spells("localtax citytax localincome localservices"):
		return tax(perch.TaxLocal)
	}
	return 0, false
}

// benefitRule names a benefit type by words of the title and by parts of titles written together.
type benefitRule struct {
	words, spelled string
	kind           perch.BenefitType
	preTax         bool
}

var benefitRules = []benefitRule{
	{"401kloan", "401kloan 401loan loan401k", perch.Benefit401kLoan, false},
	{"roth401k 401kroth", "roth401k 401kroth roth401", perch.Benefit401kRoth, false},
	{"403broth", "roth403 403broth", perch.Benefit403bRoth, false},
	{"457roth", "roth457 457broth 457roth", perch.Benefit457Roth, false},
	{"roth", "", perch.Benefit401kRoth, false},
	{"401k 401 k401", "401k", perch.Benefit401k, true},
	{"403b 403", "403b", perch.Benefit403b, true},
	{"457 457b", "457b", perch.Benefit457, true},
	{"", "simpleira", perch.BenefitSimpleIRA, true},
	{"simple", "", perch.BenefitSimple, true},
	{"hsa", "healthsavings", perch.BenefitHSAPre, true},
	{"dcfsa dcap", "dependentcare fsadependent depcare fsadc", perch.BenefitFSADependent, true},
	{"fsa", "flexiblespending medicalfsa healthfsa", perch.BenefitFSAMedical, true},
	{"dental dent", "dental", perch.BenefitS125Dental, true},
	{"vision vis", "vision", perch.BenefitS125Vision, true},
	{"medical health hmo ppo hdhp", "medical healthins", perch.BenefitS125Medical, true},
	{"commuter transit parking", "commuter", perch.BenefitCommuter, true},
	{"garnishment garnishments garn garnish levy levies", "garnish childsupport taxlevy wagegarn", perch.BenefitCustomPostTax, false},
	{"life ltd std disability add accident critical union dues loan advance uniform charity donation pet legal insurance ins aflac deduction ded miscded", "voluntarylife", perch.BenefitCustomPostTax, false},
	{"cafeteria s125 sec125 section125", "section125 cafeteria", perch.BenefitCustomPreTax, true},
}

func benefitItem(t title, c *Column) (int, bool) {
	for _, r := range benefitRules {
		if (r.words == "" || !t.has(r.words)) && (r.spelled == "" || !t.spells(r.spelled)) {
			continue
		}
		kind, preTax := r.kind, r.preTax
		switch {
		case t.has("post aftertax posttax") || t.spells("posttax aftertax"):
			preTax = false
		case t.has("pre pretax pretaxed") || t.spells("pretax"):
			preTax = true
		}
		kind = onSideOf(kind, preTax)
		c.Type = string(kind)
		if t.employerSide() {
			c.Field = FieldContribution
			return 90, true
		}
		c.Field, c.PreTax = FieldDeduction, &preTax
		return 90, true
	}
	return 0, false
}

// onSideOf moves a benefit type to the one for the other tax treatment, where there is one.
func onSideOf(kind perch.BenefitType, preTax bool) perch.BenefitType {
	switch {
	case kind == perch.BenefitHSAPre && !preTax:
		return perch.BenefitHSAPost
	case kind == perch.BenefitCustomPostTax && preTax:
		return perch.BenefitCustomPreTax
	case kind == perch.BenefitCustomPreTax && !preTax,
		!preTax && oneOf(kind, perch.BenefitS125Medical, perch.BenefitS125Dental, perch.BenefitS125Vision):
		return perch.BenefitCustomPostTax
	}
	return kind
}

// earningTypeOf returns the type of an earning or of its hours, "" for regular pay.
func earningTypeOf(t title) perch.EarningType {
	switch {
	case t.has("dt double dbl doubletime"), t.spells("doubletime doubleovertime"):
		return perch.EarningDoubleOvertime
	case t.has("ot overtime otp"), t.spells("overtime"):
		return perch.EarningOvertime
	case t.has("bonus bonuses bon"), t.spells("bonus"):
		return perch.EarningBonus
	case t.has("commission commissions comm"), t.spells("commission"):
		return perch.EarningCommission
	case t.has("sick"), t.spells("sickpay sicktime"):
		return perch.EarningSick
	case t.has("pto vacation vac holiday hol personal floating bereavement"), t.spells("paidtimeoff vacation holiday"):
		return perch.EarningPTO
	case t.has("tips tip gratuity"):
		return perch.EarningTips
	case t.has("severance sev"):
		return perch.EarningSeverance
	case t.has("1099 nec"):
		return perch.Earning1099
	case t.has("retro allowance stipend other misc jury gtl award spot gift imputed fringe shift differential"):
		return perch.EarningOther
	}
	return ""
}

func earningItem(t title, c *Column) (int, bool) {
	kind := earningTypeOf(t)
	switch {
	case kind == perch.EarningOther:
		c.Field, c.Type = FieldEarning, string(kind)
		return 60, true
	case kind != "":
		c.Field, c.Type = FieldEarning, string(kind)
		return 90, true
	case t.has("salary"):
		c.Field, c.Type = FieldEarning, string(perch.EarningSalary)
		return 90, true
	case t.has("hourly wage wages"):
		c.Field, c.Type = FieldEarning, string(perch.EarningWage)
		return 85, true
	case t.has("regular reg base") || t.spells("regularpay regpay basepay regularearnings"):
		c.Field = FieldEarning
		return 90, true
	}
	return 0, false
}
