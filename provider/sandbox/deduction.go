package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// generatedPlans are the deductions that every employer has, by number. Their enrolments are what people
// elected; see elections.
var generatedPlans = [...]*plan{&plan401k, &planRoth, &planMedical, &planDental, &planVision, &planHSA, &planCommuter, &planGarnishment}

// deductionPrefix and the number make a deduction's key.
const deductionPrefix = "deduction:"

func deductionKey(number int) string { return deductionPrefix + strconv.Itoa(number) }

// errReadOnly means that the connector was made without a ledger.
var errReadOnly = errors.New("the simulated employers of this connector take no writes")

var _ provider.DeductionWriter = (*source)(nil)

// generatedDeductions are the company's deductions before anything was written.
func generatedDeductions() []provider.Deduction {
	list := make([]provider.Deduction, len(generatedPlans))
	for n, p := range generatedPlans {
		kind, name, frequency := p.kind, p.name, perch.EveryPaycheck
		list[n] = provider.Deduction{Key: deductionKey(n), Deduction: perch.Deduction{Type: &kind, Description: &name, Frequency: &frequency}}
		if p == &plan401k {
			list[n].Deduction.CompanyContribution = &perch.Amount{Type: perch.AmountMatch, Tiers: matchTiers()}
		}
	}
	return list
}

func matchTiers() []perch.MatchTier {
	return []perch.MatchTier{{Match: matchRate, Threshold: matchUpTo}}
}

// Deductions implements provider.DeductionReader.
func (s *source) Deductions(ctx context.Context) ([]provider.Deduction, error) {
	if s.ledger == nil {
		return generatedDeductions(), nil
	}
	written, err := s.ledger.Deductions(ctx, s.account)
	if err != nil {
		return nil, fmt.Errorf("reading the deductions: %w", err)
	}
	return withWritten(written)
}

// withWritten lays what was written over what is generated.
func withWritten(written []LedgerDeduction) ([]provider.Deduction, error) {
	list := generatedDeductions()
	for _, w := range written {
		var d perch.Deduction
		if err := json.Unmarshal(w.Body, &d); err != nil {
			return nil, fmt.Errorf("decoding deduction %d: %w", w.Number, err)
		}
		if w.Number < len(list) {
			list[w.Number].Deduction = d
			continue
		}
		list = append(list, provider.Deduction{Key: deductionKey(w.Number), Deduction: d})
	}
	return list, nil
}

// numberOf finds a deduction by its key.
func numberOf(list []provider.Deduction, key string) (number int, err error) {
	if !slices.ContainsFunc(list, func(d provider.Deduction) bool { return d.Key == key }) {
		return 0, perch.NotFound("benefit_not_found", "The simulated employer has no such deduction.")
	}
	return strconv.Atoi(strings.TrimPrefix(key, deductionPrefix))
}

// Enrolments implements provider.DeductionReader, in the order of the employee numbers.
func (s *source) Enrolments(ctx context.Context, key string) iter.Seq2[*provider.Enrolment, error] {
	return func(yield func(*provider.Enrolment, error) bool) {
		written, number, err := s.written(ctx, key)
		if err != nil {
			yield(nil, err)
			return
		}
		out := new(provider.Enrolment)
		next := 0
		if number < len(generatedPlans) {
			for i := range s.people {
				if err := interrupted(ctx, i); err != nil {
					yield(nil, err)
					return
				}
				if next < len(written) && written[next].Person == i {
					next++
					if !show(out, &written[next-1], yield) {
						return
					}
					continue
				}
				p := s.person(i)
				enrolment, ok := s.elected(&p, number)
				if !ok {
					continue
				}
				*out = provider.Enrolment{PersonKey: personKey(i), Enrolment: enrolment}
				if !yield(out, nil) {
					return
				}
			}
		}
		for ; next < len(written); next++ {
			if !show(out, &written[next], yield) {
				return
			}
		}
	}
}

// written returns what the ledger has of a deduction's people.
func (s *source) written(ctx context.Context, key string) ([]LedgerEnrolment, int, error) {
	list, err := s.Deductions(ctx)
	if err != nil {
		return nil, 0, err
	}
	number, err := numberOf(list, key)
	if err != nil || s.ledger == nil {
		return nil, number, err
	}
	written, err := s.ledger.Enrolments(ctx, s.account, number)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the enrolments: %w", err)
	}
	return written, number, nil
}

