package connect

import (
	"slices"

	perch "github.com/perchhq/perch"
)

// fieldGroup is fields that one sentence of the consent screen covers. The wording is the one that the
// published documentation prescribes.
type fieldGroup struct {
	text   string
	fields []string // as "product.field"
	labels []string
}

// permission is how a product is described. whole stands for all groups together while no field of
// the product is disabled.
type permission struct {
	whole  string
	groups []fieldGroup
}

var permissions = map[perch.Product]permission{
	perch.ProductCompany: {
		whole: "Read basic company data, company contact info, address details, and bank account data.",
		groups: []fieldGroup{
			{"Read basic company data", []string{"company.legal_name", "company.entity.type", "company.entity.subtype", "company.departments", "company.ein"},
				[]string{"Legal name", "Entity type", "Entity subtype", "Departments", "EIN"}},
			{"Read company contact info", []string{"company.primary_email", "company.primary_phone_number"}, []string{"Primary email", "Primary phone number"}},
			{"Read address details", []string{"company.locations.line1", "company.locations.line2", "company.locations.city", "company.locations.state", "company.locations.postal_code"},
				[]string{"Location line 1", "Location line 2", "City", "State", "ZIP code"}},
			{"Read bank account data", []string{"company.accounts.routing_number", "company.accounts.account_number"}, []string{"Bank routing number", "Bank account number"}},
		},
	},
	perch.ProductDirectory: {
		whole: "Read company directory and organization structure.",
		groups: []fieldGroup{
			{"Read company directory", []string{"directory.name", "directory.is_active"}, []string{"Employee name", "Active or not"}},
			{"Read organization structure", []string{"directory.manager", "directory.department"}, []string{"Manager", "Department"}},
		},
	},
	perch.ProductIndividual: {
		whole: "Read individual data, contact info, and address details.",
		groups: []fieldGroup{
			{"Read individual data", []string{"individual.name", "individual.preferred_name", "individual.dob", "individual.gender", "individual.ethnicity"},
				[]string{"Employee name", "Preferred name", "Date of birth", "Gender", "Ethnicity"}},
			{"Read contact info", []string{"individual.emails", "individual.phone_numbers"}, []string{"Email", "Phone number"}},
			{"Read address details", []string{"individual.residence.line1", "individual.residence.line2", "individual.residence.city", "individual.residence.state", "individual.residence.postal_code"},
				[]string{"Address line 1", "Address line 2", "City", "State", "ZIP code"}},
		},
	},
	perch.ProductEmployment: {
		whole: "Read individual employment and income data.",
		groups: []fieldGroup{
			{"Read individual employment data, excluding income",
				[]string{"employment.title", "employment.manager", "employment.department", "employment.employment.type", "employment.employment.subtype",
					"employment.start_date", "employment.end_date", "employment.latest_rehire_date", "employment.is_active", "employment.employment_status",
					"employment.location.line1", "employment.location.line2"},
				[]string{"Title", "Manager", "Department", "Employment type", "Employment subtype", "Start date", "End date", "Latest rehire date",
					"Active or not", "Employment status", "Work location line 1", "Work location line 2"}},
			{"Read income data", []string{"employment.income"}, []string{"Income"}},
			// These have no sentence of their own.
			{"", []string{"employment.class_code", "employment.custom_fields"}, []string{"Class code", "Custom fields"}},
		},
	},
	perch.ProductSSN:          {whole: "Read SSN for individuals."},
	perch.ProductPayment:      {whole: "Read payroll and contractor related payments by the company"},
	perch.ProductPayStatement: {whole: "Read detailed pay statements for each individual"},
	perch.ProductBenefits:     {whole: "Create and manage benefits and benefit enrollment within a company"},
	perch.ProductDocuments:    {whole: "Read company documents"},
	// The documentation has no sentence for the products below.
	perch.ProductRecordkeeping:    {whole: "Share retirement plan data with the plan's recordkeeper"},
	perch.ProductPlans:            {whole: "Read benefit plans"},
	perch.ProductPlansEnrollments: {whole: "Read who is enrolled in benefit plans"},
	perch.ProductPlansDependents:  {whole: "Read the dependents covered by benefit plans"},
}

// order is that of the consent screen.
var order = [...]perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN, perch.ProductEmployment,
	perch.ProductPayment, perch.ProductPayStatement, perch.ProductBenefits, perch.ProductDocuments, perch.ProductPlans,
	perch.ProductPlansEnrollments, perch.ProductPlansDependents, perch.ProductRecordkeeping}

// consent lists what the products let the application read. A group whose fields are all disabled is
// left out, and of the others only what is not disabled is named.
func consent(products []perch.Product, disabled []string) []Permission {
	var list []Permission
	for _, product := range order {
		if slices.Contains(products, product) {
			list = append(list, permissions[product].lines(disabled)...)
		}
	}
	return list
}

func (p permission) lines(disabled []string) []Permission {
	whole := Permission{Text: p.whole}
	var parts []Permission
	complete := true
	for _, group := range p.groups {
		var labels []string
		for i, field := range group.fields {
			if slices.Contains(disabled, field) {
				complete = false
				continue
			}
			labels = append(labels, group.labels[i])
		}
		whole.Fields = append(whole.Fields, labels...)
		if len(labels) > 0 && group.text != "" {
			parts = append(parts, Permission{Text: group.text, Fields: labels})
		}
	}
	if complete {
		return []Permission{whole}
	}
	return parts
}
