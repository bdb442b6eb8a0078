// Package employment reads an employer's organization data as published: the company, the directory,
// individuals, employments and pay groups. Payments are in internal/payroll.
package employment
