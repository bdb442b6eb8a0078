package perch

import "encoding/json"

// EventType names a change that applications are told about.
type EventType string

// Event types.
const (
	EventAccountUpdated      EventType = "account.updated"
	EventCompanyUpdated      EventType = "company.updated"
	EventDirectoryCreated    EventType = "directory.created"
	EventDirectoryUpdated    EventType = "directory.updated"
	EventDirectoryDeleted    EventType = "directory.deleted"
	EventIndividualCreated   EventType = "individual.created"
	EventIndividualUpdated   EventType = "individual.updated"
	EventIndividualDeleted   EventType = "individual.deleted"
	EventEmploymentCreated   EventType = "employment.created"
	EventEmploymentUpdated   EventType = "employment.updated"
	EventEmploymentDeleted   EventType = "employment.deleted"
	EventPaymentCreated      EventType = "payment.created"
	EventPaymentUpdated      EventType = "payment.updated"
	EventPaymentDeleted      EventType = "payment.deleted"
	EventPayStatementCreated EventType = "pay_statement.created"
	EventPayStatementUpdated EventType = "pay_statement.updated"
	EventPayStatementDeleted EventType = "pay_statement.deleted"
	EventDataSyncCompleted   EventType = "job.data_sync_all.completed"
	EventW4SyncCompleted     EventType = "job.w4_form_employee_sync.completed"
	EventBenefitCreated      EventType = "job.benefit_create.completed"
	EventBenefitRegistered   EventType = "job.benefit_register.completed"
	EventBenefitUpdated      EventType = "job.benefit_update.completed"
	EventBenefitEnrolled     EventType = "job.benefit_enroll.completed"
	EventBenefitUnenrolled   EventType = "job.benefit_unenroll.completed"
	EventInitialSyncOrg      EventType = "job.initial_data_sync_org.succeeded"
	EventInitialSyncPayroll  EventType = "job.initial_data_sync_payroll.succeeded"
)

// Values lists every event type.
func (EventType) Values() []EventType {
	return []EventType{EventAccountUpdated, EventCompanyUpdated,
		EventDirectoryCreated, EventDirectoryUpdated, EventDirectoryDeleted,
		EventIndividualCreated, EventIndividualUpdated, EventIndividualDeleted,
		EventEmploymentCreated, EventEmploymentUpdated, EventEmploymentDeleted,
		EventPaymentCreated, EventPaymentUpdated, EventPaymentDeleted,
		EventPayStatementCreated, EventPayStatementUpdated, EventPayStatementDeleted,
		EventDataSyncCompleted, EventW4SyncCompleted, EventBenefitCreated, EventBenefitRegistered,
		EventBenefitUpdated, EventBenefitEnrolled, EventBenefitUnenrolled,
		EventInitialSyncOrg, EventInitialSyncPayroll}
}

// Event is one change, as it is sent to webhooks. Data depends on Type and holds ids only.
type Event struct {
	ConnectionID ID              `json:"connection_id"`
	CompanyID    ID              `json:"company_id"`
	AccountID    ID              `json:"account_id"`
	EntityID     ID              `json:"entity_id"`
	Type         EventType       `json:"event_type"`
	Data         json.RawMessage `json:"data"`
}
