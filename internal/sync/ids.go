package sync

import (
	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
)

// IndividualID is the id of the person with a natural key, for sources that know each person by one key.
func IndividualID(identity *secret.Identity, entity perch.ID, key string) perch.ID {
	return identity.RecordID(entity, kindIndividual, key)
}

// PaymentID is the id of the payment with a natural key.
func PaymentID(identity *secret.Identity, entity perch.ID, key string) perch.ID {
	return identity.RecordID(entity, kindPayment, key)
}

const kindPayment = "payment"
