package sync

import (
	"context"
	"slices"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/provider"
)

// personKeys keeps the provider's own key of each person, by which the provider is asked about one
// person later. An id does not lead back to the key that it was derived from. The nil value keeps
// nothing.
type personKeys struct {
	run   *run
	stage *records.Stage
}

// newPersonKeys returns nil where nobody asks the provider about single people.
func (r *run) newPersonKeys(ctx context.Context, p *publisher) (*personKeys, error) {
	_, forms := r.source.(provider.W4Reader)
	_, deductions := r.source.(provider.DeductionWriter)
	if !(forms && slices.Contains(r.account.Products, perch.ProductDocuments) || deductions && slices.Contains(r.account.Products, perch.ProductBenefits)) {
		return nil, nil
	}
	st, err := p.stage(ctx, records.PersonKeys)
	return &personKeys{r, st}, err
}

func (k *personKeys) put(person *provider.Person) error {
	if k == nil {
		return nil
	}
	k.run.encoder.raw(records.FacetKey, []byte(person.Keys[0]))
	_, err := k.stage.Put(k.run.ids.of(person.Keys[0]), k.run.encoder.facets[:1])
	return err
}

// finish keeps the keys of leavers, and those of people whom a partial source did not list.
func (k *personKeys) finish(p *publisher) error {
	if k == nil {
		return nil
	}
	if k.run.peopleCoverage() == provider.Complete {
		if _, err := k.stage.RemoveAbsent(); err != nil {
			return err
		}
	}
	return p.finish(k.stage)
}
