package sandbox

import (
	"encoding/json"
	"strconv"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// record turns profiles into the records of the unified model. It owns the memory behind the
// pointers of the record, which is valid until the next one is written; strings stay valid.
type record struct {
	*employer
	out   provider.Person
	text  textBuffer
	keys  [1]string
	email [2]perch.Email
	phone [2]perch.PhoneNumber

	parts     [partCount]string
	home      perch.Location
	homeTown  home
	homeState string

	gender            perch.Gender
	marital           perch.MaritalStatus
	born, start, end  perch.Date
	rehired           perch.Date
	title             string
	kind              perch.EmploymentKind
	active, high, key bool
	income            perch.Income
	history           [maxRaises]perch.Income
	rates             [maxRaises + 1]rate
	unit              perch.IncomeUnit
	offices           []*perch.Location
	departmentOf      []*perch.DepartmentName
	executive         *perch.DepartmentName

	// bare leaves in what the provider does not supply.
	bare bool
	// index is that of the person whom everyone yields.
	index int
}

// part numbers the texts that are composed for a person.
type part int

const (
	partKey part = iota
	partManager
	partWorkEmail
	partPersonalEmail
	partWorkPhone
	partPersonalPhone
	partSSN
	partLine1
	partLine2
	partSource
	partWork
	partCount
)

// textBuffer composes the texts of one person, which then share one allocation.
type textBuffer struct {
	bytes []byte
	ends  [partCount]int
}

func (t *textBuffer) finish(into *[partCount]string) {
	all := string(t.bytes)
	from := 0
	for i, end := range t.ends {
		into[i] = all[from:end]
		from = end
	}
	t.bytes = t.bytes[:0]
}

func newRecord(e *employer) *record {
	r := &record{employer: e, offices: make([]*perch.Location, len(places))}
	for _, at := range e.offices {
		l := e.officeAddress(at)
		r.offices[at] = &l
		e.fields.place(&r.offices[at], &e.fields.Employment.Location)
	}
	for i := range e.units {
		r.departmentOf = append(r.departmentOf, &perch.DepartmentName{Name: &e.units[i].name})
	}
	name := executive
	r.executive = &perch.DepartmentName{Name: &name}
	return r
}

// write fills the record of one person. edit is an encoded [PersonEdit], or nil.
func (r *record) write(p *profile, edit []byte) (*provider.Person, error) {
	r.compose(p)
	r.keys[0] = r.parts[partKey]
	r.out.Keys = r.keys[:]
	r.out.ManagerKey = r.parts[partManager]
	r.individual(p)
	r.employment(p)
	if edit != nil {
		if err := r.edit(edit); err != nil {
			return nil, err
		}
	}
	r.mask()
	return &r.out, nil
}

// mask takes out what the provider does not supply.
func (r *record) mask() {
	if r.bare || r.fields.everything {
		return
	}
	r.fields.individual(&r.out.Individual)
	r.fields.employment(&r.out.Employment)
	if !r.fields.Employment.Manager.ID {
		r.out.ManagerKey = ""
	}
}

// keyPrefix and the employee number make a person's key.
const keyPrefix = "employee:"

func appendKey(b []byte, index int) []byte {
	return strconv.AppendInt(append(b, keyPrefix...), int64(firstNumber+index), 10)
}

// compose writes every text of the person, whether it is shown or not.
func (r *record) compose(p *profile) {
	t := &r.text
	first, last := r.firstName(p), r.lastName(p)
	b := appendKey(t.bytes, p.index)
	t.ends[partKey] = len(b)
	if p.post.manager != noManager {
		b = appendKey(b, p.post.manager)
	}
	t.ends[partManager] = len(b)
	b = append(append(append(b, first.slug...), '.'), last.slug...)
	if r.people > len(lastNames) {
		b = strconv.AppendInt(append(b, '.'), int64(p.number), 10)
	}
	b = append(append(b, '@'), r.domain...)
	t.ends[partWorkEmail] = len(b)
	b = append(append(b, first.slug...), last.slug...)
	b = strconv.AppendInt(b, int64(p.number), 10)
	b = append(b, mailHosts[p.dice.below(askPersonalEmail+1000, len(mailHosts))]...)
	t.ends[partPersonalEmail] = len(b)
	r.homeTown = homeOf(p)
	b = appendPhone(b, places[p.office].area, p.dice.below(askWorkPhone+1000, 100))
	t.ends[partWorkPhone] = len(b)
	b = appendPhone(b, r.homeTown.area, p.dice.below(askPersonalPhone+1000, 100))
	t.ends[partPersonalPhone] = len(b)
	t.bytes = r.composeRest(p, b)
	t.finish(&r.parts)
}

func (r *record) composeRest(p *profile, b []byte) []byte {
	t := &r.text
	b = appendSocial(b, r.numbers.to(p.index))
	t.ends[partSSN] = len(b)
	b = strconv.AppendInt(b, int64(p.dice.between(askStreet, 12, 9890)), 10)
	b = append(append(b, ' '), streets[p.dice.below(askStreet+1000, len(streets))]...)
	b = append(b, streetKinds[p.dice.below(askStreet+2000, len(streetKinds))]...)
	t.ends[partLine1] = len(b)
	b = strconv.AppendInt(append(b, "Apt "...), int64(p.dice.between(askUnit, 1, 48)), 10)
	t.ends[partLine2] = len(b)
	b = strconv.AppendInt(append(b, "emp_"...), int64(p.number), 10)
	t.ends[partSource] = len(b)
	b = strconv.AppendInt(b, int64(p.number), 10)
	t.ends[partWork] = len(b)
	return b
}

// appendPhone writes an E.164 number from the range reserved for fiction, 555-0100 to 555-0199
// (North American Numbering Plan Administration, 555 line number guidelines).
func appendPhone(b []byte, area string, line int) []byte {
	b = append(append(append(b, "+1"...), area...), "55501"...)
	return append(b, byte('0'+line/10), byte('0'+line%10))
}

// socialNumbers is how many different numbers appendSocial can write.
const socialNumbers = 100 * 49 * 9999

// appendSocial writes the nth social security number of the area 900 to 999, which the Social
// Security Administration never issues (POMS RM 10201.035); group numbers 01 to 49 keep clear of
// the taxpayer numbers that the IRS issues in that area (from group 50).
func appendSocial(b []byte, n int) []byte {
	serial, rest := n%9999+1, n/9999
	group, area := rest%49+1, rest/49
	number := 900_000_000 + area*1_000_000 + group*10_000 + serial
	return strconv.AppendInt(b, int64(number), 10)
}

func homeOf(p *profile) home {
	homes := places[p.office].homes
	return homes[p.dice.below(askHome, len(homes))]
}

// customFields are the sets of custom fields that people have.
var customFields = func() [][]perch.CustomField {
	var sets [][]perch.CustomField
	size, badge, remote, floor := "Shirt Size", "Badge Number", "Remote", "Desk Location"
	for i, shirt := range []string{"S", "M", "L", "XL", "M", "L"} {
		set := []perch.CustomField{
			{Name: &size, Value: json.RawMessage(strconv.Quote(shirt))},
			{Name: &remote, Value: json.RawMessage(strconv.FormatBool(i%3 == 0))},
		}
		if i%2 == 0 {
			set = append(set, perch.CustomField{Name: &badge, Value: json.RawMessage(strconv.Itoa(40417 + 613*i))})
		} else {
			set = append(set, perch.CustomField{Name: &floor, Value: json.RawMessage("null")})
		}
		sets = append(sets, set)
	}
	return sets
}()
