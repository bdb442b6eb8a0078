package payroll

import (
	"context"
	"slices"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/records"
)

// Gate tells whether a product group may be read, waiting for the first sync where that is due.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Service reads payroll data. Its methods append the JSON of a whole answer to dst and return the
// publication that it was read from.
type Service struct {
	Records *records.Reader
	Gate    Gate
	// Patience is how long a read waits for the first sync.
	Patience time.Duration
}

// StatementRequest asks for a page of one payment's statements. PaymentID may be any text.
type StatementRequest struct {
	PaymentID     []byte
	Limit, Offset int
}

func (s *Service) payments(ctx context.Context, grant *access.Grant, entity *access.Entity, whole bool) (*records.View, access.Publication, error) {
	entity, err := s.Gate.Await(ctx, grant, entity, access.Payroll, whole, s.Patience)
	if err != nil {
		return nil, access.Publication{}, err
	}
	published := entity.Groups[access.Payroll]
	v, err := s.Records.View(ctx, entity.ID, published.Generation, records.Payments)
	if err != nil {
		return nil, published, perch.Internal(err)
	}
	return v, published, nil
}

// Payments lists the payments whose pay date lies between start and end, both inclusive, by date.
func (s *Service) Payments(ctx context.Context, grant *access.Grant, entity *access.Entity, start, end perch.Date, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.payments(ctx, grant, entity, false)
	if err != nil {
		return dst, published, err
	}
	within, err := paidBetween(v, start, end)
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

func paidBetween(v *records.View, start, end perch.Date) ([]dated, error) {
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
		if date >= start && date <= end {
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
		payments, published, err := s.payments(ctx, grant, entity, whole)
		if err != nil {
			return dst, published, err
		}
		answer, fetching, err := s.appendAll(ctx, dst[:start], entity.ID, published, payments, requests)
		if err != nil {
			return answer, published, perch.Internal(err)
		}
		if !fetching || whole {
			return answer, published, nil
		}
	}
}

// appendAll reports whether some payment's statements are still being fetched.
func (s *Service) appendAll(ctx context.Context, dst []byte, entity perch.ID, published access.Publication, payments *records.View, requests []StatementRequest) ([]byte, bool, error) {
	dst = append(dst, `{"responses":[`...)
	fetching := false
	for i, request := range requests {
		if i > 0 {
			dst = append(dst, ',')
		}
		var missing bool
		var err error
		if dst, missing, err = s.appendStatements(ctx, dst, entity, published, payments, request); err != nil {
			return dst, false, err
		}
		fetching = fetching || missing
	}
	return append(dst, "]}"...), fetching, nil
}

func (s *Service) appendStatements(ctx context.Context, dst []byte, entity perch.ID, published access.Publication, payments *records.View, request StatementRequest) (answer []byte, fetching bool, err error) {
	id, ok := perch.ParseIDBytes(request.PaymentID)
	if ok {
		if _, ok, err = payments.Position(id); err != nil {
			return dst, false, err
		}
	}
	if !ok {
		failure := perch.NotFound("payment_not_found", "No payment with id %s found", request.PaymentID)
		return apierror.AppendItem(dst, "payment_id", request.PaymentID, failure), false, nil
	}
	v, err := s.Records.View(ctx, entity, published.Generation, records.Statements(id))
	if err != nil {
		return dst, false, err
	}
	if !v.Exists() && !published.Complete {
		return apierror.AppendItem(dst, "payment_id", request.PaymentID, perch.ErrStatementsInProgress), true, nil
	}
	answer, err = appendPage(dst, v, id, request)
	return answer, false, err
}

func appendPage(dst []byte, v *records.View, payment perch.ID, request StatementRequest) ([]byte, error) {
	dst = append(dst, `{"payment_id":"`...)
	dst, _ = payment.AppendText(dst)
	dst = append(dst, `","code":200,"body":{"paging":{"count":`...)
	dst = strconv.AppendInt(dst, int64(v.Count()), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, int64(request.Offset), 10)
	dst = append(dst, `},"pay_statements":[`...)
	from := min(request.Offset, v.Count())
	dst, err := v.AppendRange(dst, records.FacetStatement, from, min(from+request.Limit, v.Count()))
	return append(dst, "]}}"...), err
}