// show yields what was written of a person, unless that ended the enrolment.
func show(out *provider.Enrolment, w *LedgerEnrolment, yield func(*provider.Enrolment, error) bool) bool {
	if !w.Enrolled {
		return true
	}
	*out = provider.Enrolment{PersonKey: personKey(w.Person)}
	if err := json.Unmarshal(w.Body, &out.Enrolment); err != nil {
		yield(nil, fmt.Errorf("decoding an enrolment: %w", err))
		return false
	}
	return yield(out, nil)
}

// elected is what a person elected of a generated plan.
func (e *employer) elected(p *profile, number int) (enrolment perch.Enrolment, ok bool) {
	if p.contractor() || !p.employedOn(e.asOf) {
		return enrolment, false
	}
	el := e.elections(p)
	amounts := [len(generatedPlans)]int64{el.deferral, el.roth, el.medical, el.dental, el.vision, el.hsa, el.commuter, el.garnishment}
	amount := amounts[number]
	if amount == 0 {
		return enrolment, false
	}
	no := false
	enrolment.EmployeeDeduction = &perch.Amount{Type: perch.AmountFixed, Amount: &amount}
	switch generatedPlans[number] {
	case &plan401k:
		enrolment.CompanyContribution = &perch.Amount{Type: perch.AmountTiered, Tiers: matchTiers()}
		fallthrough
	case &planRoth:
		enrolment.EmployeeDeduction.Type = perch.AmountPercent
		enrolment.CatchUp = &no
	case &planMedical:
		enrolment.CompanyContribution = &perch.Amount{Type: perch.AmountFixed, Amount: &el.medicalShare}
	case &planHSA:
		limit := perch.HSAIndividual
		if el.filing != filingSingle {
			limit = perch.HSAFamily
		}
		enrolment.CompanyContribution = &perch.Amount{Type: perch.AmountFixed, Amount: &el.hsaShare}
		enrolment.HSAContributionLimit = &limit
	}
	return enrolment, true
}

// CreateDeduction implements provider.DeductionWriter.
func (s *source) CreateDeduction(ctx context.Context, write string, d perch.Deduction) (string, error) {
	key, err := s.write(ctx, write, func(tx LedgerTx) ([]byte, error) {
		written, err := tx.Deductions()
		if err != nil {
			return nil, err
		}
		list, err := withWritten(written)
		if err != nil {
			return nil, err
		}
		for _, known := range list {
			if alike(&known.Deduction, &d) {
				return []byte(known.Key), nil
			}
		}
		d.BenefitID = perch.ID{}
		return []byte(deductionKey(len(list))), putDeduction(tx, len(list), d)
	})
	return string(key), err
}

// alike reports whether two deductions are of the same type, frequency and description.
func alike(a, b *perch.Deduction) bool {
	return same(a.Type, b.Type) && same(a.Frequency, b.Frequency) && same(a.Description, b.Description)
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func putDeduction(tx LedgerTx, number int, d perch.Deduction) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encoding a deduction: %w", err)
	}
	return tx.PutDeduction(LedgerDeduction{Number: number, Body: body})
}

// DescribeDeduction implements provider.DeductionWriter.
func (s *source) DescribeDeduction(ctx context.Context, write, key, description string) error {
	_, err := s.write(ctx, write, func(tx LedgerTx) ([]byte, error) {
		list, number, err := find(tx, key)
		if err != nil {
			return nil, err
		}
		d := list[slices.IndexFunc(list, func(d provider.Deduction) bool { return d.Key == key })].Deduction
		d.Description = &description
		return nil, putDeduction(tx, number, d)
	})
	return err
}

func find(tx LedgerTx, key string) (list []provider.Deduction, number int, err error) {
	written, err := tx.Deductions()
	if err != nil {
		return nil, 0, err
	}
	if list, err = withWritten(written); err != nil {
		return nil, 0, err
	}
	number, err = numberOf(list, key)
	return list, number, err
}

// Enrol implements provider.DeductionWriter.
func (s *source) Enrol(ctx context.Context, write, key string, enrolments []provider.Enrolment) ([]provider.Outcome, error) {
	people := make([]string, len(enrolments))
	for i := range enrolments {
		people[i] = enrolments[i].PersonKey
	}
	return s.writePeople(ctx, write, key, people, false, func(i int, enrolled bool) (outcome provider.Outcome, body []byte, err error) {
		if body, err = json.Marshal(&enrolments[i].Enrolment); err != nil {
			return outcome, nil, fmt.Errorf("encoding an enrolment: %w", err)
		}
		if enrolled {
			return provider.Outcome{Result: provider.Changed}, body, nil
		}
		return provider.Outcome{Result: provider.Enrolled}, body, nil
	})
}

