package file

import (
	"slices"
	"strings"
	"unicode"
)

// censusTitles lists the titles that HR and payroll systems give to their columns, per field, in the form
// that compact makes of them. The order of titles is the order of preference.
var censusTitles = map[Field]string{
	FieldEmployeeNumber:   "employeenumber empid employeeid eeid employeecode empno empnum empnumber employeeno emplid associateid workerid personnelnumber personnelid clockid filenumber fileno payrollid eenumber eecode employee# staffid teammemberid positionid badgenumber id",
	FieldSSN:              "ssn socialsecuritynumber socialsecurity socialsecurityno ssnumber socsecnumber taxid taxidssn ssntin tin eessn nationalid",
	FieldName:             "employeename name fullname employee empname payrollname legalname displayname eename workername associatename teammember nameonpayroll lastnamefirstname lastfirst employeefullname",
	FieldFirstName:        "firstname legalfirstname givenname first fname employeefirstname namefirst",
	FieldMiddleName:       "middlename middleinitial mi middle legalmiddlename mname namemiddle",
	FieldLastName:         "lastname legallastname surname familyname last lname employeelastname namelast",
	FieldSuffix:           "suffix namesuffix generation generationsuffix",
	FieldPreferredName:    "preferredname preferredfirstname nickname knownas goesby",
	FieldDOB:              "dob birthdate dateofbirth birthday birthdt bdate",
	FieldGender:           "gender sex gendercode legalsex genderidentity",
	FieldEthnicity:        "ethnicity race racedesc ethnicityrace raceethnicity eeoethnicity eeoethniccode ethnicgroup eeorace ethnicorigin ethnicitydesc",
	FieldHispanic:         "hispaniclatino hispanic hispanicorlatino ishispanic hispaniclatinoindicator latino",
	FieldMaritalStatus:    "maritalstatus maritaldesc maritalstatusdesc marital civilstatus",
	FieldWorkEmail:        "workemail businessemail companyemail workemailaddress officeemail corporateemail",
	FieldPersonalEmail:    "personalemail homeemail personalemailaddress",
	FieldEmail:            "email emailaddress primaryemail mail",
	FieldWorkPhone:        "workphone businessphone officephone workphonenumber worktelephone",
	FieldPersonalPhone:    "personalphone homephone mobilephone cellphone mobile cell personalphonenumber homephonenumber mobilenumber cellnumber personalmobile",
	FieldPhone:            "phone phonenumber telephone primaryphone phoneno",
	FieldStreet:           "address address1 addressline1 street street1 streetaddress homeaddress homestreet line1 residenceaddress primaryaddressline1 addr1",
	FieldStreet2:          "address2 addressline2 street2 apt unit line2 apartment primaryaddressline2 addr2",
	FieldCity:             "city town homecity residencecity primaryaddresscity",
	FieldState:            "state stateprovince province homestate residencestate statecode stateterritory primaryaddressstate livedinstate",
	FieldZIP:              "zip zipcode postalcode postcode homezip ziporpostalcode zippostalcode primaryaddresszip",
	FieldCountry:          "country countrycode homecountry",
	FieldWorkLocation:     "worklocation location locationname officelocation office site worksite locationdescription branch",
	FieldWorkStreet:       "workaddress worklocationaddress workstreet worklocationaddressline1 workaddress1",
	FieldWorkStreet2:      "workaddress2 worklocationaddressline2",
	FieldWorkCity:         "workcity worklocationcity",
	FieldWorkState:        "workstate worklocationstate workedinstate workstatecode",
	FieldWorkZIP:          "workzip worklocationzip workzipcode workpostalcode",
	FieldWorkCountry:      "workcountry worklocationcountry",
	FieldTitle:            "jobtitle title position positiontitle jobtitledescription role jobdescription occupation jobname businesstitle",
	FieldDepartment:       "department departmentname dept departmentdescription homedepartment homedepartmentdescription deptname division costcenterdescription departmentdesc",
	FieldManagerName:      "managername manager supervisor supervisorname reportsto reportstoname directmanager linemanager directsupervisor primarysupervisor",
	FieldManagerNumber:    "managerid supervisorid managernumber manageremployeeid manageremployeenumber reportstoid supervisoremployeeid supervisornumber reportstoassociateid managercode",
	FieldManagerEmail:     "manageremail supervisoremail managerworkemail",
	FieldHireDate:         "hiredate dateofhire datehired startdate originalhiredate hired dateofhiring employmentstartdate joindate datestarted originalhire firstdayofwork hiredt",
	FieldRehireDate:       "rehiredate latestrehiredate mostrecenthiredate lasthiredate dateofrehire latesthiredate",
	FieldEndDate:          "terminationdate dateoftermination termdate enddate separationdate dateterminated lastdayofwork lastday employmentenddate leavedate terminateddate dismissaldate",
	FieldEmploymentStatus: "employmentstatus status employeestatus workerstatus positionstatus empstatus statusdesc activestatus",
	FieldTerminated:       "termd terminated isterminated termed",
	FieldEmploymentType:   "employmenttype employeetype workertype emptype workercategory workercategorydescription fulltimeparttime ftpt ftorpt fullparttime employmentcategory jobtype fulltimeorparttime employeeclass employmentclass",
	FieldPayType:          "paytype compensationtype salariedhourly hourlysalary payclass ratetype wagetype salaryorhourly hourlyorsalary payratetype",
	FieldSalary:           "salary annualsalary baseannualsalary annualpay basesalary annualrate annualcompensation yearlysalary hourlyrate payrate rate rate1 rateofpay baserate regularpayrateamount hourlywage compensation wage payamount compensationrate baserate1 currentsalary amount basepay hourlypayrate payrateamount",
	FieldPayUnit:          "payunit per payper rateper salaryunit compensationunit payperiodunit paidper ratefrequency payrateunit",
	FieldPayFrequency:     "payfrequency payfreq payschedule paycycle payrollfrequency frequency payperiod",
	FieldEffectiveDate:    "compensationeffectivedate salaryeffectivedate rateeffectivedate payeffectivedate payrateeffectivedate lastraisedate",
	FieldFLSA:             "flsastatus flsa flsacode exemptstatus exemptnonexempt overtimestatus exempt overtimeexempt flsaclassification flsadescription",
	FieldClassCode:        "classcode workerscompcode workerscompclass wccode workerscomp wcclass workerscompclasscode workerscompensationcode jobclass",
	FieldUnionCode:        "unioncode union unionname",
	FieldUnionLocal:       "unionlocal local localunion",
	FieldHCE:              "highlycompensatedemployee hce highlycompensated",
	FieldKeyEmployee:      "keyemployee iskeyemployee",
	FieldWorkID:           "workid workassignmentid",
}

