package perch

import "time"

// JobStatus is where a job stands.
type JobStatus string

// Job statuses. Manual jobs use the first four only.
const (
	JobPending          JobStatus = "pending"
	JobInProgress       JobStatus = "in_progress"
	JobComplete         JobStatus = "complete"
	JobError            JobStatus = "error"
	JobReauthError      JobStatus = "reauth_error"
	JobPermissionsError JobStatus = "permissions_error"
)

// Values lists every job status.
func (JobStatus) Values() []JobStatus {
	return []JobStatus{JobPending, JobInProgress, JobComplete, JobError, JobReauthError, JobPermissionsError}
}

// JobType is what an automated job does.
type JobType string

// Types of automated jobs.
const (
	JobDataSyncAll JobType = "data_sync_all"
	JobW4Sync      JobType = "w4_form_employee_sync"
)

// Values lists every type of automated job.
func (JobType) Values() []JobType { return []JobType{JobDataSyncAll, JobW4Sync} }

// AutomatedJob is work that a machine does: a sync or the fetch of a form. Times are UTC.
type AutomatedJob struct {
	JobID       ID         `json:"job_id"`
	JobURL      string     `json:"job_url"`
	Type        JobType    `json:"type"`
	Status      JobStatus  `json:"status"`
	CreatedAt   time.Time  `json:"created_at"`
	ScheduledAt *time.Time `json:"scheduled_at"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Params      *JobParams `json:"params"`
}

// JobParams narrows an automated job to one person.
type JobParams struct {
	IndividualID *ID `json:"individual_id,omitempty"`
}

// ManualJob is work on deductions; Body has a line per individual once there are results.
type ManualJob struct {
	JobID  ID                `json:"job_id"`
	Status JobStatus         `json:"status"`
	Body   []ManualJobResult `json:"body"`
}

// ManualJobResult is what happened to one individual or, where there is none, to the deduction. Code reads
// like an HTTP status. An individual who was asked for may be any text. Name and FinchCode are those of an
// error.
type ManualJobResult struct {
	IndividualID string `json:"individual_id,omitempty"`
	Code         int    `json:"code"`
	Message      string `json:"message"`
	Name         string `json:"name,omitempty"`
	FinchCode    string `json:"finch_code,omitempty"`
}
