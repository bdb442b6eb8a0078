package httpapi

import (
	"slices"

	perch "github.com/perchhq/perch"
)

// decodeSandboxConnection reads the body of POST /sandbox/connections. Whether the provider exists
// and offers what is asked for is the use case's to say.
func decodeSandboxConnection(body []byte) (SandboxConnection, error) {
	s := scanner{data: body}
	var request SandboxConnection
	var provider, authentication, products, size bool
	err := s.object("an object", func(key []byte) (err error) {
		s.at = location{index: -1, field: string(key)}
		switch string(key) {
		case "provider_id":
			if err = onceOnly(&s, &provider); err == nil {
				request.ProviderID, err = s.name()
			}
		case "authentication_type":
			if err = onceOnly(&s, &authentication); err == nil {
				request.AuthenticationType, err = enum(&s, perch.AuthenticationType("").Values())
			}
		case "products":
			if err = onceOnly(&s, &products); err == nil {
				request.Products, err = s.products()
			}
		case "employee_size":
			if err = onceOnly(&s, &size); err == nil {
				request.EmployeeSize, err = s.size()
			}
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && !provider {
		err = perch.Invalid("provider_id", "is required.")
	}
	return request, err
}

// name reads a short string that is not empty.
func (s *scanner) name() (string, error) {
	text, err := s.text()
	if err == nil && (len(text) == 0 || len(text) > maxIDLength) {
		err = s.invalid("must have between 1 and %d bytes.", maxIDLength)
	}
	return string(text), err
}

// enum reads one of the values.
func enum[E ~string](s *scanner, values []E) (E, error) {
	text, err := s.text()
	if err == nil && !slices.Contains(values, E(text)) {
		err = s.invalid("must be one of %s.", joined(values))
	}
	return E(text), err
}

// products reads a list of products that may be left out for all of them.
func (s *scanner) products() ([]perch.Product, error) { return s.someProducts("all of them") }

// someProducts reads a list of products, each once. omitted says what leaving the list out means; empty
// where it cannot be left out.
func (s *scanner) someProducts(omitted string) (list []perch.Product, err error) {
	err = s.array(func(i int) error {
		s.at.element, s.at.inside = i, true
		product, err := enum(s, perch.Product("").Values())
		if err == nil && !slices.Contains(list, product) {
			list = append(list, product)
		}
		return err
	})
	s.at.inside = false
	if err == nil && len(list) == 0 {
		if omitted != "" {
			omitted = ", or be left out for " + omitted
		}
		err = s.invalid("must name at least one product%s. Products are %s.", omitted, joined(perch.Product("").Values()))
	}
	return list, err
}

// maxPeople is the size of the largest simulated employer.
const maxPeople = 100_000

// size reads a number of people. Whatever its sign, a number out of bounds is told the bounds.
func (s *scanner) size() (int, error) {
	negative := s.peek() == '-'
	if negative {
		s.pos++
	}
	size, err := s.integer()
	if err == nil && (negative || size < 1 || size > maxPeople) {
		err = s.invalid("must be between 1 and %d.", maxPeople)
	}
	return size, err
}

func joined[E ~string](values []E) string {
	var text []byte
	for i, value := range values {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(text, value...)
	}
	return string(text)
}
