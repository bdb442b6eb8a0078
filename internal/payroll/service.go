package payroll

import (
	"context"
	"errors"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
)

// Gate tells whether a product group may be read, waiting for the first sync where that is due.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Rules tells what the application's rules attach to the lines of pay statements.
type Rules interface {
	// Fragments returns, by the number of the mark, what to insert into statements with the given pay date;
	// see records.View.AppendMarked. A nil date means that there is none; nil means nothing to insert.
	Fragments(ctx context.Context, grant *access.Grant, entity *access.Entity, paid *perch.Date) ([][]byte, error)
}

// Service reads payroll data. Its methods append the JSON of a whole answer to dst and return the
// publication that it was read from.
type Service struct {
	Records *records.Reader
	Gate    Gate
	Rules   Rules
	// Patience is how long a read waits for the first sync.
	Patience time.Duration
}

// StatementRequest asks for a page of one payment's statements. PaymentID may be any text.
type StatementRequest struct {
	PaymentID     []byte
	Limit, Offset int
}

func (s *Service) payments(ctx context.Context, grant *access.Grant, entity *access.Entity, whole bool) (*records.View, *access.Entity, error) {
	entity, err := s.Gate.Await(ctx, grant, entity, access.Payroll, whole, s.Patience)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.Records.View(ctx, entity.ID, entity.Groups[access.Payroll].Generation, records.Payments)
	if err != nil {
		return nil, nil, perch.Internal(err)
	}
	return v, entity, nil
}

// Payments lists the payments whose pay date lies between start and end, both inclusive, by date.
// since leaves out payments that were published as they are at that time or before, unless it is zero.
func (s *Service) Payments(ctx context.Context, grant *access.Grant, entity *access.Entity, start, end perch.Date, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	v, entity, err := s.payments(ctx, grant, entity, false)
	if err != nil {
		return dst, access.Publication{}, err
	}
	published := entity.Groups[access.Payroll]
	var changes records.Changes
	if !since.IsZero() {
		if changes, err = v.ChangedSince(since, records.FacetsOf(records.FacetPayment)); err != nil {
			return dst, published, perch.Internal(err)
		}
	}
	within, err := paidBetween(v, start, end, changes)
	if err != nil {
		return dst, published, perch.Internal(err)
	}
	dst = append(dst, '[')
	for i, payment := range within {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = v.Append(dst, records.FacetPayment, payment.position); err != nil {
			return dst, published, perch.Internal(err)
		}
	}
	return append(dst, ']'), published, nil
}

type dated struct {
	date     perch.Date
	position int
}

func paidBetween(v *records.View, start, end perch.Date, changes records.Changes) ([]dated, error) {
	var within []dated
	var buffer [16]byte
	for position := range v.Count() {
		text, err := v.Append(buffer[:0], records.FacetPayDate, position)
		if err != nil {
			return nil, err
		}
		date, err := perch.ParseDate(string(text))
		if err != nil {
			continue // a payment without a pay date is in no range
		}
		if date < start || date > end {
			continue
		}
		changed, err := changes.At(position)
		if err != nil {
			return nil, err
		}
		if changed {
			within = append(within, dated{date, position})
		}
	}
	slices.SortStableFunc(within, func(a, b dated) int { return int(a.date) - int(b.date) })
	return within, nil
}

// PayStatements answers one entry per request, in their order: a page of the payment's statements,
// or an error, or 202 for a payment whose statements are still being fetched. The first sync is
// waited for only where a requested payment needs it.
func (s *Service) PayStatements(ctx context.Context, grant *access.Grant, entity *access.Entity, requests []StatementRequest, dst []byte) ([]byte, access.Publication, error) {
	start := len(dst)
	for whole := false; ; whole = true {
		payments, entity, err := s.payments(ctx, grant, entity, whole)
		if err != nil {
			return dst, access.Publication{}, err
		}
		r := statementReader{Service: s, ctx: ctx, grant: grant, entity: entity, payments: payments}
		published := entity.Groups[access.Payroll]
		answer, fetching, err := r.appendAll(dst[:start], requests)
		if err != nil {
			return answer, published, internal(err)
		}
		if !fetching || whole {
			return answer, published, nil
		}
	}
}

// internal hides an unexpected failure.
func internal(err error) error {
	var known *perch.Error
	if errors.As(err, &known) {
		return err
	}
	return perch.Internal(err)
}
