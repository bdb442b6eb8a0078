package file

import (
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Aspect is a part of what is known of a person, as comparisons speak of it.
type Aspect uint8

// Aspects, in the order in which they are shown.
const (
	AspectName Aspect = iota
	AspectSSN
	AspectBirthDate
	AspectContact
	AspectAddress
	AspectTitle
	AspectDepartment
	AspectManager
	AspectStatus
	AspectStart
	AspectEnd
	AspectEmployment
	AspectPay
	AspectPayUnit
	AspectWorkplace
	AspectOther
	aspects
)

// String returns the aspect as people say it.
func (a Aspect) String() string {
	return [...]string{"name", "social security number", "birth date", "contact", "address", "title", "department", "manager",
		"status", "start date", "end date", "employment type", "pay", "unit of pay", "place of work", "other"}[a]
}

// Print is what is kept of a person to compare a later reading with: hashes, and pay as it was.
type Print struct {
	// keys are hashes of the employee number, the social security number and the name; 0 for none.
	keys [3]uint64
	// aspects are hashes; 0 means that nothing was said.
	aspects [aspects]uint32
	pay     int64
	unit    uint8
	active  answer
	// text is a hash of the row as it stood in the file; 0 where it has to be read again whatever it says.
	text uint64
	// manager is a hash of the manager's key, 0 where the row names none by number alone.
	manager    uint64
	department string
}

// said hashes texts; what is said is never 0, even if it is blank.
func said(parts ...string) uint32 {
	var d xxhash.Digest
	d.Reset()
	for _, p := range parts {
		_, _ = d.WriteString(p)
		_, _ = d.WriteString("\x00")
	}
	return uint32(d.Sum64()) | 1
}

func str[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func day(d *perch.Date) string {
	if d == nil {
		return ""
	}
	return string([]byte{byte(*d), byte(*d >> 8), byte(*d >> 16), byte(*d >> 24)})
}

// keyKinds are the prefixes of keys, in the order in which prints hold them.
var keyKinds = [...]string{"employee:", "ssn:", "name:"}

// of fills the print in.
func (pr *Print) of(p *provider.Person, manager managerRef) {
	for _, key := range p.Keys {
		for kind, prefix := range keyKinds {
			if strings.HasPrefix(key, prefix) {
				pr.keys[kind] = xxhash.Sum64String(key)
			}
		}
	}
	i, j, u := &p.Individual, &p.Employment, p.Unsaid
	set := func(a Aspect, unsaid provider.Fields, parts ...string) {
		if !u.Has(unsaid) {
			pr.aspects[a] = said(parts...)
		}
	}
	set(AspectName, provider.FieldLastName, str(i.FirstName), str(i.MiddleName), str(i.LastName))
	set(AspectSSN, provider.FieldSSN, str(i.SSN))
	set(AspectBirthDate, provider.FieldDOB, day(i.DOB))
	if len(i.Emails)+len(i.PhoneNumbers) > 0 || !u.Has(provider.FieldOtherEmail|provider.FieldOtherPhone) {
		var d xxhash.Digest
		d.Reset()
		for _, e := range i.Emails {
			_, _ = d.WriteString(e.Data)
		}
		for _, n := range i.PhoneNumbers {
			_, _ = d.WriteString(str(n.Data))
		}
		pr.aspects[AspectContact] = uint32(d.Sum64()) | 1
	}
	if l := i.Residence; l != nil {
		pr.aspects[AspectAddress] = said(str(l.Line1), str(l.Line2), str(l.City), str(l.State), str(l.PostalCode), str(l.Country))
	} else {
		set(AspectAddress, provider.FieldResidenceLine1|provider.FieldResidenceCity)
	}
	set(AspectTitle, provider.FieldTitle, str(j.Title))
	if j.Department != nil {
		pr.department = str(j.Department.Name)
		set(AspectDepartment, 0, pr.department)
	} else {
		set(AspectDepartment, provider.FieldDepartment)
	}
	set(AspectManager, provider.FieldManager, manager.number, manager.name, manager.email)
	set(AspectStatus, provider.FieldEmploymentStatus, str(j.EmploymentStatus))
	set(AspectStart, provider.FieldStartDate, day(j.StartDate), day(j.LatestRehireDate))
	set(AspectEnd, provider.FieldEndDate, day(j.EndDate))
	if k := j.Employment; k != nil {
		pr.aspects[AspectEmployment] = said(str(k.Type), str(k.Subtype))
	} else {
		set(AspectEmployment, provider.FieldEmployment)
	}
	if l := j.Location; l != nil {
		pr.aspects[AspectWorkplace] = said(str(l.Name), str(l.Line1), str(l.Line2), str(l.City), str(l.State), str(l.PostalCode))
	}
	if income := j.Income; income != nil && income.Amount != nil {
		pr.pay = *income.Amount
		pr.aspects[AspectPay] = said(string([]byte{byte(pr.pay), byte(pr.pay >> 8), byte(pr.pay >> 16), byte(pr.pay >> 24), byte(pr.pay >> 32), byte(pr.pay >> 40)}))
		pr.aspects[AspectPayUnit] = said(str(income.Unit))
		pr.unit = unitCode(income.Unit)
	}
	pr.aspects[AspectOther] = said(str(i.PreferredName), str(i.Gender), str(i.Ethnicity), str(i.MaritalStatus), str(j.FLSAStatus), str(j.ClassCode),
		str(j.UnionCode), str(j.UnionLocal), str(j.WorkID), customText(j.CustomFields))
	pr.active = tristate(j.IsActive)
}

func customText(fields []perch.CustomField) string {
	if len(fields) == 0 {
		return ""
	}
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(str(f.Name))
		b.Write(f.Value)
	}
	return b.String()
}

// unitCode is the place of a unit among all of them, from 1; 0 for none.
func unitCode(u *perch.IncomeUnit) uint8 {
	if u == nil {
		return 0
	}
	for n, one := range perch.IncomeUnit("").Values() {
		if one == *u {
			return uint8(n + 1)
		}
	}
	return 0
}

// PaymentPrint is what is kept of a payment.
type PaymentPrint struct {
	Key        string
	Group      string
	Day        perch.Date
	People     int
	Gross, Net int64
}

// allPayments are those of the files, and those that before knew besides.
func (s *Source) allPayments(before *Snapshot) (all []PaymentPrint) {
	fresh := make(map[string]bool)
	for _, r := range s.ledger.runs {
		all = append(all, r.print())
		fresh[r.payment.Key] = true
	}
	if before != nil {
		for _, p := range before.payments {
			if !fresh[p.Key] {
				all = append(all, p)
			}
		}
	}
	return all
}

func (p *run) print() PaymentPrint {
	_, group := p.groupKey()
	return PaymentPrint{Key: p.payment.Key, Group: group, Day: *p.payment.Payment.PayDate, People: len(p.payment.PersonKeys), Gross: p.sums.gross, Net: p.sums.net}
}

func (n personName) whole() string { return strings.TrimSpace(n.first + " " + n.last) }

// readAs returns the snapshot if the rows of a sheet are read as they were then, and else nil.
func (s *Snapshot) readAs(c *sheet) *Snapshot {
	if s == nil || s.layout == 0 || s.layout != c.layout() {
		return nil
	}
	if s.byText == nil {
		s.byText = make(map[uint64]int32, len(s.offsets))
		for i := range s.offsets {
			if h := s.at(i, atText); h != 0 {
				s.byText[h] = int32(i)
			}
		}
	}
	return s
}

// row returns the place of a person whose row had the same text, or -1.
func (s *Snapshot) row(text uint64) int {
	if s != nil {
		if i, ok := s.byText[text]; ok {
			return int(i)
		}
	}
	return -1
}

// readingVersion changes whenever rows are read otherwise than before.
const readingVersion = "1"

// layout is a hash of all that decides how a row is read.
func (s *sheet) layout() uint64 {
	var d xxhash.Digest
	d.Reset()
	write := func(parts ...string) {
		for _, p := range parts {
			_, _ = d.WriteString(p)
			_, _ = d.WriteString("\x00")
		}
	}
	write(readingVersion, s.Format, s.Delimiter, s.Encoding, string(s.given.NameFormat))
	write(s.Header...)
	for _, c := range s.Proposal.Columns {
		write(c.Column.Column, string(c.Field), c.Name, c.Unit, string(c.Order))
		keys := make([]string, 0, len(c.Values))
		for k := range c.Values {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			write(k, c.Values[k])
		}
	}
	return d.Sum64() | 1
}
