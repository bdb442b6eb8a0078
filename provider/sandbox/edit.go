package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Book keeps what developers changed in simulated employers.
type Book interface {
	// Edits returns the edits of an account's employer as of one moment.
	Edits(ctx context.Context, account perch.ID) (Edits, error)
}

// Edits lie over what is generated for one employer. The zero value changes nothing. They are kept
// encoded, so that a reader holds no more than what was written.
type Edits struct {
	// Company is an encoded [CompanyEdit], or nil.
	Company []byte
	// People are in ascending order of their indexes.
	People []EditedPerson
	// Payments are encoded [AddedPayment] values, oldest first.
	Payments [][]byte
	// Statements yields the statements of the nth added payment. It may be nil if there is no payment.
	Statements func(ctx context.Context, payment int) iter.Seq2[*AddedStatement, error]
}

// EditedPerson is the edit of one person. From Settings.Employees on, people were added: nothing is
// generated for them but their employee number.
type EditedPerson struct {
	Index int
	// Edit is an encoded [PersonEdit].
	Edit []byte
}

// AddedPayment is a pay run that a developer made. Amounts are the sums of its statements, in cents.
type AddedPayment struct {
	Start perch.Date `json:"start"`
	End   perch.Date `json:"end"`
	Pay   perch.Date `json:"pay"`
	Debit perch.Date `json:"debit"`
	// People are the indexes of those who are paid, each once.
	People        []int `json:"people"`
	Gross         int64 `json:"gross"`
	Net           int64 `json:"net"`
	EmployeeTaxes int64 `json:"employee_taxes"`
	EmployerTaxes int64 `json:"employer_taxes"`
	// Removed says that the employer does not list the payment any more.
	Removed bool `json:"removed,omitempty"`
}

// AddedStatement is a pay statement of an added payment.
type AddedStatement struct {
	Person int `json:"person"`
	// Key tells the statements of one person apart.
	Key       string             `json:"key,omitempty"`
	Statement perch.PayStatement `json:"statement"`
}

// PersonKey returns the natural key of the person with the given index.
func PersonKey(index int) string { return personKey(index) }

// PaymentKey returns the natural key of the nth added payment.
func PaymentKey(n int) string { return fmt.Sprintf("payment:added:%d", n) }

// DecodePayment reads an encoded [AddedPayment].
func DecodePayment(encoded []byte) (AddedPayment, error) {
	var a AddedPayment
	if err := json.Unmarshal(encoded, &a); err != nil {
		return a, fmt.Errorf("decoding an added payment: %w", err)
	}
	return a, nil
}

// edit lays an encoded edit over the person in the record.
func (r *record) edit(encoded []byte) error {
	var e PersonEdit
	if err := json.Unmarshal(encoded, &e); err != nil {
		return fmt.Errorf("decoding the edit of a person: %w", err)
	}
	e.individual(&r.out.Individual)
	e.employment(&r.out.Employment)
	if e.Location.Set && !r.bare {
		r.fields.place(&r.out.Employment.Location, &r.fields.Employment.Location)
	}
	if e.Manager.Set {
		r.out.ManagerKey = ""
		if e.Manager.Value != nil {
			r.out.ManagerKey = personKey(*e.Manager.Value)
		}
	}
	return nil
}

// add writes the record of a person who was added.
func (r *record) add(p EditedPerson) (*provider.Person, error) {
	r.keys[0] = personKey(p.Index)
	r.out = provider.Person{Keys: r.keys[:]}
	number := fmt.Sprint(firstNumber + p.Index)
	source := "emp_" + number
	r.out.Employment.SourceID, r.out.Employment.WorkID = &source, &number
	if err := r.edit(p.Edit); err != nil {
		return nil, err
	}
	r.mask()
	return &r.out, nil
}

// everyone yields the people with their edits, then those who were added. The person is overwritten by
// the next one, except for its strings.
func (s *source) everyone(ctx context.Context, r *record) iter.Seq2[*provider.Person, error] {
	return func(yield func(*provider.Person, error) bool) {
		edits := s.edits.People
		for i := range s.people {
			if err := interrupted(ctx, i); err != nil {
				yield(nil, err)
				return
			}
			var edit []byte
			if len(edits) > 0 && edits[0].Index == i {
				edit, edits = edits[0].Edit, edits[1:]
			}
			r.index = i
			p := s.person(i)
			if out, err := r.write(&p, edit); !yield(out, err) || err != nil {
				return
			}
		}
		for i, added := range edits {
			if err := interrupted(ctx, i); err != nil {
				yield(nil, err)
				return
			}
			removed, err := added.Removed()
			if err != nil {
				yield(nil, err)
				return
			}
			if removed {
				continue
			}
			r.index = added.Index
			if out, err := r.add(added); !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// Removed reports whether somebody who was added is no longer listed.
func (p EditedPerson) Removed() (bool, error) {
	if !bytes.Contains(p.Edit, []byte(`"removed"`)) {
		return false, nil
	}
	var e PersonEdit
	if err := json.Unmarshal(p.Edit, &e); err != nil {
		return false, fmt.Errorf("decoding the edit of a person: %w", err)
	}
	return e.Removed, nil
}

// addedPayments yields the payments that were added.
func (s *source) addedPayments(yield func(*provider.Payment, error) bool) {
	for n, encoded := range s.edits.Payments {
		a, err := DecodePayment(encoded)
		if err != nil {
			yield(nil, err)
			return
		}
		if a.Removed {
			continue
		}
		if !yield(s.addedPayment(n, &a), nil) {
			return
		}
	}
}

func (s *source) addedPayment(n int, a *AddedPayment) *provider.Payment {
	out := &provider.Payment{Key: PaymentKey(n), Payment: perch.Payment{
		PayPeriod: &perch.PayPeriod{StartDate: &a.Start, EndDate: &a.End}, PayDate: &a.Pay, DebitDate: &a.Debit,
		CompanyDebit: perch.Dollars(a.Net + a.EmployeeTaxes + a.EmployerTaxes),
		GrossPay:     perch.Dollars(a.Gross), NetPay: perch.Dollars(a.Net),
		EmployerTaxes: perch.Dollars(a.EmployerTaxes), EmployeeTaxes: perch.Dollars(a.EmployeeTaxes),
	}}
	if s.fields.everything || s.fields.Payment.IndividualIDs {
		out.PersonKeys = make([]string, len(a.People))
		for i, index := range a.People {
			out.PersonKeys[i] = personKey(index)
		}
	}
	s.fields.payment(&out.Payment)
	return out
}

// addedStatements yields the statements of the added payment with the key, if there is one.
func (s *source) addedStatements(ctx context.Context, paymentKey string, yield func(*provider.PayStatement, error) bool) (found bool) {
	for n := range s.edits.Payments {
		if PaymentKey(n) != paymentKey {
			continue
		}
		for a, err := range s.edits.Statements(ctx, n) {
			if err != nil {
				yield(nil, err)
				return true
			}
			out := &provider.PayStatement{PersonKey: personKey(a.Person), Key: a.Key, Statement: a.Statement}
			s.fields.statement(&out.Statement)
			if !yield(out, nil) {
				return true
			}
		}
		return true
	}
	return false
}
