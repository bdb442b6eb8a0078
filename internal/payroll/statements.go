package payroll

import (
	"context"
	"strconv"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/records"
)

// statementReader answers one request for pay statements, all of it from one generation.
type statementReader struct {
	*Service
	ctx      context.Context
	grant    *access.Grant
	entity   *access.Entity
	payments *records.View
	// inserted is how many bytes rules have added to the answer.
	inserted int
}

// maxInserted bounds, in bytes, what rules may add to one answer. A line gets 8 KiB at most, and labels
// of the usual length stay far below this on the largest page there is.
const maxInserted = 64 << 20

func (r *statementReader) publication() access.Publication { return r.entity.Groups[access.Payroll] }

// appendAll reports whether some payment's statements are still being fetched.
func (r *statementReader) appendAll(dst []byte, requests []StatementRequest) ([]byte, bool, error) {
	dst = append(dst, `{"responses":[`...)
	fetching := false
	for i, request := range requests {
		if i > 0 {
			dst = append(dst, ',')
		}
		var missing bool
		var err error
		if dst, missing, err = r.appendStatements(dst, request); err != nil {
			return dst, false, err
		}
		fetching = fetching || missing
	}
	return append(dst, "]}"...), fetching, nil
}

func (r *statementReader) appendStatements(dst []byte, request StatementRequest) (answer []byte, fetching bool, err error) {
	position := 0
	id, ok := perch.ParseIDBytes(request.PaymentID)
	if ok {
		if position, ok, err = r.payments.Position(id); err != nil {
			return dst, false, err
		}
	}
	if !ok {
		failure := perch.NotFound("payment_not_found", "No payment with id %s found", request.PaymentID)
		return apierror.AppendItem(dst, "payment_id", request.PaymentID, failure), false, nil
	}
	published := r.publication()
	v, err := r.Records.View(r.ctx, r.entity.ID, published.Generation, records.Statements(id))
	if err != nil {
		return dst, false, err
	}
	if !v.Exists() && !published.Complete {
		return apierror.AppendItem(dst, "payment_id", request.PaymentID, perch.ErrStatementsInProgress), true, nil
	}
	fragments, err := r.fragments(position)
	if err != nil {
		return dst, false, err
	}
	answer, err = r.appendPage(dst, v, id, request, fragments)
	return answer, false, err
}

// fragments returns what the application's rules attach to the lines of a payment's statements. Whoever
// has no rules pays nothing for it.
func (r *statementReader) fragments(payment int) ([][]byte, error) {
	if r.entity.RulesRevision == 0 {
		return nil, nil
	}
	var buffer [16]byte
	text, err := r.payments.Append(buffer[:0], records.FacetPayDate, payment)
	if err != nil {
		return nil, err
	}
	var paid *perch.Date
	if date, err := perch.ParseDate(string(text)); err == nil {
		paid = &date
	}
	return r.Rules.Fragments(r.ctx, r.grant, r.entity, paid)
}

func (r *statementReader) appendPage(dst []byte, v *records.View, payment perch.ID, request StatementRequest, fragments [][]byte) ([]byte, error) {
	dst = append(dst, `{"payment_id":"`...)
	dst, _ = payment.AppendText(dst)
	dst = append(dst, `","code":200,"body":{"paging":{"count":`...)
	dst = strconv.AppendInt(dst, int64(v.Count()), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, int64(request.Offset), 10)
	dst = append(dst, `},"pay_statements":[`...)
	from := min(request.Offset, v.Count())
	to := min(from+request.Limit, v.Count())
	var err error
	if len(fragments) == 0 {
		dst, err = v.AppendRange(dst, records.FacetStatement, from, to)
	} else {
		dst, err = r.appendMarked(dst, v, from, to, fragments)
	}
	return append(dst, "]}}"...), err
}

func (r *statementReader) appendMarked(dst []byte, v *records.View, from, to int, fragments [][]byte) ([]byte, error) {
	for position := from; position < to; position++ {
		if position > from {
			dst = append(dst, ',')
		}
		var inserted int
		var err error
		if dst, inserted, err = v.AppendMarked(dst, records.FacetStatement, records.FacetStatementMarks, position, fragments); err != nil {
			return dst, err
		}
		if r.inserted += inserted; r.inserted > maxInserted {
			return dst, &perch.Error{Name: perch.NameUnprocessableEntity, Code: "page_size_limit_exceeded",
				Message: perch.Invalid("requests", "the rules add more than %d MiB to this answer; ask for fewer statements at a time.", maxInserted>>20).Message}
		}
	}
	return dst, nil
}
