package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Ledger keeps what was written to the deductions of simulated employers, each part sealed under its
// entity's key. It implements employer.Ledger.
type Ledger struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Now     func() time.Time
}

var _ employer.Ledger = (*Ledger)(nil)

// deductionPlace and enrolmentPlace are what sealed parts of a ledger are bound to.
func deductionPlace(entity perch.ID, number int) []byte {
	return strconv.AppendInt(append([]byte("ledger/deduction/"), entity[:]...), int64(number), 10)
}

func enrolmentPlace(entity perch.ID, deduction, person int) []byte {
	place := strconv.AppendInt(append([]byte("ledger/enrolment/"), entity[:]...), int64(deduction), 10)
	return strconv.AppendInt(append(place, '/'), int64(person), 10)
}

func writePlace(entity perch.ID, id string) []byte {
	return append(append([]byte("ledger/write/"), entity[:]...), id...)
}

// Deductions implements employer.Ledger.
func (l *Ledger) Deductions(ctx context.Context, entity perch.ID) ([]employer.LedgerDeduction, error) {
	return l.deductions(ctx, nil, entity)
}

func (l *Ledger) deductions(ctx context.Context, tx *sql.Tx, entity perch.ID) ([]employer.LedgerDeduction, error) {
	rows, err := l.Store.LedgerDeductions(ctx, tx, entity)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	cipher, err := l.Keyring.Cipher(ctx, entity)
	if err != nil {
		return nil, err
	}
	list := make([]employer.LedgerDeduction, len(rows))
	for i, row := range rows {
		list[i].Number = row.Number
		if list[i].Body, err = cipher.Open(nil, row.Body, deductionPlace(entity, row.Number)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Enrolments implements employer.Ledger.
func (l *Ledger) Enrolments(ctx context.Context, entity perch.ID, deduction int) ([]employer.LedgerEnrolment, error) {
	rows, err := l.Store.LedgerEnrolments(ctx, entity, deduction)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	cipher, err := l.Keyring.Cipher(ctx, entity)
	if err != nil {
		return nil, err
	}
	list := make([]employer.LedgerEnrolment, len(rows))
	for i, row := range rows {
		list[i] = employer.LedgerEnrolment{Person: row.Person, Enrolled: row.Enrolled}
		if list[i].Body, err = cipher.Open(nil, row.Body, enrolmentPlace(entity, deduction, row.Person)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Write implements employer.Ledger.
func (l *Ledger) Write(ctx context.Context, entity perch.ID, id string, change func(tx employer.LedgerTx) ([]byte, error)) (result []byte, err error) {
	cipher, err := l.Keyring.Cipher(ctx, entity)
	if err != nil {
		return nil, err
	}
	err = l.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.Store.HoldLedger(ctx, tx, entity); err != nil {
			return err
		}
		kept, err := l.Store.LedgerWrite(ctx, tx, entity, id)
		if err == nil {
			result, err = cipher.Open(nil, kept, writePlace(entity, id))
			return err
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if result, err = change(&ledgerTx{l, ctx, tx, entity, cipher}); err != nil {
			return err
		}
		return l.Store.PutLedgerWrite(ctx, tx, entity, id, cipher.Seal(nil, result, writePlace(entity, id)), l.Now())
	})
	return result, err
}

// ledgerTx is the ledger of one entity within a transaction. It lives as long as that.
type ledgerTx struct {
	ledger *Ledger
	ctx    context.Context
	tx     *sql.Tx
	entity perch.ID
	cipher *secret.Cipher
}

// Deductions implements employer.LedgerTx.
func (t *ledgerTx) Deductions() ([]employer.LedgerDeduction, error) {
	return t.ledger.deductions(t.ctx, t.tx, t.entity)
}

// PutDeduction implements employer.LedgerTx.
func (t *ledgerTx) PutDeduction(d employer.LedgerDeduction) error {
	return t.ledger.Store.PutLedgerDeduction(t.ctx, t.tx, t.entity, store.LedgerDeduction{
		Number: d.Number, Body: t.cipher.Seal(nil, d.Body, deductionPlace(t.entity, d.Number)),
	})
}

// Enrolled implements employer.LedgerTx.
func (t *ledgerTx) Enrolled(deduction int) (map[int]bool, error) {
	rows, err := t.ledger.Store.LedgerEnrolled(t.ctx, t.tx, t.entity, deduction)
	if err != nil {
		return nil, err
	}
	enrolled := make(map[int]bool, len(rows))
	for _, row := range rows {
		enrolled[row.Person] = row.Enrolled
	}
	return enrolled, nil
}

// PutEnrolments implements employer.LedgerTx.
func (t *ledgerTx) PutEnrolments(deduction int, list []employer.LedgerEnrolment) error {
	rows := make([]store.LedgerEnrolment, len(list))
	for i, e := range list {
		rows[i] = store.LedgerEnrolment{Person: e.Person, Enrolled: e.Enrolled,
			Body: t.cipher.Seal(nil, e.Body, enrolmentPlace(t.entity, deduction, e.Person))}
	}
	return t.ledger.Store.PutLedgerEnrolments(t.ctx, t.tx, t.entity, deduction, rows)
}
