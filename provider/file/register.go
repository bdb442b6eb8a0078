package file

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// run is a pay run: the statements of one pay date, period, company and pay group.
type run struct {
	payment    provider.Payment
	statements []provider.PayStatement
	members    map[*entry]bool
	order      []*entry
	group      string
	frequency  perch.PayFrequency
	// seen holds the statements by person and key, uses counts them by person and check number.
	seen map[string]*provider.PayStatement
	uses map[string]int
	sums runSums
}

type runSums struct{ gross, net, employeeTaxes, employerTaxes int64 }

// ledger gathers the pay runs of all payroll files.
type ledger struct {
	people *roster
	runs   []*run
	byKey  map[string]*run
	// census is set when a census was read: then someone who is paid and not in it is worth a note.
	census bool
}

const (
	noPayDate      = "the row has no pay date that can be read; it was skipped"
	noGross        = "there is neither a gross amount nor an earning that can be read; it was skipped"
	notInCensus    = "this person is not in the census; they arrive with what the payroll file knows"
	noSuchPerson   = "several people have this name and no employee number tells them apart; the row was skipped"
	otherName      = "the employee number is that of somebody with another name; the number decided"
	repeatedRow    = "the row repeats another row; it was read once"
	repeatedCheck  = "another row of this person and pay run has the same check number; both arrive"
	grossMismatch  = "the earnings do not add up to the gross amount"
	netMismatch    = "gross less taxes and deductions is not the net amount"
	unreadableItem = "cannot be read, so the line is missing from the statement: it "
)

var errPeriod = errors.New("ends before it begins")

// readRegister reads every row of a payroll file.
func (l *ledger) readRegister(s *sheet) {
	for i, row := range s.all() {
		l.readRow(record{sheet: s, row: row, index: i})
	}
}

func (l *ledger) readRow(r record) {
	recent := yearRule{earliest: perch.NewDate(1990, 1, 1), latest: r.today.AddMonths(12)}
	payDate := r.date(FieldPayDate, recent)
	if payDate == nil {
		r.skip(noPayDate)
		return
	}
	begin, end := r.date(FieldPeriodBegin, recent), r.date(FieldPeriodEnd, recent)
	if begin != nil && end != nil && *end < *begin {
		r.fail(FieldPeriodEnd, errPeriod)
		begin, end = nil, nil
	}
	statement, sums, ok := r.statement()
	if !ok {
		r.skip(noGross)
		return
	}
	who := l.person(r)
	if who == nil {
		return
	}
	r.arrived++
	pay := l.run(r, *payDate, begin, end)
	pay.add(r, who, statement, sums)
}

// person finds the person of a row, or makes one of what the row says.
func (l *ledger) person(r record) *entry {
	r.unread = new(provider.Fields)
	person := new(provider.Person)
	e := readPerson(r, person)
	if e == nil {
		return nil
	}
	name, _ := r.name()
	number := r.number(FieldEmployeeNumber)
	for _, key := range person.Keys {
		known := l.people.known(key)
		if known == nil || strings.HasPrefix(key, "name:") && number != "" && known.numbered() != "" {
			continue
		}
		if strings.HasPrefix(key, "employee:") && !shareWord(known.called(), name) {
			r.note(otherName)
		}
		return known
	}
	named := l.people.named(name.match())
	switch {
	case len(named) == 1 && (number == "" || named[0].numbered() == ""):
		return named[0]
	case len(named) > 1 && number == "":
		if one := narrow(named, managerRef{name: r.text(FieldName)}); one != nil {
			return one
		}
		r.skip(noSuchPerson)
		return nil
	}
	if l.census {
		r.note(notInCensus)
	}
	person.Mentioned = true
	e.made = person
	l.people.add(l.people.found(e, person.Keys))
	return e
}

// shareWord reports whether two names have a word in common, or one of them is missing.
func shareWord(a, b personName) bool {
	words := nameWords(a.first + " " + a.last)
	others := nameWords(b.first + " " + b.last)
	return len(words) == 0 || len(others) == 0 || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(others, w) })
}

