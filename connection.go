package perch

// Product is a scope of an access token: a group of endpoints that the employer granted.
type Product string

// Products, as the wire spells them. "deduction" is accepted as another name of "benefits".
const (
	ProductCompany          Product = "company"
	ProductDirectory        Product = "directory"
	ProductIndividual       Product = "individual"
	ProductSSN              Product = "ssn"
	ProductEmployment       Product = "employment"
	ProductPayment          Product = "payment"
	ProductPayStatement     Product = "pay_statement"
	ProductBenefits         Product = "benefits"
	ProductDeduction        Product = "deduction"
	ProductDocuments        Product = "documents"
	ProductRecordkeeping    Product = "recordkeeping"
	ProductPlans            Product = "plans"
	ProductPlansEnrollments Product = "plans_enrollments"
	ProductPlansDependents  Product = "plans_dependents"
)

// Values lists every product.
func (Product) Values() []Product {
	return []Product{ProductBenefits, ProductCompany, ProductDeduction, ProductDirectory, ProductDocuments,
		ProductEmployment, ProductIndividual, ProductPayment, ProductPayStatement, ProductPlans,
		ProductPlansDependents, ProductPlansEnrollments, ProductRecordkeeping, ProductSSN}
}

// Canonical returns the product under its one stored name.
func (p Product) Canonical() Product {
	if p == ProductDeduction {
		return ProductBenefits
	}
	return p
}

// ClientType says what an application is for and which connections it may make.
type ClientType string

// Types of applications.
const (
	ClientSandbox     ClientType = "sandbox"
	ClientDevelopment ClientType = "development"
	ClientProduction  ClientType = "production"
)

// Values lists every client type.
func (ClientType) Values() []ClientType {
	return []ClientType{ClientDevelopment, ClientProduction, ClientSandbox}
}

// ConnectionType tells simulated connections ("finch" on the wire) from those of a real provider.
type ConnectionType string

// Types of connections.
const (
	ConnectionSimulated ConnectionType = "finch"
	ConnectionProvider  ConnectionType = "provider"
)

// Values lists every connection type.
func (ConnectionType) Values() []ConnectionType {
	return []ConnectionType{ConnectionSimulated, ConnectionProvider}
}

// ConnectionStatus is where a connection or one of its entities stands. Disconnected occurs on
// entities only: nothing answers for a disconnected connection.
type ConnectionStatus string

// Statuses of connections and entities.
const (
	StatusPending        ConnectionStatus = "pending"
	StatusProcessing     ConnectionStatus = "processing"
	StatusConnected      ConnectionStatus = "connected"
	StatusNoAccountSetup ConnectionStatus = "error_no_account_setup"
	StatusPermissions    ConnectionStatus = "error_permissions"
	StatusReauth         ConnectionStatus = "reauth"
	StatusDisconnected   ConnectionStatus = "disconnected"
)

// Values lists every status.
func (ConnectionStatus) Values() []ConnectionStatus {
	return []ConnectionStatus{StatusPending, StatusProcessing, StatusConnected, StatusNoAccountSetup,
		StatusPermissions, StatusReauth, StatusDisconnected}
}

// AuthenticationType is the way in which an employer authorises access to a provider.
type AuthenticationType string

// Authentication types.
const (
	AuthAssisted      AuthenticationType = "assisted"
	AuthCredential    AuthenticationType = "credential"
	AuthAPIToken      AuthenticationType = "api_token"
	AuthAPICredential AuthenticationType = "api_credential"
	AuthOAuth         AuthenticationType = "oauth"
)

// Values lists every authentication type.
func (AuthenticationType) Values() []AuthenticationType {
	return []AuthenticationType{AuthAssisted, AuthCredential, AuthAPIToken, AuthAPICredential, AuthOAuth}
}

// Introspection is what an access token is and may do.
type Introspection struct {
	ID                    ID                     `json:"id"`
	ClientID              ID                     `json:"client_id"`
	ClientType            ClientType             `json:"client_type"`
	ConnectionID          ID                     `json:"connection_id"`
	ConnectionType        ConnectionType         `json:"connection_type"`
	ConnectionStatus      ConnectionStatusDetail `json:"connection_status"`
	CompanyID             ID                     `json:"company_id"`
	AccountID             ID                     `json:"account_id"`
	CustomerID            *string                `json:"customer_id"`
	CustomerName          *string                `json:"customer_name"`
	CustomerEmail         *string                `json:"customer_email"`
	AuthenticationMethods []AuthenticationStatus `json:"authentication_methods"`
	Products              []Product              `json:"products"`
	Username              *string                `json:"username"`
	ProviderID            string                 `json:"provider_id"`
	PayrollProviderID     string                 `json:"payroll_provider_id"`
	Manual                bool                   `json:"manual"`
	Entities              []EntityStatus         `json:"entities"`
}

// ConnectionStatusDetail is a status with its explanation. LastSuccessfulSync is RFC 3339.
type ConnectionStatusDetail struct {
	Status             ConnectionStatus `json:"status"`
	Message            string           `json:"message,omitempty"`
	LastSuccessfulSync *string          `json:"last_successful_sync"`
}

// AuthenticationStatus is one way in which the connection is authorised, and what it grants.
type AuthenticationStatus struct {
	Type             AuthenticationType     `json:"type"`
	ConnectionStatus ConnectionStatusDetail `json:"connection_status"`
	Products         []Product              `json:"products"`
}

// EntityStatus is one account of a connection.
type EntityStatus struct {
	ID       ID               `json:"id"`
	Name     *string          `json:"name"`
	SourceID *string          `json:"source_id"`
	Status   ConnectionStatus `json:"status"`
}
