package httpapi

import (
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
)

// route is one operation as data. The table of routes drives the mux, the checks that a request
// passes before its handler, the API description and the reference page.
type route struct {
	method, path string
	// operation is the id of the operation in the API description.
	operation            string
	tag                  string
	summary, description string

	auth    authentication
	version versionRule
	// product is the scope that the token needs; empty means none.
	product perch.Product
	// limit is the rate limit; the zero value means none.
	limit rateLimit
	// entities says that the request may choose an entity.
	entities bool
	params   []param

	// body and answer are the Go types behind the JSON; nil means that there is none, or that it
	// is not JSON.
	body, answer               reflect.Type
	bodyExample, answerExample string
	bodyRequired, dataHeaders  bool
	errors                     []failure
	hidden                     bool
	// created says that success is a 201.
	created bool
	// also are further statuses that come with the operation's answer.
	also   []int
	handle func(*call) error
	// refuse answers an error in a shape of the operation's own and reports whether it did; it is
	// optional.
	refuse func(*call, error) bool
}

// authentication is how a caller shows who it is.
type authentication uint8

const (
	authNone authentication = iota
	authBearer
	authOptionalBearer
	authBasic
)

// versionRule says what becomes of the Finch-API-Version header.
type versionRule uint8

const (
	versionIgnored versionRule = iota
	// versionOptional accepts a request without the header and refuses an unknown version.
	versionOptional
	versionRequired
)

// apiVersion is the only version there is.
const apiVersion = perch.APIVersion

// rateLimit is how many succeeded requests per minute an application may make to a product. Sandbox
// applications may make twice as many.
type rateLimit struct {
	product   string
	perMinute int
}

// param is one parameter in the query or the path.
type param struct {
	name, in    string
	kind        kind
	required    bool
	description string
	example     string
	// fallback and max are for integers; a negative fallback stands for no limit. Beyond max, pages are
	// refused with 422, all else with 400. Of lists max is the most entries; 0 is any number.
	fallback, max int
	page          bool
	// values are the values of an enum; emptyIsAll says that an empty one does not filter.
	values     []string
	emptyIsAll bool
}

// kind is the type of a parameter.
type kind uint8

const (
	kindInteger kind = iota
	kindDate
	kindTime
	kindID
	kindIDs
	kindEnums
	kindText
)

// failure names a row of the error table.
type failure struct{ name, code string }

// index answers GET / where nothing else does.
var index = route{method: http.MethodGet, path: "/", hidden: true, handle: showIndex}

// notFound answers every address that is not in the table.
var notFound = route{path: "unknown address", hidden: true, handle: func(*call) error {
	return perch.NotFound("item_not_found", "There is nothing at this address. GET /docs lists the API.")
}}

// methodNotAllowed answers the other methods of the addresses in the table.
func methodNotAllowed(list []*route) *route {
	allow := allowed(list)
	return &route{path: list[0].path, hidden: true, handle: func(c *call) error {
		c.w.Header()["Allow"] = []string{allow}
		return &perch.Error{Name: perch.NameInvalidRequest, Code: "method_not_allowed",
			Message: "This address answers " + allow + " only."}
	}}
}
