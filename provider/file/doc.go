// Package file is the connector for systems without an API: census and payroll files, CSV or XLSX.
//
// [Open] reads the files whole, finds the header below any title lines, lets every column be mapped
// ([Propose] from a lexicon of usual titles, corrected by a [Mapping] the caller remembers), and
// normalises every row. A row or cell that cannot be read becomes a problem that names file, row and
// column and never the value; the others arrive. Row numbers are those a spreadsheet shows.
//
// # Identity
//
// A person's keys are, strongest first, "employee:<number>", "ssn:<digits>" and
// "name:<first last>|<birth date>". The same file read twice gives the same keys and values, in the
// order of the rows, so a re-import changes nothing.
//
// # Leavers
//
// A census is a complete list: who was in the last one and is missing from this one has left, and the
// engine marks them so when [Source.Complete] is true. It is false without a census, when the mapping
// says "partial: true", and when a row could not be read, since its person would look like a leaver.
//
// # What a file leaves open
//
// Fields without a column, and cells that could not be read, are listed in provider.Person.Unsaid and
// keep the values known from earlier files; a blank cell in a column that is there clears the field.
// A day of hire alone does not say who is still there: a leaver stays one until a status, an end date
// or a later start says otherwise.
//
// # Payroll registers
//
// One row is one statement; rows with the same pay date, period, company and pay group are one payment.
// Blank cells are no line, and neither are cells of exactly zero. Gross, net, and the totals rows printed
// in the register are checked to the cent; what does not add up becomes a problem and still arrives.
//
// Neighbours: package provider declares the interfaces, internal/sync publishes what is read.
package file
