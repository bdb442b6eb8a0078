package sandbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// Book keeps the edits of simulated employers, each sealed under its entity's key. It implements
// employer.Book.
type Book struct {
	Store   *store.Store
	Keyring *secret.Keyring
}

var _ employer.Book = (*Book)(nil)

// Edits implements employer.Book. An employer without edits costs one query.
func (b *Book) Edits(ctx context.Context, entity perch.ID) (employer.Edits, error) {
	rows, err := b.Store.SandboxEdits(ctx, entity)
	if err != nil || len(rows) == 0 {
		return employer.Edits{}, err
	}
	cipher, err := b.Keyring.Cipher(ctx, entity)
	if err != nil {
		return employer.Edits{}, err
	}
	edits := employer.Edits{Statements: func(ctx context.Context, payment int) iter.Seq2[*employer.AddedStatement, error] {
		return b.statements(ctx, cipher, entity, payment)
	}}
	for _, row := range rows {
		plain, err := open(cipher, entity, row)
		if err != nil {
			return employer.Edits{}, err
		}
		switch row.Kind {
		case store.SandboxCompany:
			edits.Company = plain
		case store.SandboxPerson:
			edits.People = append(edits.People, employer.EditedPerson{Index: row.Number, Edit: plain})
		case store.SandboxPayment:
			edits.Payments = append(edits.Payments, plain)
		}
	}
	return edits, nil
}

// partSize is how many statements are sealed together.
const partSize = 200

func (b *Book) statements(ctx context.Context, cipher *secret.Cipher, entity perch.ID, payment int) iter.Seq2[*employer.AddedStatement, error] {
	return func(yield func(*employer.AddedStatement, error) bool) {
		for part := 0; ; part++ {
			row, err := b.Store.SandboxStatements(ctx, entity, payment, part)
			if errors.Is(err, store.ErrNotFound) {
				return
			}
			var list []employer.AddedStatement
			if err == nil {
				err = decode(cipher, entity, row, &list)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range list {
				if !yield(&list[i], nil) {
					return
				}
			}
		}
	}
}

// put seals an edit and stores it. identifiers are what reads open on request only, or nil.
func (d *desk) put(w *writer, kind store.SandboxKind, number, part int, body, identifiers any) error {
	row := store.SandboxEdit{Kind: kind, Number: number, Part: part, ChangedAt: d.Now()}
	plain, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding an edit: %w", err)
	}
	place := placeOf(d.entity, row)
	row.Body = d.cipher.Seal(nil, plain, place)
	if identifiers != nil {
		if plain, err = json.Marshal(identifiers); err != nil {
			return fmt.Errorf("encoding an edit: %w", err)
		}
		row.Identifiers = d.cipher.SealIdentifiers(nil, plain, place)
	}
	w.edited = true
	return d.Connections.Store.PutSandboxEdit(w.ctx, w.tx, d.entity, row)
}

// get reads an edit back into a value, which stays as it is if there is none.
func (d *desk) get(w *writer, kind store.SandboxKind, number int, into any) (found bool, err error) {
	row, err := d.Connections.Store.SandboxEdit(w.ctx, w.tx, d.entity, kind, number)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = decode(d.cipher, d.entity, row, into)
	}
	return true, err
}

func decode(cipher *secret.Cipher, entity perch.ID, row store.SandboxEdit, into any) error {
	plain, err := open(cipher, entity, row)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("decoding an edit: %w", err)
	}
	return nil
}

// open returns the JSON of an edit, identifiers included.
func open(cipher *secret.Cipher, entity perch.ID, row store.SandboxEdit) ([]byte, error) {
	place := placeOf(entity, row)
	plain, err := cipher.Open(nil, row.Body, place)
	if err != nil || row.Identifiers == nil {
		return plain, err
	}
	identifiers, err := cipher.OpenIdentifiers(nil, row.Identifiers, place)
	if err != nil {
		return nil, err
	}
	return joined(plain, identifiers), nil
}

// joined is one object with the members of two, which have no name in common.
func joined(a, b []byte) []byte {
	const empty = "{}"
	switch {
	case string(a) == empty:
		return b
	case string(b) == empty:
		return a
	}
	return append(append(a[:len(a)-1], ','), b[1:]...)
}

// placeOf is what a sealed edit is bound to.
func placeOf(entity perch.ID, row store.SandboxEdit) []byte {
	place := append([]byte("sandbox/"+row.Kind+"/"), entity[:]...)
	place = binary.BigEndian.AppendUint64(place, uint64(row.Number))
	return binary.BigEndian.AppendUint64(place, uint64(row.Part))
}

// lay puts the fields that a newer edit names in place of those of an older one.
func lay(older any, newer any) error {
	encoded, err := encode(newer)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, older)
}

func encode(edit any) ([]byte, error) {
	encoded, err := json.Marshal(edit)
	if err != nil {
		return nil, fmt.Errorf("encoding an edit: %w", err)
	}
	return encoded, nil
}
