package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
)

func getCompany(c *call) error {
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Employment.Company(c.r.Context(), c.grant, c.entity, dst)
	})
}

func getDirectory(c *call) error {
	limit, offset, err := c.page()
	if err != nil {
		return err
	}
	since, err := c.since()
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Employment.Directory(c.r.Context(), c.grant, c.entity, limit, offset, since, dst)
	})
}

// getIndividuals leaves the number out, rather than refuse the request, when it is asked for by a
// token without the ssn product: the scope says what is visible, not what may be asked.
func getIndividuals(c *call) error {
	return c.batch(func(b batch, dst []byte) ([]byte, access.Publication, error) {
		ssn := b.includeSSN && c.grant.Allows(perch.ProductSSN)
		return c.api.Employment.Individuals(c.r.Context(), c.grant, c.entity, b.ids, ssn, b.since, dst)
	})
}

func getEmployments(c *call) error {
	return c.batch(func(b batch, dst []byte) ([]byte, access.Publication, error) {
		return c.api.Employment.Employments(c.r.Context(), c.grant, c.entity, b.ids, b.since, dst)
	})
}

// batch decodes a batch of individuals and sends what read appends.
func (c *call) batch(read func(b batch, dst []byte) ([]byte, access.Publication, error)) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	b, err := decodeBatch(body.b, maxIndividuals)
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) { return read(b, dst) })
}

func getPayments(c *call) error {
	start, err := c.date("start_date")
	if err != nil {
		return err
	}
	end, err := c.date("end_date")
	if err != nil {
		return err
	}
	if end < start {
		return perch.Invalid("end_date", "must not be before start_date.")
	}
	since, err := c.since()
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Payroll.Payments(c.r.Context(), c.grant, c.entity, start, end, since, dst)
	})
}

func getPayStatements(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	requests, err := decodeStatements(body.b, statementLimits{requests: maxPayments, page: maxStatements, defaultPage: defaultPage})
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Payroll.PayStatements(c.r.Context(), c.grant, c.entity, requests, dst)
	})
}

func getPayGroups(c *call) error {
	individual, err := c.optionalID("individual_id")
	if err != nil {
		return err
	}
	frequencies, err := c.frequencies("pay_frequencies")
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Employment.PayGroups(c.r.Context(), c.grant, c.entity, individual, frequencies, dst)
	})
}

// getPayGroup answers 404 for an id of any form: an address without a thing behind it.
func getPayGroup(c *call) error {
	id, err := perch.ParseID(c.r.PathValue("pay_group_id"))
	if err != nil {
		return perch.NotFound("item_not_found", "There is no pay group with this id.")
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Employment.PayGroup(c.r.Context(), c.grant, c.entity, id, dst)
	})
}

func getProviders(c *call) error {
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		body, err := c.api.Catalogue.Providers(c.r.Context(), c.grant, dst)
		return body, access.Publication{}, err
	})
}

func introspect(c *call) error {
	answer, err := c.api.Access.Introspect(c.r.Context(), c.grant)
	if err != nil {
		return err
	}
	return c.encode(answer)
}

func disconnect(c *call) error {
	if err := c.api.Access.Disconnect(c.r.Context(), c.grant); err != nil {
		return err
	}
	return c.encode(StatusAnswer{Status: "success"})
}

func createSandboxConnection(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	request, err := decodeSandboxConnection(body.b)
	if err != nil {
		return err
	}
	created, err := c.api.Sandbox.CreateConnection(c.r.Context(), c.app, request)
	if err != nil {
		return err
	}
	return c.encode(created)
}

// encode sends a value as JSON.
func (c *call) encode(answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.write(http.StatusOK, body)
	return nil
}

func healthy(c *call) error { return c.encode(StatusAnswer{Status: "ok"}) }

// ready tells a load balancer whether to send requests. What is missing is for the log alone.
func ready(c *call) error {
	if err := c.api.Health.Ready(c.r.Context()); err != nil {
		c.api.Log.Warn("not ready", "request_id", c.id, "error", err)
		c.write(http.StatusServiceUnavailable, []byte(`{"status":"unavailable"}`))
		return nil
	}
	return c.encode(StatusAnswer{Status: "ready"})
}

// showIndex points people to the reference and programs to the API description.
func showIndex(c *call) error {
	if strings.Contains(c.r.Header.Get("Accept"), "text/html") {
		c.w.Header()["Location"] = []string{"/docs"}
		c.write(http.StatusFound, []byte(`{"documentation":"/docs"}`))
		return nil
	}
	return c.encode(map[string]string{"name": "Perch", "documentation": "/docs", "openapi": "/openapi.json"})
}
