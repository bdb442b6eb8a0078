package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/connect"
)

// Connect makes sessions in which employers grant access, and turns what they end with into tokens.
type Connect interface {
	// CreateSession fails with a connect.ConnectionExistsError when the customer is connected already.
	CreateSession(ctx context.Context, app *access.Application, session connect.NewSession) (perch.ID, error)
	Reauthenticate(ctx context.Context, app *access.Application, session connect.Reauthentication) (perch.ID, error)
	// Exchange turns a code into a token, once.
	Exchange(ctx context.Context, app *access.Application, code, redirectURI string) (connect.Token, error)
}

func connectRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/connect/sessions", operation: "post-connect-sessions", tag: tagConnect,
			summary:     "Create a session",
			description: "Makes a session in which an employer grants access, and the link that opens it. Give the session id to the embedded client, or send the employer to the link.",
			auth:        authBasic, version: versionOptional, created: true,
			body: reflect.TypeFor[ConnectSessionRequest](), bodyRequired: true, bodyExample: exampleConnectSession,
			answer: reflect.TypeFor[ConnectSessionCreated](), answerExample: exampleConnectCreated,
			errors: []failure{{perch.NameBadRequest, "connection_already_exists"}, {perch.NameBadRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}},
			refuse: refuseConnect, handle: createConnectSession,
		},
		{
			method: http.MethodPost, path: "/connect/sessions/reauthenticate", operation: "post-connect-sessions-reauthenticate", tag: tagConnect,
			summary:     "Create a session to reauthenticate",
			description: "Makes a session in which the employer authorises an existing connection anew. All ids stay, and there will be a new access token.",
			auth:        authBasic, version: versionOptional, created: true,
			body: reflect.TypeFor[ReauthenticateRequest](), bodyRequired: true, bodyExample: exampleReauthenticate,
			answer: reflect.TypeFor[ConnectSessionCreated](), answerExample: exampleConnectCreated,
			errors: []failure{{perch.NameBadRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}},
			refuse: refuseConnect, handle: reauthenticate,
		},
	}
}

// ConnectSessionRequest is the body of POST /connect/sessions.
type ConnectSessionRequest struct {
	CustomerID      string              `json:"customer_id" minLength:"1" maxLength:"255" doc:"Your own id of the customer."`
	CustomerName    string              `json:"customer_name" minLength:"1" maxLength:"255" doc:"The customer's name, as the employer sees it."`
	CustomerEmail   *string             `json:"customer_email,omitempty" format:"email"`
	Products        []perch.Product     `json:"products" nullable:"false" minItems:"1" doc:"What the employer is asked to grant. deduction is another name of benefits."`
	RedirectURI     *string             `json:"redirect_uri,omitempty" doc:"Where to send the employer with the code; one of the application's redirect URIs. Leave it out to embed Connect."`
	MinutesToExpire *int                `json:"minutes_to_expire,omitempty" minimum:"1" maximum:"129600" doc:"How long the link works; 129,600 minutes if left out."`
	Sandbox         *ConnectSandbox     `json:"sandbox,omitempty" doc:"Simulated employers or the provider's own test environment; for sandbox applications."`
	Manual          *bool               `json:"manual,omitempty" doc:"Offer providers that people set up, too."`
	Integration     *ConnectIntegration `json:"integration,omitempty" doc:"Skips the choice of provider."`
	Recordkeeping   *Recordkeeping      `json:"recordkeeping,omitempty" doc:"Only with the recordkeeping product."`
}

// ConnectSandbox is a kind of test environment.
type ConnectSandbox string

// Values lists them.
func (ConnectSandbox) Values() []ConnectSandbox { return []ConnectSandbox{"finch", "provider"} }

// ConnectIntegration is the provider that an application has chosen.
type ConnectIntegration struct {
	Provider   string                    `json:"provider" doc:"Id of a provider of the catalogue."`
	AuthMethod *perch.AuthenticationType `json:"auth_method,omitempty"`
}

// Recordkeeping names the keeper of a retirement plan's records.
type Recordkeeping struct {
	Recordkeeper Recordkeeper `json:"recordkeeper"`
	PlanID       *string      `json:"plan_id,omitempty" minLength:"1"`
}

// Recordkeeper is one of those that the contract names.
type Recordkeeper string

