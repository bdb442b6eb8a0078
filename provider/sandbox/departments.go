package sandbox

import "github.com/perchhq/perch"

// payRange is a range of pay: whole dollars a year (a month for retainers), or cents an hour.
type payRange struct{ low, high int }

// title is a job. Class is the workers' compensation class, in the codes of the National Council on
// Compensation Insurance.
type title struct {
	name       string
	hourly     bool
	commission bool
	pay        payRange
	class      string
}

// department is a kind of department that employers can have.
type department struct {
	name, parent string
	// weight is the share of people; span how many reports a manager has.
	weight, span int
	head         string
	staff        []title
	intern       string
	consultant   string
	union        bool
}

// Classes of workers' compensation.
const (
	classClerical  = "8810"
	classSales     = "8742"
	classWarehouse = "8292"
	classDriver    = "7380"
	classMachine   = "3632"
	classBuilding  = "9015"
)

const executive = "Executive"

// departments are in the order in which a growing employer founds them.
var departments = []department{
	{"Operations", "", 26, 11, "Chief Operating Officer", []title{
		{"Operations Associate", true, false, payRange{1850, 2650}, classWarehouse},
		{"Machine Operator", true, false, payRange{2050, 3100}, classMachine},
		{"Production Technician", true, false, payRange{2150, 3300}, classMachine},
		{"Operations Analyst", false, false, payRange{61000, 88000}, classClerical},
		{"Quality Inspector", true, false, payRange{2250, 3350}, classMachine},
	}, "Operations Intern", "Process Consultant", true},
	{"Engineering", "", 17, 7, "Chief Technology Officer", []title{
		{"Software Engineer", false, false, payRange{98000, 142000}, classClerical},
		{"Senior Software Engineer", false, false, payRange{138000, 192000}, classClerical},
		{"Quality Assurance Engineer", false, false, payRange{82000, 118000}, classClerical},
		{"Data Engineer", false, false, payRange{108000, 156000}, classClerical},
		{"Staff Engineer", false, false, payRange{185000, 240000}, classClerical},
	}, "Engineering Intern", "Engineering Contractor", false},
	{"Sales", "", 13, 8, "Chief Revenue Officer", []title{
		{"Account Executive", false, true, payRange{68000, 105000}, classSales},
		{"Sales Development Representative", true, true, payRange{2300, 3000}, classClerical},
		{"Account Manager", false, true, payRange{64000, 98000}, classSales},
		{"Sales Engineer", false, true, payRange{96000, 145000}, classSales},
	}, "Sales Intern", "Sales Consultant", false},
	{"Finance", "", 5, 7, "Chief Financial Officer", []title{
		{"Staff Accountant", false, false, payRange{62000, 84000}, classClerical},
		{"Accounts Payable Specialist", true, false, payRange{2300, 3100}, classClerical},
		{"Financial Analyst", false, false, payRange{74000, 108000}, classClerical},
		{"Payroll Specialist", true, false, payRange{2450, 3400}, classClerical},
	}, "Finance Intern", "Tax Consultant", false},
	{"Customer Support", "Operations", 11, 12, "Vice President of Customer Support", []title{
		{"Support Specialist", true, false, payRange{1950, 2750}, classClerical},
		{"Senior Support Specialist", true, false, payRange{2500, 3300}, classClerical},
		{"Customer Success Manager", false, false, payRange{72000, 104000}, classClerical},
	}, "Support Intern", "Support Consultant", false},
	{"People", "", 3, 6, "Chief People Officer", []title{
		{"HR Generalist", false, false, payRange{62000, 86000}, classClerical},
		{"Recruiter", false, false, payRange{60000, 92000}, classClerical},
		{"HR Coordinator", true, false, payRange{2250, 2950}, classClerical},
	}, "People Intern", "Recruiting Contractor", false},
	{"Marketing", "", 5, 7, "Chief Marketing Officer", []title{
		{"Marketing Specialist", false, false, payRange{60000, 84000}, classClerical},
		{"Content Writer", false, false, payRange{58000, 82000}, classClerical},
		{"Graphic Designer", false, false, payRange{60000, 90000}, classClerical},
		{"Marketing Coordinator", true, false, payRange{2150, 2850}, classClerical},
	}, "Marketing Intern", "Brand Consultant", false},
	{"Product", "Engineering", 4, 7, "Vice President of Product", []title{
		{"Product Manager", false, false, payRange{112000, 165000}, classClerical},
		{"Product Designer", false, false, payRange{95000, 140000}, classClerical},
		{"Product Analyst", false, false, payRange{84000, 118000}, classClerical},
	}, "Product Intern", "Design Contractor", false},
	{"Logistics", "Operations", 14, 13, "Vice President of Logistics", []title{
		{"Warehouse Associate", true, false, payRange{1800, 2450}, classWarehouse},
		{"Forklift Operator", true, false, payRange{2000, 2700}, classWarehouse},
		{"Delivery Driver", true, false, payRange{2050, 2950}, classDriver},
		{"Inventory Planner", false, false, payRange{58000, 79000}, classClerical},
	}, "Logistics Intern", "Freight Consultant", true},
	{"Information Technology", "Engineering", 4, 8, "Vice President of Information Technology", []title{
		{"Systems Administrator", false, false, payRange{78000, 112000}, classClerical},
		{"Help Desk Technician", true, false, payRange{2200, 3100}, classClerical},
		{"Security Engineer", false, false, payRange{118000, 168000}, classClerical},
	}, "IT Intern", "Network Consultant", false},
	{"Legal", "", 2, 6, "General Counsel", []title{
		{"Corporate Counsel", false, false, payRange{145000, 205000}, classClerical},
		{"Paralegal", true, false, payRange{2700, 3800}, classClerical},
		{"Compliance Analyst", false, false, payRange{72000, 102000}, classClerical},
	}, "Legal Intern", "Outside Counsel", false},
	{"Facilities", "Operations", 4, 12, "Vice President of Facilities", []title{
		{"Facilities Technician", true, false, payRange{2050, 2900}, classBuilding},
		{"Custodian", true, false, payRange{1700, 2200}, classBuilding},
		{"Facilities Planner", false, false, payRange{56000, 78000}, classClerical},
	}, "Facilities Intern", "Maintenance Contractor", true},
}

// ladder are the titles of managers by the height of the tree below them; %s is the department. The
// last one also serves greater heights.
var ladder = []struct {
	before, after string
	pay           payRange
}{
	{"", " Manager", payRange{88000, 132000}},
	{"Senior Manager, ", "", payRange{118000, 168000}},
	{"Director of ", "", payRange{152000, 212000}},
	{"Senior Director of ", "", payRange{185000, 258000}},
}

// Pay of those at the top, in dollars a year, before an employer's size is considered.
var (
	chiefPay = payRange{150000, 235000}
	headPay  = payRange{138000, 205000}
)

var (
	exempt    = perch.FLSAExempt
	nonExempt = perch.FLSANonExempt
)
