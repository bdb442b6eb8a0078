package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/automated"
)

// Jobs makes and shows automated jobs.
type Jobs interface {
	// Refresh asks for a sync of everything of the grant's connection.
	Refresh(ctx context.Context, grant *access.Grant) (automated.Requested, error)
	// RequestTask asks for a job about one person.
	RequestTask(ctx context.Context, grant *access.Grant, kind perch.JobType, individual perch.ID) (automated.Requested, error)
	List(ctx context.Context, grant *access.Grant, limit, offset int) (automated.Listed, error)
	// Get returns a job of the grant's connection, or a not-found error.
	Get(ctx context.Context, grant *access.Grant, job perch.ID) (automated.Job, error)
}

// maxJobs is the largest page of jobs.
const maxJobs = 1000

func jobsRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/jobs/automated", operation: "post-jobs-automated", tag: tagManagement,
			summary: "Start a job",
			description: "data_sync_all reads everything of the connection anew, all its entities included. While such a job is queued or runs, it is answered with 202 and costs nothing. " +
				"An application may ask for one an hour per connection, ten in the sandbox; the hour begins with the first one, and beyond that the answer is 429 with the time at which to ask again. " +
				"w4_form_employee_sync fetches the W-4 of one individual and needs the documents product. Assisted connections have no automated jobs.",
			auth: authBearer, version: versionRequired, created: true, also: []int{http.StatusAccepted, http.StatusTooManyRequests},
			body: reflect.TypeFor[NewJob](), bodyRequired: true, bodyExample: `{"type":"data_sync_all"}`,
			answer: reflect.TypeFor[JobRequested](), answerExample: `{"job_id":"` + exampleID + `","job_url":"https://perch.example.com/jobs/automated/` + exampleID + `","allowed_refreshes":1,"remaining_refreshes":0}`,
			errors: []failure{{perch.NameInvalidRequest, "invalid_request"}, {perch.NameBadRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"},
				{perch.NameInsufficientScope, ""}, {perch.NameNotFound, "individual_not_found"}, {perch.NameNotImplemented, ""}},
			refuse: refuseJob, handle: startJob,
		},
		{
			method: http.MethodGet, path: "/jobs/automated", operation: "get-jobs-automated", tag: tagManagement,
			summary:     "Jobs",
			description: "Lists the jobs of the connection, the newest first. Of the syncs that happen by themselves, those that began are listed, and the next one before them.",
			auth:        authBearer, version: versionRequired,
			params: []param{
				{name: "limit", in: "query", kind: kindInteger, fallback: defaultPage, max: maxJobs, page: true, description: "How many jobs to return.", example: "100"},
				{name: "offset", in: "query", kind: kindInteger, max: maxInteger, description: "Position of the first job to return.", example: "0"},
			},
			answer: reflect.TypeFor[JobsPage](), answerExample: `{"meta":{"quotas":{"data_sync_all":{"allowed_refreshes":1,"remaining_refreshes":1}}},"data":[` + exampleJob + `]}`,
			errors: []failure{{perch.NameUnprocessableEntity, "page_size_limit_exceeded"}},
			refuse: refuseJobList, handle: listJobs,
		},
		{
			method: http.MethodGet, path: "/jobs/automated/{job_id}", operation: "get-jobs-job_id", tag: tagManagement,
			summary:     "Job",
			description: "Reads one automated job: where it stands and, once it is over, how it ended.",
			auth:        authBearer, version: versionRequired,
			params: []param{{name: "job_id", in: "path", kind: kindID, required: true, description: "Id of the job.", example: exampleID}},
			answer: reflect.TypeFor[perch.AutomatedJob](), answerExample: exampleJob,
			errors: []failure{{perch.NameNotFound, "item_not_found"}},
			handle: getJob,
		},
	}
}

const exampleJob = `{"job_id":"` + exampleID + `","job_url":"https://perch.example.com/jobs/automated/` + exampleID + `","type":"data_sync_all","status":"complete",` +
	`"created_at":"2024-03-01T09:30:00Z","scheduled_at":null,"started_at":"2024-03-01T09:30:00Z","completed_at":"2024-03-01T09:30:04.25Z","params":null}`

// NewJob is the body of POST /jobs/automated.
type NewJob struct {
	Type   perch.JobType `json:"type"`
	Params *NewJobParams `json:"params,omitempty" doc:"Required for w4_form_employee_sync."`
}

// NewJobParams say whom a job is about.
type NewJobParams struct {
	IndividualID string `json:"individual_id" doc:"Id of an individual, as the directory lists it."`
}

// JobRequested is the answer of POST /jobs/automated.
type JobRequested struct {
	JobID     *perch.ID `json:"job_id,omitempty" nullable:"false"`
	JobURL    string    `json:"job_url,omitempty" doc:"Where to read the job."`
	Allowed   int       `json:"allowed_refreshes" doc:"How many refreshes the connection may have in an hour."`
	Remaining int       `json:"remaining_refreshes" doc:"How many of them remain."`
	RetryAt   string    `json:"retry_at,omitempty" doc:"When to ask again, in ISO 8601; with a 429."`
}

// JobsPage is the answer of GET /jobs/automated.
type JobsPage struct {
	Meta JobsMeta             `json:"meta"`
	Data []perch.AutomatedJob `json:"data" nullable:"false"`
}

// JobsMeta says what may be asked for.
type JobsMeta struct {
	Quotas JobQuotas `json:"quotas"`
}

