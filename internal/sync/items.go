package sync

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/payitem"
	"github.com/perchhq/perch/internal/records"
)

// items is the catalogue of pay statement items while a sync goes on: what was published of it, brought
// up to date payment by payment. An item is in the catalogue as long as a published payment has it, so
// each payment's items are kept apart and a payment that was not read costs nothing.
type items struct {
	numbers  map[payitem.Key]uint32
	keys     []payitem.Key // by number; 0 stands for no item
	payments map[perch.ID]*paymentItems
	// read are the payments whose statements were read since the catalogue was last staged, in order.
	read []perch.ID
	// seen tells, by number, what stands on the statements of the payment being read, and line what
	// stands on the statement.
	seen []bool
	line []uint32
	// before has the items of the statements before, by line: most people have much the same lines, and
	// comparing is cheaper than looking up.
	before []known
}

type known struct {
	key    payitem.Key
	number uint32
}

// paymentItems is what stands on the statements of one payment.
type paymentItems struct {
	paid    *perch.Date
	numbers []uint32 // ascending
}

// loadItems reads what is published of the catalogue.
func loadItems(ctx context.Context, p *publisher) (*items, error) {
	c := &items{numbers: map[payitem.Key]uint32{}, keys: make([]payitem.Key, 1), payments: map[perch.ID]*paymentItems{}}
	err := p.eachRecord(ctx, records.PayItems, func(_ perch.ID, stored []byte) error {
		item, err := payitem.DecodeItem(stored)
		if err != nil || item.Number == 0 || item.Number > payitem.MaxItems {
			return errors.Join(err, fmt.Errorf("pay statement item %d cannot be read", item.Number))
		}
		for uint32(len(c.keys)) <= item.Number {
			c.keys = append(c.keys, payitem.Key{})
		}
		c.keys[item.Number], c.numbers[item.Key] = item.Key, item.Number
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.seen = make([]bool, len(c.keys))
	return c, p.eachRecord(ctx, records.PaymentItems, func(id perch.ID, stored []byte) (err error) {
		c.payments[id], err = decodePaymentItems(stored)
		return err
	})
}

// eachRecord calls visit with every published record of a collection of one facet.
func (p *publisher) eachRecord(ctx context.Context, collection records.Collection, visit func(id perch.ID, stored []byte) error) error {
	st, err := p.stage(ctx, collection)
	if err != nil {
		return err
	}
	return st.Absent(func(id perch.ID) error {
		stored, err := st.Record(id, records.FacetItem)
		if err != nil {
			return err
		}
		return visit(id, stored)
	})
}

func (i *paymentItems) append(dst []byte) []byte {
	dst = payitem.AppendDate(dst, i.paid)
	var before uint32
	for _, number := range i.numbers {
		dst = binary.AppendUvarint(dst, uint64(number-before))
		before = number
	}
	return dst
}

func decodePaymentItems(b []byte) (*paymentItems, error) {
	var i paymentItems
	var err error
	if i.paid, b, err = payitem.DecodeDate(b); err != nil {
		return nil, err
	}
	var number uint32
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		if n <= 0 || step > payitem.MaxItems {
			return nil, errors.New("the items of a payment cannot be read")
		}
		number += uint32(step)
		i.numbers, b = append(i.numbers, number), b[n:]
	}
	return &i, nil
}

// number returns the number of a line's item, a new one if need be, or 0 for an item that the catalogue
// has no room for.
func (c *items) number(key payitem.Key) uint32 {
	if number, known := c.numbers[key]; known {
		return number
	}
	if len(c.keys) > payitem.MaxItems {
		return 0
	}
	number := uint32(len(c.keys))
	c.keys, c.seen = append(c.keys, key), append(c.seen, false)
	c.numbers[key] = number
	return number
}

// onLine is number for the n-th line of a statement.
func (c *items) onLine(n int, key payitem.Key) uint32 {
	if n < len(c.before) && c.before[n].key == key {
		return c.before[n].number
	}
	number := c.number(key)
	if n == len(c.before) {
		c.before = append(c.before, known{})
	}
	c.before[n] = known{key, number}
	return number
}

// note says that the statement encoded last stands among those of the payment being read.
func (c *items) note() {
	for _, number := range c.line {
		c.seen[number] = true
	}
}

// finish ends a payment, whose statements were read whole.
func (c *items) finish(payment perch.ID, paid *perch.Date) {
	found := &paymentItems{paid: paid}
	for number := range c.seen {
		if c.seen[number] {
			found.numbers = append(found.numbers, uint32(number))
		}
	}
	clear(c.seen)
	c.payments[payment] = found
	c.read = append(c.read, payment)
}

// noLines is how a statement without any line ends.
var noLines = []byte(`,"earnings":null,"taxes":null,"employee_deductions":null,"employer_contributions":null}`)

// encode sets the facets of a statement: its JSON, as AppendJSON has it, and marks at the ends of its
// lines, so that rules can be applied without looking at the JSON. Attributes come from rules alone.
func (c *items) encode(e *recordEncoder, s *perch.PayStatement) {
	frame := *s
	frame.Earnings, frame.Taxes, frame.EmployeeDeductions, frame.EmployerContributions = nil, nil, nil, nil
	w := lineWriter{items: c, marks: e.facets[records.FacetStatementMarks][:0]}
	w.json = bytes.TrimSuffix(frame.AppendJSON(e.facets[records.FacetStatement][:0]), noLines)
	c.line = c.line[:0]
	writeLines(&w, `,"earnings":`, s.Earnings, func(l *perch.Earning) payitem.Key {
		l.Attributes = nil
		return payitem.Key{Category: payitem.Earnings, Type: textOf(l.Type), Name: textOf(l.Name)}
	})
	writeLines(&w, `,"taxes":`, s.Taxes, func(l *perch.Tax) payitem.Key {
		l.Attributes = nil
		return payitem.Key{Category: payitem.Taxes, Flag: payitem.FlagOf(l.Employer), Type: textOf(l.Type), Name: textOf(l.Name)}
	})
	writeLines(&w, `,"employee_deductions":`, s.EmployeeDeductions, func(l *perch.PayDeduction) payitem.Key {
		l.Attributes = nil
		return payitem.Key{Category: payitem.EmployeeDeductions, Flag: payitem.FlagOf(l.PreTax), Type: textOf(l.Type), Name: textOf(l.Name)}
	})
	writeLines(&w, `,"employer_contributions":`, s.EmployerContributions, func(l *perch.Contribution) payitem.Key {
		l.Attributes = nil
		return payitem.Key{Category: payitem.EmployerContributions, Type: textOf(l.Type), Name: textOf(l.Name)}
	})
	e.facets[records.FacetStatement] = append(w.json, '}')
	e.facets[records.FacetStatementMarks] = w.marks
}

// textOf returns the text of a nullable string, and none for null.
func textOf[S ~string](s *S) string {
	if s == nil {
		return ""
	}
	return string(*s)
}

// lineWriter appends the lists of a statement.
type lineWriter struct {
	items       *items
	json, marks []byte
	marked      int // where the last mark lies
	lines       int // so far
}

// line is a pointer to a line of a statement.
type line[L any] interface {
	*L
	appender
}

func writeLines[L any, P line[L]](w *lineWriter, label string, lines []L, key func(P) payitem.Key) {
	w.json = append(w.json, label...)
	if lines == nil {
		w.json = append(w.json, "null"...)
		return
	}
	w.json = append(w.json, '[')
	for i := range lines {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		one := lines[i] // a copy: the statement is the connector's
		number := w.items.onLine(w.lines, key(&one))
		w.lines++
		w.json = P(&one).AppendJSON(w.json)
		if end := len(w.json) - 1; number != 0 { // before the closing brace
			w.marks = records.AppendMark(w.marks, end-w.marked, number)
			w.marked = end
			w.items.line = append(w.items.line, number)
		}
	}
	w.json = append(w.json, ']')
}

// stage brings the published catalogue up to date with the payments that were read, and those that are
// gone.
func (c *items) stage(ctx context.Context, r *run, p *publisher, removed []deletedPayment) error {
	for _, payment := range removed {
		delete(c.payments, payment.id)
	}
	st, err := p.stage(ctx, records.PaymentItems)
	if err != nil {
		return err
	}
	var buffer []byte
	for _, payment := range c.read {
		if items := c.payments[payment]; items != nil {
			buffer = items.append(buffer[:0])
			if _, err := st.Put(payment, [][]byte{buffer}); err != nil {
				return err
			}
		}
	}
	c.read = c.read[:0]
	if err := keepAll(st, func(payment perch.ID) bool { return c.payments[payment] != nil }); err != nil {
		return err
	}
	if err := p.finish(st); err != nil {
		return err
	}
	return c.stageCatalogue(ctx, r, p)
}

// keepAll takes over the published records that are wanted and were not put, and removes the rest.
func keepAll(st *records.Stage, wanted func(perch.ID) bool) error {
	if err := st.Absent(func(id perch.ID) error {
		if wanted(id) {
			st.Keep(id)
		}
		return nil
	}); err != nil {
		return err
	}
	_, err := st.RemoveAbsent()
	return err
}

func (c *items) stageCatalogue(ctx context.Context, r *run, p *publisher) error {
	st, err := p.stage(ctx, records.PayItems)
	if err != nil {
		return err
	}
	present, last := make([]bool, len(c.keys)), make([]*perch.Date, len(c.keys))
	for _, payment := range c.payments {
		for _, number := range payment.numbers {
			if int(number) >= len(c.keys) {
				return fmt.Errorf("a payment has the unknown pay statement item %d", number)
			}
			present[number] = true
			if payment.paid != nil && (last[number] == nil || *last[number] < *payment.paid) {
				last[number] = payment.paid
			}
		}
	}
	var buffer []byte
	for number := range c.keys {
		if !present[number] {
			continue
		}
		item := payitem.Item{Key: c.keys[number], Number: uint32(number), LastSeen: last[number]}
		buffer = item.Append(buffer[:0])
		id := r.Identity.RecordID(r.account.EntityID, "pay_statement_item", fmt.Sprintf("%d\x00%d\x00%s\x00%s", item.Category, item.Flag, item.Type, item.Name))
		if _, err := st.Put(id, [][]byte{buffer}); err != nil {
			return err
		}
	}
	if _, err := st.RemoveAbsent(); err != nil {
		return err
	}
	return p.finish(st)
}
