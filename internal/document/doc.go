// Package document fetches forms of single people from their provider, when a job asks for one, and
// reads them back. Forms are published as a product group of their own, apart from what syncs bring.
package document
