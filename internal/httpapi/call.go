package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/limit"
)

// rateWindow is the span over which the rate limits count.
const rateWindow = time.Minute

// maxTokenLength bounds what is looked up as a bearer token, in bytes.
const maxTokenLength = 512

// call is one request on its way through a route.
type call struct {
	api    *API
	route  *route
	w      http.ResponseWriter
	r      *http.Request
	query  query
	id     string
	status int // zero until the answer was written

	// grant is set for bearer tokens, app for basic credentials, entity on data endpoints.
	grant  *access.Grant
	app    *access.Application
	entity *access.Entity

	// values backs the one-element header values of the answer, so that each costs no allocation.
	values [8]string
	used   int
}

// newRequestID returns a random UUID in text form. It has to be unique, not secret.
func newRequestID() string {
	var b [16]byte
	for i, word := range [2]uint64{rand.Uint64(), rand.Uint64()} {
		for j := range 8 {
			b[i*8+j] = byte(word >> (8 * j))
		}
	}
	return perch.V4(b).String()
}

// set sets a header whose name is in canonical form.
func (c *call) set(header http.Header, name, value string) {
	if c.used == len(c.values) {
		header[name] = []string{value}
		return
	}
	c.values[c.used] = value
	header[name] = c.values[c.used : c.used+1 : c.used+1]
	c.used++
}

// serve runs one request: request id, authentication, version, scope, rate limit, entity, handler.
func (a *API) serve(route *route, w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, route: route, w: w, r: r, query: query(r.URL.RawQuery), id: newRequestID()}
	c.set(w.Header(), "Finch-Request-Id", c.id)
	started := time.Now()
	defer c.finish(started)
	if err := c.run(); err != nil && (route.refuse == nil || !route.refuse(c, err)) {
		c.fail(err)
	}
}

func (c *call) run() error {
	if err := c.authenticate(); err != nil {
		return err
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	if c.route.product != "" && !c.grant.Allows(c.route.product) {
		return perch.InsufficientScope(c.route.product)
	}
	if c.route.limit.perMinute == 0 || c.api.Limits == nil {
		return c.handle()
	}
	return c.limited()
}

func (c *call) handle() error {
	if c.route.entities {
		if err := c.chooseEntity(); err != nil {
			return err
		}
	}
	return c.route.handle(c)
}

func (c *call) authenticate() (err error) {
	header := c.r.Header["Authorization"]
	switch c.route.auth {
	case authNone:
		return nil
	case authOptionalBearer:
		if len(header) == 0 {
			return nil
		}
	case authBasic:
		id, secret, ok := basicCredentials(header)
		if !ok {
			return perch.ErrInvalidClient
		}
		c.app, err = c.api.Access.AuthenticateClient(c.r.Context(), id, secret)
		return err
	}
	token, err := bearerToken(header)
	if err != nil {
		return err
	}
	c.grant, err = c.api.Access.Authenticate(c.r.Context(), token)
	return err
}

// bearerToken reads "Bearer <token>"; the scheme's case does not matter.
func bearerToken(header []string) (string, error) {
	if len(header) == 0 {
		return "", perch.ErrMissingToken
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	token = strings.TrimSpace(token)
	if len(header) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &perch.Error{Name: perch.NameUnauthorized,
			Message: "The Authorization header holds no access token. Send 'Authorization: Bearer <access_token>'."}
	}
	if len(token) > maxTokenLength || strings.ContainsAny(token, " \t") {
		return "", perch.ErrInvalidToken
	}
	return token, nil
}

func basicCredentials(header []string) (id, secret string, ok bool) {
	if len(header) != 1 || len(header[0]) > 2*maxTokenLength {
		return "", "", false
	}
	scheme, encoded, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// checkVersion reads the Finch-API-Version header.
func (c *call) checkVersion() error {
	if c.route.version == versionIgnored {
		return nil
	}
	header := c.r.Header["Finch-Api-Version"]
	if len(header) == 0 && c.route.version == versionOptional {
		return nil
	}
	if len(header) == 0 || header[0] == "" {
		return perch.Invalid("Finch-API-Version", "the header is required; the current version is %s.", apiVersion)
	}
	for _, version := range header {
		if version != apiVersion {
			return perch.Invalid("Finch-API-Version", "this version does not exist; the current version is %s.", apiVersion)
		}
	}
	return nil
}

// limited runs the handler if the application has requests left. A request that does not succeed is
// given back.
func (c *call) limited() error {
	app := &c.grant.Application
	key := limit.Key{Application: app.ID, Product: c.route.limit.product}
	most := c.route.limit.perMinute
	if app.Type == perch.ClientSandbox {
		most *= 2
	}
	place, err := c.api.Limits.Take(c.r.Context(), key, most, rateWindow)
	if err != nil {
		c.api.Log.Error("the rate limit could not be read; the request goes on without", "request_id", c.id, "error", err)
		return c.handle()
	}
	if !place.OK {
		seconds := int(math.Ceil(place.RetryAfter.Seconds()))
		c.set(c.w.Header(), "Retry-After", strconv.Itoa(max(seconds, 1)))
		return errTooManyRequests
	}
	succeeded := false
	defer func() {
		if !succeeded {
			c.release(key, place.Ticket)
		}
	}()
	err = c.handle()
	succeeded = err == nil || isAccepted(err)
	return err
}

func (c *call) release(key limit.Key, ticket uint64) {
	if err := c.api.Limits.Release(context.WithoutCancel(c.r.Context()), key, ticket); err != nil {
		c.api.Log.Error("a failed request could not be given back to the rate limit", "request_id", c.id, "error", err)
	}
}

// errTooManyRequests has the message that the published documentation shows.
var errTooManyRequests = &perch.Error{Name: perch.NameRateLimitExceeded, Code: "finch_application_rl", Message: "Too many requests for token"}

// chooseEntity reads entity_ids, which may name one entity of the token.
func (c *call) chooseEntity() error {
	var id perch.ID
	given := 0
	err := c.query.each("entity_ids", func(value string) (err error) {
		if given++; given > 1 {
			return perch.Invalid("entity_ids", "must name one entity at most.")
		}
		id, err = parseID("entity_ids", value)
		return err
	})
	if err != nil {
		return err
	}
	if given == 1 && id.IsZero() {
		return perch.Invalid("entity_ids", "is not an entity of this access token.")
	}
	if len(c.grant.Entities) == 0 {
		return errors.New("the access token has no entities")
	}
	c.entity, err = c.grant.Entity(id)
	return err
}