// Values lists them.
func (Recordkeeper) Values() []Recordkeeper {
	return []Recordkeeper{"voya", "empower", "fidelity", "transamerica"}
}

// ReauthenticateRequest is the body of POST /connect/sessions/reauthenticate.
type ReauthenticateRequest struct {
	ConnectionID    string          `json:"connection_id" doc:"Id of the connection to authorise anew."`
	Products        []perch.Product `json:"products,omitempty" doc:"What the employer is asked to grant; what the connection has, if left out."`
	RedirectURI     *string         `json:"redirect_uri,omitempty" format:"uri"`
	MinutesToExpire *int            `json:"minutes_to_expire,omitempty" minimum:"1" maximum:"129600" doc:"How long the link works; 43,200 minutes if left out."`
}

// ConnectSessionCreated is the answer of both.
type ConnectSessionCreated struct {
	SessionID  perch.ID `json:"session_id"`
	ConnectURL string   `json:"connect_url" format:"uri" doc:"Opens Connect for the employer."`
}

func createConnectSession(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	session, err := decodeConnectSession(body.b)
	if err != nil {
		return err
	}
	id, err := c.api.Connect.CreateSession(c.r.Context(), c.app, session)
	if err != nil {
		return err
	}
	return c.encodeCreated(ConnectSessionCreated{SessionID: id, ConnectURL: c.connectURL(id)})
}

func reauthenticate(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	session, err := decodeReauthentication(body.b)
	if err != nil {
		return err
	}
	id, err := c.api.Connect.Reauthenticate(c.r.Context(), c.app, session)
	if err != nil {
		return err
	}
	return c.encodeCreated(ConnectSessionCreated{SessionID: id, ConnectURL: c.connectURL(id)})
}

// encodeCreated sends a value as JSON with 201.
func (c *call) encodeCreated(answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.write(http.StatusCreated, body)
	return nil
}

// connectURL is the link of a session.
func (c *call) connectURL(session perch.ID) string {
	return c.base() + "/authorize?session=" + session.String()
}

// base is the address of this installation, without a slash at the end: the configured one, or else the
// one that the application reached us by.
func (c *call) base() string {
	if c.api.ConnectURL != "" {
		return c.api.ConnectURL
	}
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: c.r.Host}).String()
}

// connectRefused is the body of a 400 of these operations, connectUnauthorized of a 401: the contract
// gives them a shape of their own.
type connectRefused struct {
	Code      int               `json:"code"`
	FinchCode string            `json:"finch_code"`
	Message   string            `json:"message"`
	Name      string            `json:"name"`
	Context   map[string]string `json:"context"`
}

type connectUnauthorized struct {
	Code      int    `json:"code"`
	FinchCode string `json:"finch_code"`
	Message   string `json:"message"`
}

// refuseConnect answers errors in that shape and reports whether it did.
func refuseConnect(c *call, err error) bool {
	var known *perch.Error
	if !errors.As(err, &known) {
		return false
	}
	var answer any
	status := apierror.Status(known)
	switch status {
	case http.StatusUnauthorized:
		c.challenge(known)
		answer = connectUnauthorized{Code: status, FinchCode: "invalid_client", Message: "Invalid client: Unable to validate credentials"}
	case http.StatusBadRequest:
		refused := connectRefused{Code: status, FinchCode: known.Code, Message: known.Message, Name: perch.NameBadRequest, Context: map[string]string{}}
		var exists *connect.ConnectionExistsError
		if errors.As(err, &exists) {
			refused.Context["customer_id"], refused.Context["connection_id"] = exists.CustomerID, exists.ConnectionID.String()
		}
		answer = refused
	default:
		return false
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return false
	}
	c.write(status, body)
	return true
}

// optional reads a value unless it is null.
func optional[T any](s *scanner, into *T, read func() (T, error)) error {
	if s.null() {
		return nil
	}
	value, err := read()
	if err == nil {
		*into = value
	}
	return err
}

// field is one field of a body: its name, whether it has to be there, and how it is read.
type field struct {
	name     string
	required bool
	read     func() error
}