// payrollTitles are the columns of a register that are not items.
var payrollTitles = map[Field]string{
	FieldEmployeeNumber: censusTitles[FieldEmployeeNumber],
	FieldSSN:            censusTitles[FieldSSN],
	FieldName:           censusTitles[FieldName],
	FieldFirstName:      censusTitles[FieldFirstName],
	FieldMiddleName:     censusTitles[FieldMiddleName],
	FieldLastName:       censusTitles[FieldLastName],
	FieldDepartment:     censusTitles[FieldDepartment],
	FieldPayType:        censusTitles[FieldPayType] + " employeetype",
	FieldPayFrequency:   "payfrequency payfreq frequency",
	FieldCompany:        "company companyname companycode cocode employer legalentity client clientname",
	FieldPayGroup:       "paygroup paygroupname payrollgroup batch batchnumber paygroupcode payschedule",
	FieldPayDate:        "checkdate paydate paymentdate payday chkdate dateofpayment checkdt paydt payrolldate",
	FieldPeriodBegin:    "periodbegin periodbegindate periodstart payperiodstart payperiodbegin periodbeginning payperiodbegindate payperiodstartdate periodstartdate begindate periodfrom startdate ppbegin periodbeginningdate payperiodbeginning",
	FieldPeriodEnd:      "periodend periodenddate periodending payperiodend payperiodending payperiodenddate periodendingdate enddate periodto ppend weekending payperiodendingdate ped",
	FieldCheckNumber:    "checknumber checkno chknumber checknum check voucher vouchernumber checkvouchernumber chk paymentnumber checkvoucher transactionnumber advicenumber checkid",
	FieldPaymentMethod:  "paymentmethod paymethod paymenttype checktype distribution paidby",
	FieldGross:          "gross grosspay grosswages grossearnings totalgross totalearnings totalgrosspay currentgross grossamount totalgrossearnings earningstotal",
	FieldNet:            "netpay net netamount netwages totalnet takehome takehomepay netcheck totalnetpay checkamount currentnet netpayamount",
	FieldTotalHours:     "totalhours tothours totalhrs hourstotal totalhoursworked",
}

// match is a field that a title stands for, with how sure that is in percent.
type match struct {
	field      Field
	confidence int
	// rank is the position in the field's list: lower is the more usual title.
	rank int
}

var (
	censusLexicon  = buildLexicon(censusTitles)
	payrollLexicon = buildLexicon(payrollTitles)
)

func buildLexicon(titles map[Field]string) map[string]match {
	lexicon := make(map[string]match)
	fields := make([]Field, 0, len(titles))
	for f := range titles {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	for _, f := range fields {
		for rank, title := range strings.Fields(titles[f]) {
			if m, taken := lexicon[title]; taken && m.rank <= rank {
				continue
			}
			lexicon[title] = match{field: f, confidence: 100 - min(rank, 15), rank: rank}
		}
	}
	return lexicon
}

// noise are words around a title that do not change what it means.
var noise = map[string]bool{
	"employee": true, "emp": true, "ee": true, "worker": true, "required": true, "optional": true, "current": true,
	"primary": true, "home": true, "legal": true, "text": true, "desc": true, "description": true, "the": true,
	"mm": true, "dd": true, "yyyy": true, "yy": true, "format": true, "of": true, "residential": true, "personal": true,
}

// lookup finds a title, and failing that the title without noise, which is less sure.
func lookup(lexicon map[string]match, title string) (match, bool) {
	words := titleWords(title)
	if m, ok := lexicon[strings.Join(words, "")]; ok {
		return m, true
	}
	kept := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return noise[w] })
	if m, ok := lexicon[strings.Join(kept, "")]; ok && len(kept) > 0 {
		m.confidence -= 25
		return m, true
	}
	return match{}, false
}

// titleWords parts a title at signs and at changes from small to capital letters: "DateofHire" is "dateof
// hire", "401K EE" is "401k ee", "Check #" is "check number".
func titleWords(title string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, string(word))
			word = nil
		}
	}
	previous := ' '
	for _, r := range title {
		switch {
		case r == '#':
			flush()
			words = append(words, "number")
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if r != '\'' && r != '.' {
				flush()
			}
		default:
			if unicode.IsUpper(r) && unicode.IsLower(previous) {
				flush()
			}
			word = append(word, unicode.ToLower(r))
		}
		previous = r
	}
	flush()
	return words
}

// knownTitle reports whether a cell may well be the title of a column.
func knownTitle(cell string) bool {
	if cell == "" || len(cell) > maxTitle {
		return false
	}
	if _, ok := lookup(censusLexicon, cell); ok {
		return true
	}
	if _, ok := lookup(payrollLexicon, cell); ok {
		return true
	}
	_, _, ok := itemColumn(cell)
	return ok
}
