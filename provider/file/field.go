package file

import "slices"

// Field is what a column holds, as the mapping names it.
type Field string

// Fields that either kind of file may have.
const (
	FieldIgnore         Field = "ignore"
	FieldEmployeeNumber Field = "employee_number"
	FieldSSN            Field = "ssn"
	FieldName           Field = "name"
	FieldFirstName      Field = "first_name"
	FieldMiddleName     Field = "middle_name"
	FieldLastName       Field = "last_name"
	FieldDepartment     Field = "department"
	FieldPayType        Field = "pay_type"
	FieldPayFrequency   Field = "pay_frequency"
)

// Fields of a census.
const (
	FieldSuffix           Field = "suffix"
	FieldPreferredName    Field = "preferred_name"
	FieldDOB              Field = "dob"
	FieldGender           Field = "gender"
	FieldEthnicity        Field = "ethnicity"
	FieldHispanic         Field = "hispanic"
	FieldMaritalStatus    Field = "marital_status"
	FieldWorkEmail        Field = "work_email"
	FieldPersonalEmail    Field = "personal_email"
	FieldEmail            Field = "email"
	FieldWorkPhone        Field = "work_phone"
	FieldPersonalPhone    Field = "personal_phone"
	FieldPhone            Field = "phone"
	FieldStreet           Field = "street"
	FieldStreet2          Field = "street2"
	FieldCity             Field = "city"
	FieldState            Field = "state"
	FieldZIP              Field = "zip"
	FieldCountry          Field = "country"
	FieldWorkLocation     Field = "work_location"
	FieldWorkStreet       Field = "work_street"
	FieldWorkStreet2      Field = "work_street2"
	FieldWorkCity         Field = "work_city"
	FieldWorkState        Field = "work_state"
	FieldWorkZIP          Field = "work_zip"
	FieldWorkCountry      Field = "work_country"
	FieldTitle            Field = "title"
	FieldManagerName      Field = "manager_name"
	FieldManagerNumber    Field = "manager_number"
	FieldManagerEmail     Field = "manager_email"
	FieldHireDate         Field = "hire_date"
	FieldRehireDate       Field = "rehire_date"
	FieldEndDate          Field = "end_date"
	FieldEmploymentStatus Field = "employment_status"
	FieldTerminated       Field = "terminated"
	FieldEmploymentType   Field = "employment_type"
	FieldSalary           Field = "salary"
	FieldPayUnit          Field = "pay_unit"
	FieldEffectiveDate    Field = "effective_date"
	FieldFLSA             Field = "flsa_status"
	FieldClassCode        Field = "class_code"
	FieldUnionCode        Field = "union_code"
	FieldUnionLocal       Field = "union_local"
	FieldHCE              Field = "highly_compensated_employee"
	FieldKeyEmployee      Field = "key_employee"
	FieldWorkID           Field = "work_id"
	FieldCustom           Field = "custom"
)

// Fields of a payroll register. Those from FieldEarning to FieldReimbursement are items, one line of a
// statement each, and occur any number of times.
const (
	FieldCompany       Field = "company"
	FieldPayGroup      Field = "pay_group"
	FieldPayDate       Field = "pay_date"
	FieldPeriodBegin   Field = "period_begin"
	FieldPeriodEnd     Field = "period_end"
	FieldCheckNumber   Field = "check_number"
	FieldPaymentMethod Field = "payment_method"
	FieldGross         Field = "gross"
	FieldNet           Field = "net"
	FieldTotalHours    Field = "total_hours"
	FieldEarning       Field = "earning"
	FieldHours         Field = "hours"
	FieldTax           Field = "tax"
	FieldDeduction     Field = "deduction"
	FieldContribution  Field = "contribution"
	FieldReimbursement Field = "reimbursement"
)

var bothFields = []Field{
	FieldIgnore, FieldEmployeeNumber, FieldSSN, FieldName, FieldFirstName, FieldMiddleName, FieldLastName,
	FieldDepartment, FieldPayType, FieldPayFrequency,
}

var censusFields = append([]Field{
	FieldSuffix, FieldPreferredName, FieldDOB, FieldGender, FieldEthnicity, FieldHispanic, FieldMaritalStatus,
	FieldWorkEmail, FieldPersonalEmail, FieldEmail, FieldWorkPhone, FieldPersonalPhone, FieldPhone, FieldStreet,
	FieldStreet2, FieldCity, FieldState, FieldZIP, FieldCountry, FieldWorkLocation, FieldWorkStreet, FieldWorkStreet2,
	FieldWorkCity, FieldWorkState, FieldWorkZIP, FieldWorkCountry, FieldTitle, FieldManagerName, FieldManagerNumber,
	FieldManagerEmail, FieldHireDate, FieldRehireDate, FieldEndDate, FieldEmploymentStatus, FieldTerminated,
	FieldEmploymentType, FieldSalary, FieldPayUnit, FieldEffectiveDate, FieldFLSA, FieldClassCode, FieldUnionCode,
	FieldUnionLocal, FieldHCE, FieldKeyEmployee, FieldWorkID, FieldCustom,
}, bothFields...)

var payrollFields = append([]Field{
	FieldCompany, FieldPayGroup, FieldPayDate, FieldPeriodBegin, FieldPeriodEnd, FieldCheckNumber,
	FieldPaymentMethod, FieldGross, FieldNet, FieldTotalHours, FieldEarning, FieldHours, FieldTax, FieldDeduction,
	FieldContribution, FieldReimbursement,
}, bothFields...)

// repeats reports whether several columns of one file may hold the field.
func (f Field) repeats() bool {
	switch f {
	case FieldIgnore, FieldCustom, FieldEarning, FieldHours, FieldTax, FieldDeduction, FieldContribution, FieldReimbursement:
		return true
	}
	return false
}

// isDate reports whether the field's cells are dates.
func (f Field) isDate() bool {
	switch f {
	case FieldDOB, FieldHireDate, FieldRehireDate, FieldEndDate, FieldEffectiveDate, FieldPayDate, FieldPeriodBegin, FieldPeriodEnd:
		return true
	}
	return false
}

// isAmount reports whether the field's cells are money, of which a register prints totals.
func (f Field) isAmount() bool {
	switch f {
	case FieldEarning, FieldTax, FieldDeduction, FieldContribution, FieldReimbursement, FieldGross, FieldNet:
		return true
	}
	return false
}

// isName reports whether the field's cells are people's names, among which "Na", "Null" and "None" occur.
func (f Field) isName() bool {
	return oneOf(f, FieldName, FieldFirstName, FieldMiddleName, FieldLastName, FieldPreferredName)
}

// Fields are those that a file of a kind may have.
func Fields(kind Kind) []Field {
	if kind == Payroll {
		return slices.Clone(payrollFields)
	}
	return slices.Clone(censusFields)
}

// Secret reports whether cells of the field are for few eyes: social security numbers, and pay.
func (f Field) Secret() bool { return f == FieldSSN || f == FieldSalary || f.isAmount() }
