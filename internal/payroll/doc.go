// Package payroll reads payments and pay statements as published. The organization's data is in
// internal/employment.
package payroll
