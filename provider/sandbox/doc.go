// Package sandbox is the simulated employer: the system of record behind every sandbox connection.
//
// Everything is generated from [Settings]: person i of an employer is a pure function of the seed,
// i, the number of people and the day of the connection, so nothing is stored and any person can be
// produced without producing the others. Edits that developers make are laid on top elsewhere.
//
// # Organisation
//
// Person 0 is the chief executive, the next ones head the departments, the rest fill seats in a tree
// below the heads with a fixed span of control per department. People with reports are always
// active full-time employees and were hired before their reports; leavers, part-timers,
// contractors and people on leave are individual contributors. is_active is true exactly when
// employment_status is "active".
//
// # Pay
//
// There are up to four pay groups: salaried (semi-monthly), hourly (bi-weekly), part-time and
// temporary staff (bi-weekly, in the weeks between), and contractors (monthly, 1099 earnings
// without withholding). The first two schedules are anchored at the day of the connection, so that
// their newest runs coincide: that is the one company-wide payment dated that day, whatever the
// weekday, with one statement for each active full-time employee. Its pay period spans those of both
// groups, which end on the same day. Employers of up to 100 people also have every earlier run since
// 1 January of the year before; those pay dates are moved to the preceding banking day of the
// Federal Reserve calendar. Larger employers have the newest payment only, and their year-to-date
// totals assume that the earlier runs of the year paid base pay.
//
// The arithmetic, all in integer cents, rounded half up where a rate is applied:
//
//   - gross pay = sum of the earnings, reimbursements included; reimbursements are not taxed
//   - net pay = gross pay - employee taxes - employee deductions
//   - a payment's totals = sums over its statements; employer contributions are in no total
//   - company debit = net pay + employee taxes + employer taxes
//   - social security tax is rounded for the period; the period that reaches the yearly wage base owes
//     the rest of the tax on the base, so that a year's tax is exact
//   - federal income tax follows the percentage method on a period's regular wages by the person's Form W-4, which
//     the documents show; bonuses are taxed at the supplemental rate
//   - benefits are deducted in whole periods only; leave is unpaid; pay that changes within a period is
//     paid at the new rate for all of it
//
// Nothing identifies a real person: social security and employer numbers come from ranges that are
// never issued, telephone numbers from 555-0100 to 555-0199, e-mail addresses from .example.
package sandbox
