// Package payitem is about what stands on the lines of pay statements: the catalogue of an entity's pay
// statement items, and the rules by which an application attaches metadata of its own to them.
//
// The catalogue is kept by the sync engine (internal/sync), which numbers the items, and published with
// the statements. Rules belong to an entity and are changed here; they apply when statements are read.
// For that they are compiled, once for each change of the rules or of the catalogue, into a table from
// an item's number to the JSON that its lines get. Reading a statement (internal/payroll) then is a
// matter of copying: records.View.AppendMarked knows where the lines end.
package payitem
