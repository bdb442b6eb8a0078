package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
)

// Entities ends entities of a connection.
type Entities interface {
	// DisconnectEntities ends the entities and leaves the others of the connection alone. It fails with
	// an access.UnknownEntitiesError, and ends nothing, when the token lacks one of them.
	DisconnectEntities(ctx context.Context, grant *access.Grant, entities []perch.ID) error
}

// maxEntities bounds the entities of one request.
const maxEntities = 1000

func disconnectEntityRoute() route {
	return route{
		method: http.MethodPost, path: "/disconnect-entity", operation: "post-disconnect-entity", tag: tagManagement,
		summary:     "Disconnect entities",
		description: "Ends some entities of the token's connection for good: their data becomes unreadable, and the other entities stay. When none is left, the connection ends too.",
		auth:        authBearer, version: versionRequired,
		body: reflect.TypeFor[DisconnectEntityRequest](), bodyRequired: true, bodyExample: `{"entity_ids":["` + exampleID + `"]}`,
		answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"success"}`,
		errors: []failure{{perch.NameInvalidRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}},
		refuse: refuseEntities, handle: disconnectEntities,
	}
}

// DisconnectEntityRequest is the body of POST /disconnect-entity.
type DisconnectEntityRequest struct {
	EntityIDs []perch.ID `json:"entity_ids" nullable:"false" minItems:"1" maxItems:"1000" doc:"Entities of the access token, as introspect lists them."`
}

func disconnectEntities(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	ids, err := decodeEntities(body.b)
	if err != nil {
		return err
	}
	if err := c.api.Entities.DisconnectEntities(c.r.Context(), c.grant, ids); err != nil {
		return err
	}
	return c.encode(StatusAnswer{Status: "success"})
}

// decodeEntities reads the ids, each once.
func decodeEntities(body []byte) ([]perch.ID, error) {
	s := scanner{data: body, at: location{index: -1}}
	var ids []perch.ID
	seen := map[perch.ID]bool{}
	err := s.fields([]field{{"entity_ids", true, func() error {
		return s.array(func(int) error {
			text, err := s.text()
			if err != nil {
				return err
			}
			id, ok := perch.ParseIDBytes(text)
			if !ok || len(ids) >= maxEntities {
				return errEntities
			}
			if !seen[id] {
				seen[id], ids = true, append(ids, id)
			}
			return nil
		})
	}}})
	if err == nil {
		err = s.end()
	}
	if err == nil && len(ids) == 0 {
		err = errEntities
	}
	return ids, err
}

var errEntities = perch.Invalid("", "entity_ids must be a non-empty array of UUIDs.")

// entityErrors is the body for entities that the token does not have, badEntities for a malformed
// request: the contract gives this operation shapes of its own.
type entityErrors struct {
	Errors []entityError `json:"errors"`
}

type entityError struct {
	EntityID perch.ID `json:"entityId"`
	Error    string   `json:"error"`
}

type badEntities struct {
	StatusCode int    `json:"statusCode"`
	Status     int    `json:"status"`
	Code       int    `json:"code"`
	Name       string `json:"name"`
	Message    string `json:"message"`
}

func refuseEntities(c *call, err error) bool {
	var unknown *access.UnknownEntitiesError
	var known *perch.Error
	var answer any
	switch {
	case errors.As(err, &unknown):
		list := entityErrors{Errors: []entityError{}}
		for _, id := range unknown.IDs {
			list.Errors = append(list.Errors, entityError{EntityID: id, Error: "NOT_FOUND"})
		}
		answer = list
	case errors.As(err, &known) && apierror.Status(known) == http.StatusBadRequest:
		const status = http.StatusBadRequest
		answer = badEntities{StatusCode: status, Status: status, Code: status, Name: "BadRequestError", Message: known.Message}
	default:
		return false
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return false
	}
	c.write(http.StatusBadRequest, body)
	return true
}
