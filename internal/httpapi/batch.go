package httpapi

import (
	"time"

	perch "github.com/perchhq/perch"
)

// maxIDLength bounds an id in a batch in bytes. Ids may be any text and are sent back, so they must
// not be of any length.
const maxIDLength = 256

// batch is the body of a request for individuals or employments. The ids are slices of the body.
type batch struct {
	ids        [][]byte
	includeSSN bool
	since      time.Time
}

// onceOnly refuses a field that was read before.
func onceOnly(s *scanner, seen *bool) error {
	if *seen {
		return s.invalid("is given more than once.")
	}
	*seen = true
	return nil
}

// decodeBatch reads {"requests":[{"individual_id":"…"}],"options":{"include":["ssn"],"modified_after":"…"}}. It stops at
// the first request beyond max.
func decodeBatch(body []byte, max int) (batch, error) {
	s := scanner{data: body}
	var b batch
	var requests, options bool
	err := s.object("an object", func(key []byte) error {
		switch string(key) {
		case "requests":
			s.at = location{list: "requests", index: -1}
			if err := onceOnly(&s, &requests); err != nil {
				return err
			}
			return b.requests(&s, max)
		case "options":
			s.at = location{list: "options", index: -1}
			if err := onceOnly(&s, &options); err != nil {
				return err
			}
			return b.options(&s)
		}
		return s.skip()
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && !requests {
		err = perch.Invalid("requests", "is required.")
	}
	return b, err
}

// idSize is the length of one request with a UUID and no white space; it sizes the list of ids.
const idSize = len(`{"individual_id":"00000000-0000-4000-8000-000000000000"},`)

func (b *batch) requests(s *scanner, max int) error {
	b.ids = make([][]byte, 0, min(len(s.data)/idSize+1, max))
	return s.array(func(int) error {
		b.ids = s.commonIDs(b.ids, max)
		if len(b.ids) >= max {
			return batchTooLong(max)
		}
		s.at = location{list: "requests", index: len(b.ids)}
		id, err := requestID(s)
		b.ids = append(b.ids, id)
		return err
	})
}

// commonIDs passes requests, max in all, for as long as each is as most clients write it: a UUID, no
// white space, no other field, and another request after it. The rest is left for requestID.
func (s *scanner) commonIDs(ids [][]byte, max int) [][]byte {
	const (
		opening = `{"individual_id":"`
		closing = len(opening) + 36
	)
	data := s.data[s.pos:]
	for len(ids) < max && len(data) >= closing+3 && string(data[:len(opening)]) == opening &&
		data[closing] == '"' && data[closing+1] == '}' && data[closing+2] == ',' {
		id := data[len(opening):closing:closing]
		if !plain(id) {
			break
		}
		ids = append(ids, id)
		data = data[closing+3:]
	}
	s.pos = len(s.data) - len(data)
	return ids
}

// requestID reads one {"individual_id":"…"} in any form.
func requestID(s *scanner) (id []byte, err error) {
	seen := false
	err = s.object("an object", func(key []byte) error {
		if string(key) != "individual_id" {
			return s.skip()
		}
		s.at.field = "individual_id"
		if err := onceOnly(s, &seen); err != nil {
			return err
		}
		id, err = s.id()
		return err
	})
	if err == nil && !seen {
		s.at.field = "individual_id"
		err = s.invalid("is required.")
	}
	return id, err
}

// id reads a string that is short enough to be an id.
func (s *scanner) id() ([]byte, error) {
	id, err := s.text()
	if err == nil && len(id) > maxIDLength {
		err = s.invalid("must not be longer than %d bytes.", maxIDLength)
	}
	return id, err
}

// options reads {"include":["ssn"],"modified_after":"2026-03-01T12:00:00Z"}, or null.
func (b *batch) options(s *scanner) error {
	if s.null() {
		return nil
	}
	var include, modified bool
	return s.object("an object", func(key []byte) error {
		switch string(key) {
		case "include":
			s.at = location{list: "options", index: -1, field: "include"}
			if err := onceOnly(s, &include); err != nil {
				return err
			}
			return b.include(s)
		case "modified_after":
			s.at = location{list: "options", index: -1, field: "modified_after"}
			if err := onceOnly(s, &modified); err != nil {
				return err
			}
			text, err := s.text()
			if err == nil {
				b.since, err = parseTime(s.at.String(), string(text))
			}
			return err
		}
		return s.skip()
	})
}

func (b *batch) include(s *scanner) error {
	return s.array(func(i int) error {
		s.at.element, s.at.inside = i, true
		field, err := s.text()
		if err == nil && string(field) != "ssn" {
			err = s.invalid("is not a field that can be included; the only one is \"ssn\".")
		}
		b.includeSSN = err == nil
		return err
	})
}

// statementLimits are the limits of a request for pay statements.
type statementLimits struct{ requests, page, defaultPage int }

// decodeStatements reads {"requests":[{"payment_id":"…","limit":100,"offset":0}]}.
func decodeStatements(body []byte, limits statementLimits) ([]StatementRequest, error) {
	s := scanner{data: body}
	var list []StatementRequest
	seen := false
	err := s.object("an object", func(key []byte) error {
		if string(key) != "requests" {
			return s.skip()
		}
		s.at = location{list: "requests", index: -1}
		if err := onceOnly(&s, &seen); err != nil {
			return err
		}
		return s.array(func(i int) error {
			if i >= limits.requests {
				return batchTooLong(limits.requests)
			}
			s.at = location{list: "requests", index: i}
			request, err := statementRequest(&s, limits)
			list = append(list, request)
			return err
		})
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && len(list) == 0 {
		err = perch.Invalid("requests", "must hold at least one payment.")
	}
	return list, err
}

func statementRequest(s *scanner, limits statementLimits) (StatementRequest, error) {
	request := StatementRequest{Limit: limits.defaultPage}
	var id, limit, offset bool
	err := s.object("an object", func(key []byte) (err error) {
		switch string(key) {
		case "payment_id":
			s.at.field = "payment_id"
			if err = onceOnly(s, &id); err == nil {
				request.PaymentID, err = s.id()
			}
		case "limit":
			s.at.field = "limit"
			if err = onceOnly(s, &limit); err == nil {
				request.Limit, err = s.integer()
			}
			if err == nil && request.Limit > limits.page {
				err = pageTooLong(s.at.String(), limits.page)
			}
		case "offset":
			s.at.field = "offset"
			if err = onceOnly(s, &offset); err == nil {
				request.Offset, err = s.integer()
			}
			if err == nil && request.Offset > maxInteger {
				err = s.invalid("must not be greater than %d.", maxInteger)
			}
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && !id {
		s.at.field = "payment_id"
		err = s.invalid("is required.")
	}
	return request, err
}

func batchTooLong(max int) error {
	return &perch.Error{Name: perch.NameUnprocessableEntity, Code: "batch_limit_exceeded",
		Message: perch.Invalid("requests", "holds more than %d entries, which is the most that one request may ask for.", max).Message}
}

func pageTooLong(field string, max int) error {
	return &perch.Error{Name: perch.NameUnprocessableEntity, Code: "page_size_limit_exceeded",
		Message: perch.Invalid(field, "must not be greater than %d.", max).Message}
}