func (l *ledger) run(r record, payDate perch.Date, begin, end *perch.Date) *run {
	company, group := r.string(FieldCompany), r.string(FieldPayGroup)
	parts := []string{payDate.String(), dateText(begin), dateText(end)}
	for _, part := range []*string{company, group} {
		if part != nil {
			parts = append(parts, fold(*part))
		}
	}
	key := strings.Join(parts, "|")
	if known := l.byKey[key]; known != nil {
		return known
	}
	pay := &run{members: make(map[*entry]bool), seen: make(map[string]*provider.PayStatement), uses: make(map[string]int)}
	pay.payment.Key = key
	pay.payment.Payment.PayDate = &payDate
	if begin != nil || end != nil {
		pay.payment.Payment.PayPeriod = &perch.PayPeriod{StartDate: begin, EndDate: end}
	}
	if group != nil {
		pay.group = *group
	}
	if f := read(r, FieldPayFrequency, frequencies.parse); f != nil {
		pay.frequency = *f
	} else if begin != nil && end != nil {
		pay.frequency = frequencyOfPeriod(*begin, *end)
	}
	l.byKey[key] = pay
	l.runs = append(l.runs, pay)
	return pay
}

func dateText(d *perch.Date) string {
	if d == nil {
		return ""
	}
	return d.String()
}

// add puts a statement into the run. Its key is the check number; a number used twice, or no number, is
// told apart by counting.
func (p *run) add(r record, who *entry, statement perch.PayStatement, sums runSums) {
	check := r.number(FieldCheckNumber)
	person := who.key()
	key, first := check, person+"|"+check
	for n := p.uses[first] + 1; ; n++ {
		if n > 1 {
			key = strings.TrimSpace(fmt.Sprintf("%s (%d)", check, n))
		}
		if p.seen[person+"|"+key] == nil {
			p.uses[first] = n
			break
		}
	}
	if key != check {
		if p.repeats(person, check, &statement) {
			p.uses[first]--
			r.note(repeatedRow)
			return
		}
		if check != "" {
			r.note(repeatedCheck)
		}
	}
	out := provider.PayStatement{PersonKey: person, Key: key, Statement: statement}
	p.statements = append(p.statements, out)
	p.seen[person+"|"+key] = &out
	if !p.members[who] {
		p.members[who] = true
		p.order = append(p.order, who)
	}
	p.sums.gross += sums.gross
	p.sums.net += sums.net
	p.sums.employeeTaxes += sums.employeeTaxes
	p.sums.employerTaxes += sums.employerTaxes
}

// maxCompared bounds how many statements under one check number a further one is compared with.
const maxCompared = 20

// repeats reports whether an earlier statement under the same check number says the same.
func (p *run) repeats(person, check string, statement *perch.PayStatement) bool {
	for n := 1; n <= maxCompared; n++ {
		key := person + "|" + check
		if n > 1 {
			key = person + "|" + strings.TrimSpace(fmt.Sprintf("%s (%d)", check, n))
		}
		earlier := p.seen[key]
		if earlier == nil {
			return false
		}
		if equalStatements(&earlier.Statement, statement) {
			return true
		}
	}
	return false
}

// finish computes totals, frequencies and pay groups once every file is read, oldest run first.
func (l *ledger) finish() []provider.PayGroup {
	slices.SortStableFunc(l.runs, func(a, b *run) int {
		if d := int(*a.payment.Payment.PayDate) - int(*b.payment.Payment.PayDate); d != 0 {
			return d
		}
		return strings.Compare(a.payment.Key, b.payment.Key)
	})
	l.inferFrequencies()
	var groups []provider.PayGroup
	members := make(map[string]map[string]bool)
	at := make(map[string]int)
	for _, p := range l.runs {
		p.total()
		key, name := p.groupKey()
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, provider.PayGroup{Key: key, PayGroup: perch.PayGroup{Name: name}})
			members[key] = make(map[string]bool)
		}
		g := &groups[i]
		if !slices.Contains(g.PayGroup.PayFrequencies, p.frequency) {
			g.PayGroup.PayFrequencies = append(g.PayGroup.PayFrequencies, p.frequency)
		}
		for _, k := range p.payment.PersonKeys {
			if !members[key][k] {
				members[key][k] = true
				g.MemberKeys = append(g.MemberKeys, k)
			}
		}
		p.payment.PayGroupKeys = []string{key}
	}
	return groups
}

