package sandbox

import perch "github.com/perchhq/perch"

// position is how a standing shows in the record.
type position struct {
	kind    perch.EmploymentType
	subtype perch.EmploymentSubtype
	status  perch.EmploymentStatus
}

// standings are indexed by standing.
var standings = [...]position{
	standingActive:         {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentActive},
	standingLeft:           {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentTerminated},
	standingContractor:     {perch.EmploymentContractor, perch.SubtypeIndividualContractor, perch.EmploymentActive},
	standingPartTime:       {perch.EmploymentEmployee, perch.SubtypePartTime, perch.EmploymentActive},
	standingOnLeave:        {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentLeave},
	standingIntern:         {perch.EmploymentEmployee, perch.SubtypeIntern, perch.EmploymentActive},
	standingTemp:           {perch.EmploymentEmployee, perch.SubtypeTemp, perch.EmploymentActive},
	standingSeasonal:       {perch.EmploymentEmployee, perch.SubtypeSeasonal, perch.EmploymentActive},
	standingPrehire:        {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentPrehire},
	standingRetired:        {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentRetired},
	standingDeceased:       {perch.EmploymentEmployee, perch.SubtypeFullTime, perch.EmploymentDeceased},
	standingContractorLeft: {perch.EmploymentContractor, perch.SubtypeIndividualContractor, perch.EmploymentTerminated},
}

// The one union with which some of the hourly staff of operating departments are organised.
var (
	unionCode  = "APW"
	unionLocal = "Local 0214"
)

// employment fills the job.
func (r *record) employment(p *profile) {
	v := &r.out.Employment
	in := &r.out.Individual
	*v = perch.Employment{FirstName: in.FirstName, MiddleName: in.MiddleName, LastName: in.LastName}
	r.title = p.name
	v.Title = &r.title
	v.Department = r.executive
	if p.post.unit >= 0 {
		v.Department = r.departmentOf[p.post.unit]
	}
	at := &standings[p.post.standing]
	r.kind = perch.EmploymentKind{Type: &at.kind, Subtype: &at.subtype}
	r.active = p.active()
	v.Employment, v.EmploymentStatus, v.IsActive = &r.kind, &at.status, &r.active
	r.dates(p, v)
	v.Location = r.offices[p.office]
	r.incomes(p, v)
	r.classify(p, v)
	if p.dice.chance(askCustom, 300) {
		v.CustomFields = customFields[p.dice.below(askCustom+1000, len(customFields))]
	}
	v.SourceID, v.WorkID = &r.parts[partSource], &r.parts[partWork]
}

func (r *record) dates(p *profile, v *perch.Employment) {
	r.start, r.end, r.rehired = p.start, p.end, p.rehired
	v.StartDate = &r.start
	if p.end != 0 {
		v.EndDate = &r.end
	}
	if p.rehired != 0 {
		v.LatestRehireDate = &r.rehired
	}
}

// incomes fills current pay and the rates before it, newest first.
func (r *record) incomes(p *profile, v *perch.Employment) {
	r.unit, r.rates = p.unit, p.rates
	r.income = r.incomeAt(0)
	v.Income = &r.income
	for i := 1; i < p.rateSize; i++ {
		r.history[i-1] = r.incomeAt(i)
	}
	v.IncomeHistory = r.history[:p.rateSize-1]
}

func (r *record) incomeAt(i int) perch.Income {
	at := &r.rates[i]
	return perch.Income{Unit: &r.unit, Amount: &at.amount, Currency: &currency, EffectiveDate: &at.from}
}

// classify fills what labour and tax law make of the job.
func (r *record) classify(p *profile, v *perch.Employment) {
	if p.contractor() {
		return
	}
	v.FLSAStatus = &nonExempt
	if p.unit == perch.IncomeYearly {
		v.FLSAStatus = &exempt
	}
	class := &officeClass
	if p.title != nil {
		class = &p.title.class
	}
	if !p.dice.chance(askClass, 120) {
		v.ClassCode = class
	}
	if p.group == groupHourly && p.post.unit >= 0 && r.units[p.post.unit].union && p.dice.chance(askUnion, 150) {
		v.UnionCode, v.UnionLocal = &unionCode, &unionLocal
	}
	paid, rules := r.paidLastYear(p), rulesOf(r.asOf.Year()-1)
	owner := p.post.manager == noManager // the founder holds more than five percent
	r.high = owner || paid > rules.highlyPaid*100
	r.key = owner || p.post.height > len(ladder) && paid > rules.keyOfficer*100
	v.HighlyCompensatedEmployee, v.KeyEmployee = &r.high, &r.key
}

var officeClass = classClerical

// paidLastYear is the base pay, in cents, for the part of the previous calendar year in which the
// person was employed.
func (r *record) paidLastYear(p *profile) int64 {
	year := r.asOf.Year() - 1
	from, to := perch.NewDate(year, 1, 1), perch.NewDate(year, 12, 31)
	whole := weekdays(from, to)
	if p.end != 0 {
		to = min(to, p.end)
	}
	worked := weekdays(max(from, p.start), to)
	yearly := p.rateOn(to)
	if p.unit == perch.IncomeHourly {
		yearly *= fullTimeHours
	}
	return ratio(yearly, worked, whole)
}