// JobQuotas are quotas by type of job. Connections that cannot be refreshed have none.
type JobQuotas struct {
	DataSyncAll *JobQuota `json:"data_sync_all,omitempty" nullable:"false"`
}

// JobQuota is how many jobs of a type may be asked for.
type JobQuota struct {
	Allowed   int `json:"allowed_refreshes"`
	Remaining int `json:"remaining_refreshes"`
}

func startJob(c *call) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	defer body.release()
	kind, individual, err := decodeJob(body.b)
	if err != nil {
		return err
	}
	var requested automated.Requested
	if kind == perch.JobDataSyncAll {
		requested, err = c.api.Jobs.Refresh(c.r.Context(), c.grant)
	} else {
		requested, err = c.api.Jobs.RequestTask(c.r.Context(), c.grant, kind, individual)
	}
	if err != nil {
		return err
	}
	return c.requested(requested)
}

// requested answers a request for a job.
func (c *call) requested(r automated.Requested) error {
	answer := JobRequested{Allowed: r.Quota.Allowed, Remaining: r.Quota.Remaining}
	if !r.JobID.IsZero() {
		answer.JobID, answer.JobURL = &r.JobID, c.jobURL(r.JobID)
	}
	status := http.StatusCreated
	switch r.Outcome {
	case automated.Running:
		status = http.StatusAccepted
	case automated.Refused:
		status = http.StatusTooManyRequests
		answer.RetryAt = r.Quota.RetryAt.UTC().Format(headerTime)
		seconds := int(math.Ceil(r.Quota.RetryAfter.Seconds()))
		c.set(c.w.Header(), "Retry-After", strconv.Itoa(max(seconds, 1)))
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	c.write(status, body)
	return nil
}

func (c *call) jobURL(job perch.ID) string { return c.base() + "/jobs/automated/" + job.String() }

// decodeJob reads the body of POST /jobs/automated.
func decodeJob(body []byte) (kind perch.JobType, individual perch.ID, err error) {
	s := scanner{data: body, at: location{index: -1}}
	var text string
	err = s.fields([]field{
		{"type", true, func() (err error) { kind, err = enum(&s, perch.JobType("").Values()); return err }},
		{"params", false, func() error {
			if s.null() {
				return nil
			}
			return s.fields([]field{{"individual_id", false, func() (err error) { text, err = s.name(); return err }}})
		}},
	})
	if err == nil {
		err = s.end()
	}
	if err != nil || kind == perch.JobDataSyncAll {
		return kind, individual, err
	}
	const field = "params.individual_id"
	if text == "" {
		return kind, individual, perch.Invalid(field, "is required for %s.", kind)
	}
	individual, err = parseID(field, text)
	return kind, individual, err
}

func listJobs(c *call) error {
	limit, offset, err := c.page()
	if err != nil {
		return err
	}
	list, err := c.api.Jobs.List(c.r.Context(), c.grant, limit, offset)
	if err != nil {
		return err
	}
	page := JobsPage{Data: make([]perch.AutomatedJob, len(list.Jobs))}
	for i, j := range list.Jobs {
		page.Data[i] = c.job(j)
	}
	if q := list.Quota; q != nil {
		page.Meta.Quotas.DataSyncAll = &JobQuota{Allowed: q.Allowed, Remaining: q.Remaining}
	}
	return c.encode(page)
}

// getJob answers 404 for an id of any form: an address without a thing behind it.
func getJob(c *call) error {
	text := c.r.PathValue("job_id")
	id, err := perch.ParseID(text)
	if err != nil {
		return automated.NotFound(text)
	}
	j, err := c.api.Jobs.Get(c.r.Context(), c.grant, id)
	if err != nil {
		return err
	}
	return c.encode(c.job(j))
}

func (c *call) job(j automated.Job) perch.AutomatedJob {
	out := perch.AutomatedJob{JobID: j.ID, JobURL: c.jobURL(j.ID), Type: j.Type, Status: j.Status, CreatedAt: jobTime(j.CreatedAt),
		ScheduledAt: optionalTime(j.ScheduledAt), StartedAt: optionalTime(j.StartedAt), CompletedAt: optionalTime(j.CompletedAt)}
	if !j.IndividualID.IsZero() {
		out.Params = &perch.JobParams{IndividualID: &j.IndividualID}
	}
	return out
}

// jobTime is as exact as times on the wire are.
func jobTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = jobTime(t)
	return &t
}

// jobRefused is the body of a 400 and a 401 of these operations: the contract gives them a shape of
// their own.
type jobRefused struct {
	StatusCode int    `json:"statusCode"`
	Status     int    `json:"status"`
	Code       int    `json:"code"`
	Message    string `json:"message"`
	Name       string `json:"name"`
}

func refuseJob(c *call, err error) bool {
	return refuseAs(c, err, http.StatusBadRequest, http.StatusUnauthorized)
}
func refuseJobList(c *call, err error) bool { return refuseAs(c, err, http.StatusUnauthorized) }

// refuseAs answers errors of the given statuses in that shape and reports whether it did.
func refuseAs(c *call, err error, statuses ...int) bool {
	var known *perch.Error
	if !errors.As(err, &known) {
		return false
	}
	status := apierror.Status(known)
	for _, one := range statuses {
		if one != status {
			continue
		}
		body, err := json.Marshal(jobRefused{status, status, status, known.Message, known.Name})
		if err != nil {
			return false
		}
		c.challenge(known)
		c.write(status, body)
		return true
	}
	return false
}
