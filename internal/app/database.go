package app

import (
	"errors"

	"github.com/perchhq/perch/internal/db"
)

// CheckDatabaseURL checks what a person gave as the database's URL; empty is SQLite in the data
// folder. A path is refused: records and keys would meet in one file.
func CheckDatabaseURL(text string) error {
	if text == "" || db.IsPostgres(text) {
		return nil
	}
	return errors.New("--database-url takes a postgres:// URL; leave it out for SQLite in --data")
}
