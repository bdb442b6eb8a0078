// Package deduction writes and reads deductions, contributions and who is enrolled in them.
//
// Reads go to the provider at once and hold for automated connections only. Writes are checked against what
// the provider's entry in the catalogue says, before anything is stored or sent; what is left is a job, whose
// result has a line per individual. Jobs of one entity are done one after the other, in the order in which
// they were asked for, by internal/jobs in any process. A job that is done a second time, because its process
// died, applies nothing twice: connectors recognise a write by its id.
//
// On assisted connections jobs wait for people.
package deduction
