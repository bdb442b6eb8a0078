package perch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

var errCause = errors.New("the disk is full")

func TestErrorsCompareByNameAndCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err, target error
		want        bool
	}{
		"a fresh error of the same name and code":     {&perch.Error{Name: perch.NameInvalidToken}, perch.ErrInvalidToken, true},
		"another message":                             {&perch.Error{Name: perch.NameInvalidToken, Message: "other"}, perch.ErrInvalidToken, true},
		"one that is wrapped":                         {fmt.Errorf("reading: %w", perch.ErrReauthenticate), perch.ErrReauthenticate, true},
		"one that is wrapped twice":                   {fmt.Errorf("a: %w", fmt.Errorf("b: %w", perch.ErrPending)), perch.ErrPending, true},
		"one of several joined":                       {errors.Join(errCause, perch.ErrPermissions), perch.ErrPermissions, true},
		"the cause of an internal error":              {perch.Internal(errCause), errCause, true},
		"a predefined error as the cause":             {perch.Internal(perch.ErrSyncInProgress), perch.ErrSyncInProgress, true},
		"the same name with another code":             {perch.ErrReauthenticate, perch.ErrAccountSetup, false},
		"the same code with another name":             {perch.ErrSyncInProgress, perch.ErrStatementsInProgress, false},
		"an error of another kind":                    {errCause, perch.ErrInvalidToken, false},
		"a target of another kind":                    {perch.ErrInvalidToken, errCause, false},
		"two codes of not found":                      {perch.NotFound("item_not_found", ""), perch.NotFound("individual_not_found", ""), false},
		"invalid input, whatever the field":           {perch.Invalid("limit", "too large"), perch.Invalid("offset", "negative"), true},
		"the products of two insufficient scopes":     {perch.InsufficientScope(perch.ProductSSN), perch.InsufficientScope(perch.ProductCompany), true},
		"nothing at all":                              {nil, perch.ErrInvalidToken, false},
		"a target that wraps what the error would be": {perch.ErrPending, fmt.Errorf("x: %w", errCause), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := errors.Is(c.err, c.target); got != c.want {
				t.Errorf("errors.Is(%v, %v) = %v", c.err, c.target, got)
			}
		})
	}
}

func TestAnErrorIsFoundInsideOthers(t *testing.T) {
	t.Parallel()
	var found *perch.Error
	if !errors.As(fmt.Errorf("reading: %w", perch.NotFound("payment_not_found", "There is none.")), &found) {
		t.Fatal("not found")
	}
	if found.Name != perch.NameNotFound || found.Code != "payment_not_found" || found.Message != "There is none." {
		t.Errorf("found %+v", found)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*perch.Error{
		"server_error": {Name: perch.NameServer},
		"not_found_error/item_not_found: No item 7.":       perch.NotFound("item_not_found", "No item %d.", 7),
		"invalid_request_error/invalid_request: limit: no": perch.Invalid("limit", "no"),
		"invalid_request_error/invalid_request: no":        perch.Invalid("", "no"),
		"bad_request/x: y: the disk is full":               {Name: perch.NameBadRequest, Code: "x", Message: "y", Err: errCause},
		"bad_request: the disk is full":                    {Name: perch.NameBadRequest, Err: errCause},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAnInternalErrorShowsNothingOfItsCause(t *testing.T) {
	t.Parallel()
	err := perch.Internal(fmt.Errorf("reading 123-45-6789: %w", errCause))
	if strings.Contains(err.Message, "6789") || strings.Contains(err.Message, errCause.Error()) || err.Code != "" {
		t.Errorf("message %q, code %q", err.Message, err.Code)
	}
	if !errors.Is(err, errCause) {
		t.Error("the log would not learn the cause")
	}
}

func TestAnInsufficientScopeNamesTheProduct(t *testing.T) {
	t.Parallel()
	err := perch.InsufficientScope(perch.ProductPayStatement)
	if err.Name != perch.NameInsufficientScope || !strings.Contains(err.Message, `"pay_statement"`) {
		t.Errorf("got %v", err)
	}
}

// Two predefined errors that compare equal would be answered alike.
func TestPredefinedErrorsDiffer(t *testing.T) {
	t.Parallel()
	all := []*perch.Error{perch.ErrInvalidToken, perch.ErrMissingToken, perch.ErrInvalidClient, perch.ErrReauthenticate, perch.ErrAccountSetup,
		perch.ErrPermissions, perch.ErrSyncInProgress, perch.ErrStatementsInProgress, perch.ErrPending, perch.ErrAccountantSetup}
	for i, one := range all {
		if one.Message == "" || one.Err != nil {
			t.Errorf("%v has no message of its own, or a cause", one)
		}
		for j, other := range all {
			if errors.Is(one, other) != (i == j) {
				t.Errorf("errors.Is(%v, %v) = %v", one, other, i != j)
			}
		}
	}
}
