package sandbox

import "math/bits"

// dice is a source of decisions without state: the same dice give the same answer to the same
// question, in any order. That is what makes every person addressable.
type dice uint64

// question names one decision.
type question uint64

// The decisions about a person, a pay run of a person, and an employer. The order is part of the
// generated data: append only.
const (
	askFirstName question = iota + 1
	askLastName
	askMiddleName
	askPreferredName
	askGender
	askEthnicity
	askMarital
	askPersonalEmail
	askPersonalPhone
	askWorkPhone
	askStreet
	askUnit
	askHome
	askResidence
	askBirth
	askBirthKnown
	askNumberKnown
	askStart
	askEnd
	askRehire
	askLeave
	askTitle
	askPay
	askRaise
	askReview
	askLocation
	askUnion
	askCustom
	askClass
	askFiling
	askChildren
	askDeferral
	askRoth
	askMedical
	askDental
	askVision
	askHSA
	askCommuter
	askGarnishment
	askMethod
	askRetainer
	askOvertime
	askPTO
	askSick
	askExpense
	askCommission
	askBonus
	askHours
	askCompany
	askPlaces
	askSeats
	askStatuses
	askNumbers
	askWeights
	askFounded
	askBank
	askForm
	askDependents
	askOtherIncome
	askDeductible
	askExtra
	askAllowances
)

// roll returns the dice for part n of a whole.
func roll(seed, n uint64) dice { return dice(mix(mix(seed) + n*0xd1342543de82ef95)) }

// bits returns 64 uniformly distributed bits.
func (d dice) bits(q question) uint64 { return mix(uint64(d) + uint64(q)*0x9e3779b97f4a7c15) }

// below returns a number from 0 to n-1.
func (d dice) below(q question, n int) int {
	hi, _ := bits.Mul64(d.bits(q), uint64(n))
	return int(hi)
}

// between returns a number from low to high, both inclusive.
func (d dice) between(q question, low, high int) int {
	if high <= low {
		return low
	}
	return low + d.below(q, high-low+1)
}

// chance answers yes in the given number of cases in a thousand.
func (d dice) chance(q question, perMille int) bool { return d.below(q, 1000) < perMille }

// mix is the finalizer of SplitMix64: a bijection in which every input bit moves every output bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// shuffle is a keyed bijection of 0..size-1 that can be inverted: x -> factor*x + shift.
type shuffle struct{ size, factor, inverse, shift uint64 }

func newShuffle(size int, key uint64) shuffle {
	if size < 2 {
		return shuffle{size: 1, factor: 1, inverse: 1}
	}
	n := uint64(size)
	s := shuffle{size: n, shift: mix(key) % n}
	// A factor near the golden section of the size spreads neighbours far apart.
	for s.factor = n*618/1000 + mix(key+1)%(n/16+1); ; s.factor++ {
		if inverse, ok := invert(s.factor%n, n); ok {
			s.factor, s.inverse = s.factor%n, inverse
			return s
		}
	}
}

func (s shuffle) to(x int) int { return int((s.factor*uint64(x) + s.shift) % s.size) }

func (s shuffle) from(y int) int {
	return int(s.inverse * ((uint64(y) + s.size - s.shift) % s.size) % s.size)
}

// invert returns the inverse of a modulo n by the extended Euclidean algorithm, if there is one.
func invert(a, n uint64) (uint64, bool) {
	r, next := int64(n), int64(a)
	t, nextT := int64(0), int64(1)
	for next != 0 {
		q := r / next
		r, next = next, r-q*next
		t, nextT = nextT, t-q*nextT
	}
	if r != 1 {
		return 0, false
	}
	if t < 0 {
		t += int64(n)
	}
	return uint64(t), true
}
