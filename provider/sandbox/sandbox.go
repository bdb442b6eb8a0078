package sandbox

import (
	"context"
	"fmt"
	"iter"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Name is the connector's identifier.
const Name = "sandbox"

// Connector opens simulated employers.
type Connector struct {
	// Book has the edits; nil means that there are none.
	Book Book
	// Ledger takes what is written to deductions; nil means that nothing can be written.
	Ledger Ledger
}

// Name implements provider.Connector.
func (Connector) Name() string { return Name }

// Open implements provider.Connector. The account's settings are an encoded [Settings].
func (c Connector) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	settings, err := Decode(account.Settings)
	if err != nil {
		return nil, fmt.Errorf("opening a simulated employer: %w", err)
	}
	var edits Edits
	if c.Book != nil {
		if edits, err = c.Book.Edits(ctx, account.ID); err != nil {
			return nil, fmt.Errorf("opening a simulated employer: %w", err)
		}
	}
	return &source{employer: newEmployer(settings), edits: edits, ledger: c.Ledger, account: account.ID}, nil
}

// source reads one simulated employer. It holds nothing that needs closing.
type source struct {
	*employer
	edits   Edits
	ledger  Ledger
	account perch.ID
}

var (
	_ provider.CompanyReader      = (*source)(nil)
	_ provider.PeopleReader       = (*source)(nil)
	_ provider.PayGroupReader     = (*source)(nil)
	_ provider.PaymentReader      = (*source)(nil)
	_ provider.PayStatementReader = (*source)(nil)
)

// Close implements provider.Source.
func (s *source) Close() error { return nil }

// Company implements provider.CompanyReader.
func (s *source) Company(context.Context) (perch.Company, error) {
	return s.edited(s.edits.Company)
}

// People implements provider.PeopleReader. The order is that of the employee numbers. The person is
// overwritten by the next one, except for its strings.
func (s *source) People(ctx context.Context) iter.Seq2[*provider.Person, error] {
	return s.everyone(ctx, newRecord(s.employer))
}

// checkEvery is how many people are generated between two looks at the context.
const checkEvery = 256

func interrupted(ctx context.Context, i int) error {
	if i%checkEvery != 0 {
		return nil
	}
	return ctx.Err()
}

// PayGroups implements provider.PayGroupReader. A pay group exists where anyone was ever in it and the
// provider supplies pay groups; its members are those who are employed on the day of the connection.
func (s *source) PayGroups(ctx context.Context) iter.Seq2[*provider.PayGroup, error] {
	return func(yield func(*provider.PayGroup, error) bool) {
		if !s.fields.payGroups {
			return
		}
		ever, members, err := s.members(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for g := range groupCount {
			if !ever[g] {
				continue
			}
			out := &provider.PayGroup{Key: groupKeys[g], PayGroup: perch.PayGroup{Name: groupNames[g]}}
			if s.fields.everything || s.fields.PayGroup.PayFrequencies {
				out.PayGroup.PayFrequencies = []perch.PayFrequency{frequencies[g]}
			}
			if s.fields.everything || s.fields.PayGroup.IndividualIDs {
				out.MemberKeys = members[g]
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

var (
	groupNames  = [groupCount]string{"Salaried", "Hourly", "Part-time and Temporary", "Contractors"}
	frequencies = [groupCount]perch.PayFrequency{perch.PaySemiMonthly, perch.PayBiWeekly, perch.PayBiWeekly, perch.PayMonthly}
)

// members lists the current members of each pay group, and whether the group ever had one.
func (s *source) members(ctx context.Context) (ever [groupCount]bool, members [groupCount][]string, err error) {
	for i := range s.people {
		if err := interrupted(ctx, i); err != nil {
			return ever, members, err
		}
		p := s.person(i)
		ever[p.group] = true
		if p.employedOn(s.asOf) {
			members[p.group] = append(members[p.group], personKey(i))
		}
	}
	return ever, members, nil
}

// personKey returns the key of person index.
func personKey(index int) string {
	var b [24]byte
	return string(appendKey(b[:0], index))
}
