package httpapi

import (
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/connect"
)

// tokenRoute exchanges codes. Its credentials come in the body, or as Basic credentials.
func tokenRoute() route {
	return route{
		method: http.MethodPost, path: "/auth/token", operation: "create-access-token", tag: tagManagement,
		summary:     "Create an access token",
		description: "Exchanges the code that a visit to Connect ended with for an access token. A code works once, for ten minutes. Give the client id and secret in the body, or as user name and password.",
		version:     versionOptional,
		body:        reflect.TypeFor[AccessTokenRequest](), bodyRequired: true, bodyExample: exampleTokenRequest,
		answer: reflect.TypeFor[connect.Token](), answerExample: exampleToken,
		errors: []failure{{perch.NameInvalidGrant, ""}, {perch.NameInvalidClient, ""}, {perch.NameInvalidRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}},
		handle: exchangeCode,
	}
}

// AccessTokenRequest is the body of POST /auth/token.
type AccessTokenRequest struct {
	ClientID     string `json:"client_id,omitempty" format:"uuid"`
	ClientSecret string `json:"client_secret,omitempty"`
	Code         string `json:"code" doc:"What Connect handed over."`
	RedirectURI  string `json:"redirect_uri,omitempty" doc:"The session's redirect URI; not for codes from embedded Connect."`
}

func exchangeCode(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	request, err := decodeToken(body.b)
	if err != nil {
		return err
	}
	if request.ClientID == "" && request.ClientSecret == "" {
		var ok bool
		if request.ClientID, request.ClientSecret, ok = basicCredentials(c.r.Header["Authorization"]); !ok {
			return perch.ErrInvalidClient
		}
	}
	app, err := c.api.Access.AuthenticateClient(c.r.Context(), request.ClientID, request.ClientSecret)
	if err != nil {
		return err
	}
	token, err := c.api.Connect.Exchange(c.r.Context(), app, request.Code, request.RedirectURI)
	if err != nil {
		return err
	}
	c.w.Header()["Cache-Control"] = noStore
	return c.encode(token)
}

func decodeToken(body []byte) (AccessTokenRequest, error) {
	s := scanner{data: body, at: location{index: -1}}
	var r AccessTokenRequest
	err := s.fields([]field{
		{"client_id", false, func() error { return optional(&s, &r.ClientID, s.words) }},
		{"client_secret", false, func() error { return optional(&s, &r.ClientSecret, s.words) }},
		{"code", true, func() (err error) { r.Code, err = s.words(); return err }},
		{"redirect_uri", false, func() error { return optional(&s, &r.RedirectURI, s.words) }},
	})
	if err == nil {
		err = s.end()
	}
	return r, err
}
