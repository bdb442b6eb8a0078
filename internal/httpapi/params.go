package httpapi

import (
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

// param returns the description of a parameter of the route; asking for one that the route does not
// have is a mistake in the route table.
func (c *call) param(name string) *param {
	for i := range c.route.params {
		if c.route.params[i].name == name {
			return &c.route.params[i]
		}
	}
	panic("route " + c.route.operation + " has no parameter " + name)
}

// integer reads an integer parameter, or its default.
func (c *call) integer(name string) (int, error) {
	p := c.param(name)
	raw, found, err := c.query.one(name)
	if err != nil || !found {
		return p.fallback, err
	}
	value, err := parseInteger(raw, func(format string, args ...any) error { return perch.Invalid(name, format, args...) })
	if err == nil && value > p.max {
		if p.page {
			return 0, pageTooLong(name, p.max)
		}
		return 0, perch.Invalid(name, "must not be greater than %d.", p.max)
	}
	return value, err
}

// page reads limit and offset.
func (c *call) page() (limit, offset int, err error) {
	if limit, err = c.integer("limit"); err == nil {
		offset, err = c.integer("offset")
	}
	return limit, offset, err
}

// date reads a required date.
func (c *call) date(name string) (perch.Date, error) {
	c.param(name)
	raw, found, err := c.query.one(name)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, perch.Invalid(name, "is required, as YYYY-MM-DD.")
	}
	date, err := perch.ParseDate(raw)
	if err != nil {
		return 0, perch.Invalid(name, "must be a day of the calendar as YYYY-MM-DD.")
	}
	return date, nil
}

// optionalID reads an id, or the zero id.
func (c *call) optionalID(name string) (perch.ID, error) {
	c.param(name)
	raw, found, err := c.query.one(name)
	if err != nil || !found {
		return perch.ID{}, err
	}
	return parseID(name, raw)
}

// optionalDate reads a date, or nothing.
func (c *call) optionalDate(name string) (*perch.Date, error) {
	if _, found, err := c.query.one(name); err != nil || !found {
		return nil, err
	}
	date, err := c.date(name)
	return &date, err
}

// text reads a string, which is empty if it is not given.
func (c *call) text(name string) (string, error) {
	p := c.param(name)
	text, _, err := c.query.one(name)
	if err == nil && len(text) > p.max {
		err = perch.Invalid(name, "must not be longer than %d bytes.", p.max)
	}
	return text, err
}

// ids reads a list of ids. An empty list is as good as none.
func (c *call) ids(name string) (list []perch.ID, err error) {
	c.param(name)
	err = c.query.each(name, func(value string) error {
		if value == "" {
			return nil
		}
		id, err := parseID(name, value)
		list = append(list, id)
		return err
	})
	return list, err
}

// enums reads values of an enum, each once.
func (c *call) enums(name string) (list []string, err error) {
	p := c.param(name)
	err = c.query.each(name, func(value string) error {
		if value == "" && p.emptyIsAll {
			return nil
		}
		if !slices.Contains(p.values, value) {
			return perch.Invalid(name, "each value must be one of %s.", strings.Join(p.values, ", "))
		}
		if !slices.Contains(list, value) {
			list = append(list, value)
		}
		return nil
	})
	return list, err
}

// frequencies reads pay frequencies, each once.
func (c *call) frequencies(name string) ([]perch.PayFrequency, error) {
	values, err := c.enums(name)
	list := make([]perch.PayFrequency, len(values))
	for i, value := range values {
		list[i] = perch.PayFrequency(value)
	}
	return list, err
}

func parseID(field, text string) (perch.ID, error) {
	id, err := perch.ParseID(text)
	if err != nil {
		return id, perch.Invalid(field, "must be a UUID.")
	}
	return id, nil
}
