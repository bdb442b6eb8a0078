package event

import (
	"encoding/json"
	"strings"

	perch "github.com/perchhq/perch"
)

// Event is one change. Data is the JSON of its data, as the constructors make it.
type Event struct {
	Type perch.EventType
	Data string
}

// Company is a change of the company's own data.
func Company() Event { return Event{perch.EventCompanyUpdated, "null"} }

// Person is a change of the directory entry, individual or employment of a person.
func Person(change perch.EventType, individual perch.ID) Event {
	return Event{change, `{"individual_id":"` + individual.String() + `"}`}
}

// Payment is a change of a payment. payDate is as it is served, or empty for a payment without one.
func Payment(change perch.EventType, payment perch.ID, payDate string) Event {
	return Event{change, `{"payment_id":"` + payment.String() + `","pay_date":"` + payDate + `"}`}
}

// PayStatement is a change of one statement of a payment.
func PayStatement(change perch.EventType, payment, individual perch.ID) Event {
	return Event{change, `{"payment_id":"` + payment.String() + `","individual_id":"` + individual.String() + `"}`}
}

// Account is a new status of an account.
func Account(status perch.ConnectionStatus, method perch.AuthenticationType) Event {
	return Event{perch.EventAccountUpdated, `{"status":"` + string(status) + `","authentication_method":{"type":"` + string(method) + `"}}`}
}

// AutomatedJob is the end of an automated job.
func (l *Log) AutomatedJob(end perch.EventType, job perch.ID) Event {
	return l.job(end, job, "/jobs/automated/")
}

// ManualJob is the end of a job on deductions.
func (l *Log) ManualJob(end perch.EventType, job perch.ID) Event {
	return l.job(end, job, "/jobs/manual/")
}

func (l *Log) job(end perch.EventType, job perch.ID, path string) Event {
	url, _ := json.Marshal(l.PublicURL + path + job.String()) // a string always encodes
	return Event{end, `{"job_id":"` + job.String() + `","job_url":` + string(url) + `}`}
}

// OnRequest reports whether events of the type are, for assisted connections, only sent to those who
// ask for them: all but account updates and the ends of benefit jobs.
func OnRequest(t perch.EventType) bool {
	return t != perch.EventAccountUpdated && !strings.HasPrefix(string(t), "job.benefit_")
}

// encoder writes the bodies of one origin's events.
type encoder struct {
	prefix   string
	assisted bool
}

func newEncoder(o Origin) encoder {
	return encoder{assisted: o.Assisted, prefix: `{"connection_id":"` + o.ConnectionID.String() + `","company_id":"` + o.CompanyID.String() +
		`","account_id":"` + o.EntityID.String() + `","entity_id":"` + o.EntityID.String() + `","event_type":"`}
}

func (e encoder) body(v Event) string {
	return e.prefix + string(v.Type) + `","data":` + v.Data + "}"
}
