package connect

import "github.com/perchhq/perch/provider/catalog"

// instructions are what an employer does in a provider so that people can set the connection up.
func instructions(entry catalog.Entry, application, invite string, simulated bool) []Instruction {
	if invite == "" && simulated {
		invite = "payroll@sandbox.example"
	}
	whom := Instruction{Title: "Invite the address below", Text: "Use it as the email address of the new user.", Copy: invite}
	if invite == "" {
		whom = Instruction{Title: "Invite the address that " + application + " gave you", Text: "Ask them for it if you do not have it at hand."}
	}
	first := Instruction{Title: "Log in to " + entry.DisplayName, Text: "Use an account that may add users, usually an administrator's."}
	if entry.ID == "alphastaff" {
		first.Text += " Have your six-digit AlphaStaff client ID ready; AlphaStaff can tell you what it is."
	}
	return []Instruction{
		first,
		{Title: "Open the settings for users", Text: "They are called users, administrators, or roles and permissions. Choose to add a user; where there is a choice, an accountant or a third-party administrator."},
		whom,
		{Title: "Grant read access", Text: "Include company, employees and payroll, with reports. Nothing needs to be edited on your behalf."},
		{Title: "Send the invitation", Text: "Then confirm here. Setting the connection up takes up to 14 days."},
	}
}