// Unenrol implements provider.DeductionWriter.
func (s *source) Unenrol(ctx context.Context, write, key string, people []string) ([]provider.Outcome, error) {
	return s.writePeople(ctx, write, key, people, true, func(_ int, enrolled bool) (provider.Outcome, []byte, error) {
		if enrolled {
			return provider.Outcome{Result: provider.Unenrolled}, nil, nil
		}
		return provider.Outcome{Result: provider.NotEnrolled}, nil, nil
	})
}

// writePeople decides about each person in turn. decide is told whether the person is enrolled and returns
// the new enrolment, which is nil for none. ending says that enrolments are ended, which is possible for
// everybody.
func (s *source) writePeople(ctx context.Context, write, key string, people []string, ending bool,
	decide func(i int, enrolled bool) (provider.Outcome, []byte, error)) (outcomes []provider.Outcome, err error) {
	result, err := s.write(ctx, write, func(tx LedgerTx) ([]byte, error) {
		_, number, err := find(tx, key)
		if err != nil {
			return nil, err
		}
		enrolled, err := tx.Enrolled(number)
		if err != nil {
			return nil, err
		}
		var changes []LedgerEnrolment
		changed := make(map[int]int, len(people)) // where in changes a person is: of several, the last one holds
		for i, person := range people {
			index, outcome := s.mayEnrol(person)
			if outcome.Result == "" || ending && outcome.Result == provider.Declined {
				is, known := enrolled[index]
				if !known && index < s.people && number < len(generatedPlans) {
					p := s.person(index)
					_, is = s.elected(&p, number)
				}
				var body []byte
				if outcome, body, err = decide(i, is); err != nil {
					return nil, err
				}
				if outcome.Result != provider.NotEnrolled {
					enrolled[index] = body != nil
					change := LedgerEnrolment{Person: index, Enrolled: body != nil, Body: body}
					if at, again := changed[index]; again {
						changes[at] = change
					} else {
						changed[index] = len(changes)
						changes = append(changes, change)
					}
				}
			}
			outcomes = append(outcomes, outcome)
		}
		if err := tx.PutEnrolments(number, changes); err != nil {
			return nil, err
		}
		return json.Marshal(outcomes)
	})
	if err != nil {
		return nil, err
	}
	outcomes = nil
	if err := json.Unmarshal(result, &outcomes); err != nil {
		return nil, fmt.Errorf("decoding what a write did: %w", err)
	}
	return outcomes, nil
}

// mayEnrol finds a person. An outcome says why they cannot be enrolled.
func (s *source) mayEnrol(key string) (index int, outcome provider.Outcome) {
	index, ok := indexOf(key)
	at, edited := slices.BinarySearchFunc(s.edits.People, index, func(p EditedPerson, index int) int { return p.Index - index })
	if !ok || index >= s.people && !edited {
		return 0, provider.Outcome{Result: provider.NoSuchKey}
	}
	contractor, left := false, false
	if index < s.people {
		p := s.person(index)
		contractor, left = p.contractor(), p.end != 0 && p.end < s.asOf
	}
	if edited {
		var e PersonEdit
		if json.Unmarshal(s.edits.People[at].Edit, &e) == nil {
			if e.Removed {
				return 0, provider.Outcome{Result: provider.NoSuchKey}
			}
			if e.IsActive.Set && e.IsActive.Value != nil {
				left = !*e.IsActive.Value
			}
			if kind := e.Employment; kind.Set && kind.Value != nil && kind.Value.Type != nil {
				contractor = *kind.Value.Type == perch.EmploymentContractor
			}
		}
	}
	switch {
	case contractor:
		return index, provider.Outcome{Result: provider.Declined, Message: "Contractors cannot be enrolled."}
	case left:
		return index, provider.Outcome{Result: provider.Declined, Message: "The individual no longer works for the company."}
	}
	return index, provider.Outcome{}
}

func (s *source) write(ctx context.Context, id string, change func(tx LedgerTx) ([]byte, error)) ([]byte, error) {
	if s.ledger == nil {
		return nil, errReadOnly
	}
	result, err := s.ledger.Write(ctx, s.account, id, change)
	if err != nil {
		return nil, fmt.Errorf("writing to the simulated employer: %w", err)
	}
	return result, nil
}
