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
	"github.com/perchhq/perch/internal/document"
)

// Documents reads forms of single people, under the same rules as Employment. Before the first form
// was fetched its methods fail with perch.ErrW4SyncRequired.
type Documents interface {
	// List lists a page. base is the address that the documents' URLs begin with.
	List(ctx context.Context, grant *access.Grant, entity *access.Entity, filter DocumentFilter, base string, dst []byte) ([]byte, access.Publication, error)
	Document(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error)
}

// DocumentFilter says which documents to list.
type DocumentFilter = document.Filter

// DocumentsPage is the answer of GET /employer/documents.
type DocumentsPage struct {
	Paging    Paging           `json:"paging"`
	Documents []perch.Document `json:"documents" nullable:"false"`
}

// documentBody is the answer of GET /employer/documents/{document_id}: one of several forms.
type documentBody struct{}

const (
	exampleDocuments = `{"paging":{"count":1,"offset":0},"documents":[{"id":"8a4f5f0e-1c7b-4f7e-9a53-3f7f0c2d9b61",
"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","url":"https://perch.example.com/employer/documents/8a4f5f0e-1c7b-4f7e-9a53-3f7f0c2d9b61",
"year":2024,"type":"w4_2020"}]}`

	exampleDocument = `{"type":"w4_2020","year":2024,"data":{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90",
"filing_status":"head_of_household","amount_for_qualifying_children_under_17":400000,"total_claim_dependent_and_other_credits":450000,
"amount_for_other_dependents":50000,"other_income":0,"deductions":0,"extra_withholding":2500}}`
)

func documentRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/employer/documents", operation: "list-documents", tag: tagDocuments,
			summary:     "Documents",
			description: "Lists the forms that were fetched so far, all of them or those of some people or types. A form is fetched by a job of type w4_form_employee_sync; before the first one there is nothing to list, which is a 400.",
			auth:        authBearer, version: versionRequired, product: perch.ProductDocuments, entities: true, dataHeaders: true,
			params: []param{
				{name: "limit", in: "query", kind: kindInteger, fallback: -1, max: maxInteger, description: "How many documents to return.", example: "100"},
				{name: "offset", in: "query", kind: kindInteger, max: maxInteger, description: "Position of the first document to return.", example: "0"},
				{name: "individual_ids", in: "query", kind: kindIDs, description: "Only the documents of these individuals."},
				{name: "types", in: "query", kind: kindEnums, values: texts(perch.DocumentType("").Values()), emptyIsAll: true, description: "Only documents of these types."},
			},
			answer: reflect.TypeFor[DocumentsPage](), answerExample: exampleDocuments,
			errors: []failure{{perch.NameBadRequest, "w4_sync_required"}, {perch.NameNotImplemented, ""}},
			handle: listDocuments, refuse: w4SyncRequired,
		},
		{
			method: http.MethodGet, path: "/employer/documents/{document_id}", operation: "get-document", tag: tagDocuments,
			summary:     "Document",
			description: "Reads what a form says. The type tells which form it is: a W-4 of 2020 or later, or one before, which claims allowances. Amounts are in cents.",
			auth:        authBearer, version: versionRequired, product: perch.ProductDocuments, entities: true, dataHeaders: true,
			params: []param{{name: "document_id", in: "path", kind: kindID, required: true, description: "Id of a document, as the list has it.", example: exampleID}},
			answer: reflect.TypeFor[documentBody](), answerExample: exampleDocument,
			errors: []failure{{perch.NameBadRequest, "w4_sync_required"}, {perch.NameNotFound, "item_not_found"}, {perch.NameNotImplemented, ""}},
			handle: getDocument, refuse: w4SyncRequired,
		},
	}
}

func listDocuments(c *call) (err error) {
	var filter DocumentFilter
	if filter.Limit, filter.Offset, err = c.page(); err != nil {
		return err
	}
	if filter.Individuals, err = c.ids("individual_ids"); err != nil {
		return err
	}
	types, err := c.enums("types")
	if err != nil {
		return err
	}
	for _, one := range types {
		filter.Types = append(filter.Types, perch.DocumentType(one))
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Documents.List(c.r.Context(), c.grant, c.entity, filter, c.base(), dst)
	})
}

// getDocument answers 404 for an id of any form: an address without a thing behind it.
func getDocument(c *call) error {
	id, err := perch.ParseID(c.r.PathValue("document_id"))
	if err != nil {
		return perch.NotFound("item_not_found", "There is no document with this id.")
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.Documents.Document(c.r.Context(), c.grant, c.entity, id, dst)
	})
}

// w4SyncRequired answers that error with where to read on, as the contract has it for these operations.
func w4SyncRequired(c *call, err error) bool {
	var e *perch.Error
	if !errors.Is(err, perch.ErrW4SyncRequired) || !errors.As(err, &e) {
		return false
	}
	status := apierror.Status(e)
	body, _ := json.Marshal(connectRefused{Code: status, FinchCode: e.Code, Message: e.Message, Name: e.Name, // cannot fail for texts
		Context: map[string]string{"docs_url": c.base() + "/docs#post-jobs-automated"}})
	c.write(status, body)
	return true
}