// total fills what the run's statements add up to. What the company is debited is net pay and all taxes;
// deductions are paid on by other ways and at other times.
func (p *run) total() {
	pay := &p.payment.Payment
	pay.GrossPay, pay.NetPay = perch.Dollars(p.sums.gross), perch.Dollars(p.sums.net)
	pay.EmployeeTaxes, pay.EmployerTaxes = perch.Dollars(p.sums.employeeTaxes), perch.Dollars(p.sums.employerTaxes)
	pay.CompanyDebit = perch.Dollars(p.sums.net + p.sums.employeeTaxes + p.sums.employerTaxes)
	pay.PayFrequencies = []perch.PayFrequency{p.frequency}
	p.payment.PersonKeys = make([]string, len(p.order))
	for i, e := range p.order {
		p.payment.PersonKeys[i] = e.key()
	}
}

func (p *run) groupKey() (key, name string) {
	if p.group != "" {
		return "group:" + strings.Join(strings.Fields(fold(p.group)), " "), p.group
	}
	return "frequency:" + string(p.frequency), frequencyNames[p.frequency]
}

var frequencyNames = map[perch.PayFrequency]string{
	perch.PayAnnually: "Annual", perch.PayBiWeekly: "Bi-weekly", perch.PayDaily: "Daily", perch.PayMonthly: "Monthly",
	perch.PayOther: "Other", perch.PayQuarterly: "Quarterly", perch.PaySemiAnnually: "Semi-annual",
	perch.PaySemiMonthly: "Semi-monthly", perch.PayWeekly: "Weekly",
}

// frequencyOfPeriod tells the frequency from the length of the period, "" when the length says nothing.
func frequencyOfPeriod(begin, end perch.Date) perch.PayFrequency {
	days := int(end-begin) + 1
	_, _, first := begin.Calendar()
	_, _, after := end.AddDays(1).Calendar()
	if days >= 13 && days <= 16 && (first == 1 && after == 16 || first == 16 && after == 1) {
		return perch.PaySemiMonthly
	}
	return frequencyOfDays(days)
}

func frequencyOfDays(days int) perch.PayFrequency {
	switch {
	case days == 1:
		return perch.PayDaily
	case days == 7:
		return perch.PayWeekly
	case days == 14:
		return perch.PayBiWeekly
	case days == 15 || days == 16:
		return perch.PaySemiMonthly
	case days >= 28 && days <= 31:
		return perch.PayMonthly
	case days >= 89 && days <= 92:
		return perch.PayQuarterly
	case days >= 181 && days <= 184:
		return perch.PaySemiAnnually
	case days == 365 || days == 366:
		return perch.PayAnnually
	}
	return ""
}

// inferFrequencies fills in what the periods did not tell: from the other runs of the same pay group, and
// else from the most usual distance between pay dates.
func (l *ledger) inferFrequencies() {
	byGroup := make(map[string][]*run)
	for _, p := range l.runs {
		byGroup[p.group] = append(byGroup[p.group], p)
	}
	for _, runs := range byGroup {
		usual := mostUsual(runs)
		for _, p := range runs {
			if p.frequency == "" {
				p.frequency = or(usual, perch.PayOther)
			}
		}
	}
}

func mostUsual(runs []*run) perch.PayFrequency {
	counts := make(map[perch.PayFrequency]int)
	for i, p := range runs {
		counts[p.frequency]++
		if i > 0 {
			if gap := int(*p.payment.Payment.PayDate - *runs[i-1].payment.Payment.PayDate); gap > 0 {
				counts[frequencyOfDays(gap)]++
			}
		}
	}
	delete(counts, "")
	var best perch.PayFrequency
	for f, n := range counts {
		if n > counts[best] || n == counts[best] && f < best {
			best = f
		}
	}
	return best
}
