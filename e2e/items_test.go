package e2e

import (
	"context"
	"iter"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// named is the connector of simulated employers, with the lines that the documentation speaks of on every
// pay statement.
type named struct{}

// Name implements provider.Connector.
func (named) Name() string { return employer.Name }

// Open implements provider.Connector.
func (named) Open(ctx context.Context, account provider.Account) (provider.Source, error) {
	source, err := employer.Connector{}.Open(ctx, account)
	if err != nil {
		return nil, err
	}
	return &namedSource{source.(simulated)}, nil
}

type namedSource struct{ simulated }

// PayStatements implements provider.PayStatementReader.
func (s *namedSource) PayStatements(ctx context.Context, paymentKey string) iter.Seq2[*provider.PayStatement, error] {
	return func(yield func(*provider.PayStatement, error) bool) {
		for statement, err := range s.simulated.PayStatements(ctx, paymentKey) {
			if err == nil {
				one := *statement
				one.Statement = withDocumentedLines(one.Statement)
				statement = &one
			}
			if !yield(statement, err) {
				return
			}
		}
	}
}

func withDocumentedLines(s perch.PayStatement) perch.PayStatement {
	cents, usd, preTax := int64(1000), "usd", true
	salary, bonus := perch.EarningSalary, perch.EarningBonus
	retirement, savings, medical := perch.BenefitType("401k"), perch.BenefitType("hsa_pre"), perch.BenefitType("s125_medical")
	text := func(name string) *string { return &name }
	s.Earnings = []perch.Earning{
		{Type: &salary, Name: text("Salary"), Amount: &cents, Currency: &usd},
		{Type: &bonus, Name: text("Bonus"), Amount: &cents, Currency: &usd},
	}
	s.EmployeeDeductions = []perch.PayDeduction{
		{Name: text("401k"), Amount: &cents, Currency: &usd, PreTax: &preTax, Type: &retirement},
		{Name: text("HSA"), Amount: &cents, Currency: &usd, PreTax: &preTax, Type: &savings},
	}
	s.EmployerContributions = []perch.Contribution{
		{Name: text("Health Insurance"), Amount: &cents, Currency: &usd, Type: &medical},
		{Name: text("Retirement Match"), Amount: &cents, Currency: &usd, Type: &retirement},
	}
	return s
}

func TestThePageOnPayStatementItemsHoldsLineByLine(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Connectors = []provider.Connector{named{}}
		answers := start(t, config).script(t, "items.mjs")
		faithfulIn(t, "items", answers, "get-pay-statement-item", "create-rule", "get-rules", "update-rule", "delete-rule", "get-pay-statement")
	})
}
