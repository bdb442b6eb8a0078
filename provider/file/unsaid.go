package file

import (
	"slices"

	"github.com/perchhq/perch/provider"
)

// columnFields tells which fields of a person a column decides by itself. The status and the unit of
// pay follow from several columns: see [record.status] and [record.income].
var columnFields = map[Field]provider.Fields{
	FieldEmployeeNumber: provider.FieldSourceID,
	FieldSSN:            provider.FieldSSN,
	FieldName:           provider.FieldFirstName | provider.FieldLastName,
	FieldFirstName:      provider.FieldFirstName,
	FieldMiddleName:     provider.FieldMiddleName,
	FieldLastName:       provider.FieldLastName,
	FieldPreferredName:  provider.FieldPreferredName,
	FieldDOB:            provider.FieldDOB,
	FieldGender:         provider.FieldGender,
	FieldEthnicity:      provider.FieldEthnicity,
	FieldMaritalStatus:  provider.FieldMaritalStatus,
	FieldWorkEmail:      provider.FieldWorkEmail,
	FieldPersonalEmail:  provider.FieldPersonalEmail,
	FieldEmail:          provider.FieldOtherEmail,
	FieldWorkPhone:      provider.FieldWorkPhone,
	FieldPersonalPhone:  provider.FieldPersonalPhone,
	FieldPhone:          provider.FieldOtherPhone,
	FieldStreet:         provider.FieldResidenceLine1,
	FieldStreet2:        provider.FieldResidenceLine2,
	FieldCity:           provider.FieldResidenceCity,
	FieldState:          provider.FieldResidenceState,
	FieldZIP:            provider.FieldResidencePostalCode,
	FieldCountry:        provider.FieldResidenceCountry,
	FieldWorkLocation:   provider.FieldWorkName,
	FieldWorkStreet:     provider.FieldWorkLine1,
	FieldWorkStreet2:    provider.FieldWorkLine2,
	FieldWorkCity:       provider.FieldWorkCity,
	FieldWorkState:      provider.FieldWorkState,
	FieldWorkZIP:        provider.FieldWorkPostalCode,
	FieldWorkCountry:    provider.FieldWorkCountry,
	FieldTitle:          provider.FieldTitle,
	FieldDepartment:     provider.FieldDepartment,
	FieldManagerName:    provider.FieldManager,
	FieldManagerNumber:  provider.FieldManager,
	FieldManagerEmail:   provider.FieldManager,
	FieldHireDate:       provider.FieldStartDate,
	FieldRehireDate:     provider.FieldLatestRehireDate,
	FieldEndDate:        provider.FieldEndDate,
	FieldEmploymentType: provider.FieldEmployment,
	FieldSalary:         provider.FieldIncomeAmount,
	FieldEffectiveDate:  provider.FieldIncomeEffectiveDate,
	FieldFLSA:           provider.FieldFLSAStatus,
	FieldClassCode:      provider.FieldClassCode,
	FieldUnionCode:      provider.FieldUnionCode,
	FieldUnionLocal:     provider.FieldUnionLocal,
	FieldHCE:            provider.FieldHighlyCompensatedEmployee,
	FieldKeyEmployee:    provider.FieldKeyEmployee,
	FieldWorkID:         provider.FieldWorkID,
	FieldCustom:         provider.FieldCustomFields,
}

// unsaid are the fields of which no column of the file says anything.
func (s *sheet) unsaid() provider.Fields {
	open := provider.AllFields &^ (provider.FieldEmploymentStatus | provider.FieldIncomeUnit)
	for f, fields := range columnFields {
		if s.has(f) {
			open &^= fields
		}
	}
	if slices.ContainsFunc(s.given.Columns, func(c Column) bool { return c.Field == FieldCustom && s.Table.column(c.Column) < 0 }) {
		open |= provider.FieldCustomFields
	}
	return open
}

// unsaid are the fields that the row leaves open: those without a column and those whose cell could not
// be read. A whole name says the middle name only where it holds one, and nobody loses the name to a
// blank cell.
func (r record) unsaid(p *provider.Person, named bool) provider.Fields {
	open := r.open | *r.unread
	if !named {
		open |= provider.FieldFirstName | provider.FieldMiddleName | provider.FieldLastName
	} else if p.Individual.MiddleName != nil {
		open &^= provider.FieldMiddleName
	}
	if p.Individual.Ethnicity != nil {
		open &^= provider.FieldEthnicity // the column for Hispanic or Latino was enough
	}
	return open
}

// leave marks a field as one that the row leaves open.
func (r record) leave(fields provider.Fields) {
	if r.unread != nil {
		*r.unread |= fields
	}
}

// readable reports whether the file has the column and the row's cell, blank or not, could be read.
func (r record) readable(f Field) bool {
	return r.has(f) && (r.unread == nil || !r.unread.Has(columnFields[f]))
}
