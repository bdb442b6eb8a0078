package httpapi

// The examples of the reference. A test holds each against the schema of its type.
const (
	exampleID = "6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11"

	exampleCompany       = `{"id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11",` + exampleCompanyFields
	exampleCompanyFields = `"legal_name":"Harbor Light Bakery LLC",
"entity":{"type":"llc","subtype":"s_corporation"},"primary_email":"office@harborlight.example","primary_phone_number":"+12075550142",
"departments":[{"name":"Ovens","parent":{"name":"Production"}}],"ein":"12-3456789",
"locations":[{"line1":"4 Pier Road","line2":null,"city":"Portland","state":"ME","postal_code":"04101","country":"US"}],
"accounts":[{"routing_number":"011200365","account_name":"Payroll","institution_name":"Casco Bank","account_type":"checking","account_number":"1234567890"}]}`

	exampleDirectory = `{"paging":{"count":42,"offset":0},"individuals":[{"id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90",
"first_name":"Ada","middle_name":null,"last_name":"Quinn","manager":{"id":"c2d6f0b1-3f0e-4b60-a0c6-0b7f6b0d9e55"},
"department":{"name":"Ovens"},"is_active":true}]}`

	// exampleIndividual is open at its end.
	exampleIndividual = `{"id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","first_name":"Ada","middle_name":null,"last_name":"Quinn","preferred_name":null,
"emails":[{"data":"ada@harborlight.example","type":"work"}],"phone_numbers":[{"data":"+12075550177","type":"personal"}],
"gender":"female","ethnicity":"decline_to_specify","marital_status":"single","dob":"1990-05-17",
"residence":{"line1":"9 Spring Street","line2":null,"city":"Portland","state":"ME","postal_code":"04101","country":"US"}`
	exampleEmployment = `{"id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","first_name":"Ada","middle_name":null,"last_name":"Quinn","title":"Head Baker",
"manager":{"id":"c2d6f0b1-3f0e-4b60-a0c6-0b7f6b0d9e55"},"department":{"name":"Ovens"},
"employment":{"type":"employee","subtype":"full_time"},"start_date":"2019-03-04","end_date":null,"latest_rehire_date":null,
"is_active":true,"employment_status":"active","flsa_status":"non_exempt","class_code":null,
"location":{"line1":"4 Pier Road","line2":null,"city":"Portland","state":"ME","postal_code":"04101","country":"US"},
"income":{"unit":"yearly","amount":6200000,"currency":"usd","effective_date":"2024-01-01"},"income_history":[],"custom_fields":[],
"union_code":null,"union_local":null,"highly_compensated_employee":false,"key_employee":null,"source_id":"1042","work_id":null}`

	exampleIndividualsRequest = `{"requests":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"}],"options":{"include":["ssn"]}}`

	exampleIndividuals = `{"responses":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","code":200,
"body":` + exampleIndividual + `,
"ssn":"900123456"}},
{"individual_id":"unknown","code":404,"body":{"code":404,"name":"not_found_error","finch_code":"individual_not_found",
"message":"There is no individual with this id.","error_name":"not_found_error","error_message":"There is no individual with this id."}}]}`

	exampleEmploymentsRequest = `{"requests":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"}]}`

	exampleEmployments = `{"responses":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","code":200,
"body":` + exampleEmployment + `}]}`

	examplePayments = `[{"id":"b3d1d0a8-50ab-4a0d-9a39-0b0d0d4ad3f2","pay_period":{"start_date":"2024-03-01","end_date":"2024-03-15"},
"pay_date":"2024-03-20","debit_date":"2024-03-18","company_debit":{"amount":9130000,"currency":"usd"},
"gross_pay":{"amount":8000000,"currency":"usd"},"net_pay":{"amount":6100000,"currency":"usd"},
"employer_taxes":{"amount":612000,"currency":"usd"},"employee_taxes":{"amount":1500000,"currency":"usd"},
"individual_ids":["0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"],"pay_group_ids":["6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11"],
"pay_frequencies":["semi_monthly"]}]`

	exampleStatementsRequest = `{"requests":[{"payment_id":"b3d1d0a8-50ab-4a0d-9a39-0b0d0d4ad3f2","limit":50,"offset":0}]}`

	exampleStatements = `{"responses":[{"payment_id":"b3d1d0a8-50ab-4a0d-9a39-0b0d0d4ad3f2","code":200,
"body":{"paging":{"count":42,"offset":0},"pay_statements":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90",
"type":"regular_payroll","payment_method":"direct_deposit","total_hours":86.5,
"gross_pay":{"amount":258333,"currency":"usd"},"net_pay":{"amount":195412,"currency":"usd"},
"earnings":[{"type":"salary","name":"Salary","amount":258333,"currency":"usd","hours":86.5}],
"taxes":[{"type":"fica","name":"Social Security","employer":false,"amount":16017,"currency":"usd"}],
"employee_deductions":[{"name":"Retirement","amount":12917,"currency":"usd","pre_tax":true,"type":"401k"}],
"employer_contributions":[{"name":"Retirement match","amount":7750,"currency":"usd","type":"401k"}]}]}},
{"payment_id":"f0a6c2de-2d33-4f0e-8d1e-5f1f1a0f8b21","code":202,"body":{"code":202,"name":"accepted","finch_code":"data_sync_in_progress",
"message":"The pay statements for this payment are being fetched. Please check back later."}}]}`

	examplePayGroups = `[{"id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11","name":"Salaried","pay_frequencies":["semi_monthly"]}]`

	examplePayGroup = `{"id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11","name":"Salaried","pay_frequencies":["semi_monthly"],
"individual_ids":["0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90"]}`

	exampleProviders = `[{"id":"gusto","display_name":"Gusto","products":["company","directory","individual","employment","payment","pay_statement","ssn"],
"mfa_required":false,"manual":false,"beta":false,"authentication_methods":[{"type":"oauth"}]}]`

	exampleIntrospection = `{"id":"b6c3d1a0-4d1c-4d12-8a43-64a52b0a2f0f","client_id":"1a7be6a1-5a3e-4b1a-8c8c-0f6d2a4b9e10","client_type":"sandbox",
"connection_id":"a0d7c2a4-1b53-4c77-9f2b-9c4d5e6f7a81","connection_type":"finch",
"connection_status":{"status":"connected","last_successful_sync":"2024-03-21T06:00:00Z"},
"company_id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11","account_id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13",
"customer_id":"cust-17","customer_name":"Harbor Light Bakery","customer_email":null,
"authentication_methods":[{"type":"oauth","connection_status":{"status":"connected","last_successful_sync":"2024-03-21T06:00:00Z"},"products":["company","directory"]}],
"products":["company","directory"],"username":null,"provider_id":"gusto","payroll_provider_id":"gusto","manual":false,
"entities":[{"id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13","name":"Harbor Light Bakery LLC","source_id":null,"status":"connected"}]}`

	exampleSandboxRequest = `{"provider_id":"gusto","authentication_type":"oauth","products":["company","directory","individual"],"employee_size":20}`

	exampleSandboxConnection = `{"connection_id":"a0d7c2a4-1b53-4c77-9f2b-9c4d5e6f7a81","entity_id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13",
"company_id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11","account_id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13","provider_id":"gusto",
"authentication_type":"oauth","products":["company","directory","individual"],"access_token":"sandbox-token-shown-once","token_type":"bearer"}`
)

const (
	exampleConnectSession = `{"customer_id":"42","customer_name":"Acme Inc","products":["company","directory"],"integration":{"provider":"gusto"}}`
	exampleReauthenticate = `{"connection_id":"` + exampleID + `"}`
	exampleConnectCreated = `{"session_id":"` + exampleID + `","connect_url":"https://perch.example.com/authorize?session=` + exampleID + `"}`
	exampleTokenRequest   = `{"client_id":"` + exampleID + `","client_secret":"your client secret","code":"the code from Connect"}`
	exampleToken          = `{"access_token":"the access token","token_type":"bearer","connection_id":"` + exampleID + `","customer_id":"42","customer_name":"Acme Inc",` +
		`"account_id":"` + exampleID + `","client_type":"sandbox","company_id":"` + exampleID + `","connection_type":"finch","products":["company","directory"],` +
		`"provider_id":"gusto","entity_ids":["` + exampleID + `"]}`
)
