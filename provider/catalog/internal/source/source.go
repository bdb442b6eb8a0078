package source

// Data is everything that the files under data/ say.
type Data struct {
	Network  Network
	Profiles Profiles
	Supports []Support
}

// Network is data/network.yaml: the two tables of the published provider network.
type Network struct {
	General []Row `yaml:"general"`
	Beta    []Row `yaml:"beta"`
}

// Row is one provider and how each of its product groups is integrated.
type Row struct {
	ID           string    `yaml:"id"`
	Name         string    `yaml:"name"`
	Organization string    `yaml:"organization"`
	Payroll      string    `yaml:"payroll"`
	Deductions   string    `yaml:"deductions"`
	Documents    string    `yaml:"documents"`
	AlsoListed   []Listing `yaml:"also_listed"`
}

// Listing is a further row of the published tables under the id of another one.
type Listing struct {
	Name  string `yaml:"name"`
	Table string `yaml:"table"`
}

// Profiles is data/profiles.yaml: the fields expected by type of integration.
type Profiles struct {
	Automated Sections `yaml:"automated"`
	Assisted  Sections `yaml:"assisted"`
}

// Sections lists fields as dotted paths, by the part of perch.SupportedFields that they belong to.
// Paths of the directory and of pay statements are relative to one person and one statement.
type Sections struct {
	Company      []string `yaml:"company"`
	Directory    []string `yaml:"directory"`
	Individual   []string `yaml:"individual"`
	Employment   []string `yaml:"employment"`
	Payment      []string `yaml:"payment"`
	PayStatement []string `yaml:"pay_statement"`
	PayGroup     []string `yaml:"pay_group"`
}

// Support is one file of data/support/: what is known of one provider.
type Support struct {
	ID              string     `yaml:"id"`
	StatementMonths int        `yaml:"statement_months"`
	DescriptionMax  int        `yaml:"description_max"`
	Methods         []Method   `yaml:"methods"`
	Fields          Fields     `yaml:"fields"`
	Benefits        []Benefits `yaml:"benefits"`
}

// Method is a way to connect. Groups defaults to every automated group. Fields replaces those of
// the provider for this method; ProfileOnly drops them in favour of the default profile.
type Method struct {
	Type        string   `yaml:"type"`
	Source      string   `yaml:"source"`
	Groups      []string `yaml:"groups"`
	Fields      Fields   `yaml:"fields"`
	ProfileOnly bool     `yaml:"profile_only"`
}

// Fields says which fields a provider is known to have and which it is known to be without. What
// neither list names is left to the default profile.
type Fields struct {
	Source   string   `yaml:"source"`
	Supplies Sections `yaml:"supplies"`
	Lacks    Sections `yaml:"lacks"`
}

// Benefits is what a provider can do with some benefit types. Methods defaults to every method that
// serves deductions.
type Benefits struct {
	Methods    []string   `yaml:"methods"`
	Source     string     `yaml:"source"`
	Types      []string   `yaml:"types"`
	Features   Features   `yaml:"features"`
	Company    Operations `yaml:"company"`
	Individual Operations `yaml:"individual"`
}

// Features are the forms of a deduction. An empty list says that nothing is known; the list [none]
// says that there is no such feature. AnnualMaximum and CatchUp are "supported", "unsupported" or
// empty.
type Features struct {
	Frequencies          []string `yaml:"frequencies"`
	EmployeeDeduction    []string `yaml:"employee_deduction"`
	CompanyContribution  []string `yaml:"company_contribution"`
	AnnualMaximum        string   `yaml:"annual_maximum"`
	CatchUp              string   `yaml:"catch_up"`
	HSAContributionLimit []string `yaml:"hsa_contribution_limit"`
}

// Operations holds degrees of support; an empty one is not known.
type Operations struct {
	Create string `yaml:"create"`
	Update string `yaml:"update"`
	Delete string `yaml:"delete"`
	Read   string `yaml:"read"`
}