// fields reads an object whose fields come once each, and skips those that it does not know.
func (s *scanner) fields(known []field) error {
	seen := make([]bool, len(known))
	outer := s.at
	err := s.object("an object", func(key []byte) error {
		for i, f := range known {
			if f.name != string(key) {
				continue
			}
			s.at = outer.inner(f.name)
			if err := onceOnly(s, &seen[i]); err != nil {
				return err
			}
			return f.read()
		}
		return s.skip()
	})
	s.at = outer
	for i, f := range known {
		if err == nil && f.required && !seen[i] {
			err = perch.Invalid(outer.inner(f.name).String(), "is required.")
		}
	}
	return err
}

// inner is the location of a field within an object.
func (l location) inner(name string) location {
	if l.field != "" {
		name = l.field + "." + name
	}
	return location{index: -1, field: name}
}

// words reads a string of any length that the body allows.
func (s *scanner) words() (string, error) {
	text, err := s.text()
	return string(text), err
}

// flag reads true or false.
func (s *scanner) flag() (bool, error) {
	switch s.peek() {
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	}
	return false, s.want("true or false")
}

func decodeConnectSession(body []byte) (connect.NewSession, error) {
	s := scanner{data: body, at: location{index: -1}}
	var n connect.NewSession
	err := s.fields([]field{
		{"customer_id", true, func() (err error) { n.CustomerID, err = s.words(); return err }},
		{"customer_name", true, func() (err error) { n.CustomerName, err = s.words(); return err }},
		{"customer_email", false, func() error { return optional(&s, &n.CustomerEmail, pointer(s.words)) }},
		{"products", true, func() (err error) { n.Products, err = s.someProducts(""); return err }},
		{"redirect_uri", false, func() error { return optional(&s, &n.RedirectURI, s.words) }},
		{"minutes_to_expire", false, func() error { return optional(&s, &n.MinutesToExpire, pointer(s.integer)) }},
		{"sandbox", false, func() error { return optional(&s, &n.Sandbox, s.sandbox) }},
		{"manual", false, func() error { return optional(&s, &n.Manual, s.flag) }},
		{"integration", false, func() error { return s.unlessNull(func() error { return s.integration(&n) }) }},
		{"recordkeeping", false, func() error { return s.unlessNull(func() error { return s.recordkeeping(&n) }) }},
	})
	if err == nil {
		err = s.end()
	}
	return n, err
}

// sandbox reads a kind of test environment. The documentation's example has false for none.
func (s *scanner) sandbox() (string, error) {
	if s.peek() == 'f' {
		return "", s.word("false")
	}
	return s.words()
}

func (s *scanner) unlessNull(read func() error) error {
	if s.null() {
		return nil
	}
	return read()
}

func pointer[T any](read func() (T, error)) func() (*T, error) {
	return func() (*T, error) {
		value, err := read()
		return &value, err
	}
}

func (s *scanner) integration(n *connect.NewSession) error {
	return s.fields([]field{
		{"provider", true, func() (err error) { n.Provider, err = s.name(); return err }},
		{"auth_method", false, func() error {
			return optional(s, &n.AuthMethod, func() (perch.AuthenticationType, error) { return enum(s, perch.AuthenticationType("").Values()) })
		}},
	})
}

func (s *scanner) recordkeeping(n *connect.NewSession) error {
	return s.fields([]field{
		{"recordkeeper", true, func() (err error) {
			keeper, err := enum(s, Recordkeeper("").Values())
			n.Recordkeeper = string(keeper)
			return err
		}},
		{"plan_id", false, func() error { return optional(s, &n.PlanID, pointer(s.name)) }},
	})
}

func decodeReauthentication(body []byte) (connect.Reauthentication, error) {
	s := scanner{data: body, at: location{index: -1}}
	var r connect.Reauthentication
	err := s.fields([]field{
		{"connection_id", true, func() error {
			text, err := s.words()
			if err != nil {
				return err
			}
			r.ConnectionID, _ = perch.ParseID(text) // what is no id is no connection
			return nil
		}},
		{"products", false, func() error {
			return optional(&s, &r.Products, func() ([]perch.Product, error) { return s.someProducts("those that the connection has") })
		}},
		{"redirect_uri", false, func() error { return optional(&s, &r.RedirectURI, s.words) }},
		{"minutes_to_expire", false, func() error { return optional(&s, &r.MinutesToExpire, pointer(s.integer)) }},
	})
	if err == nil {
		err = s.end()
	}
	return r, err
}
