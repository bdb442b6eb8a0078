package sandbox

// place is a city in which an employer can have an office. Cities, ZIP codes and telephone area codes
// belong together in reality; street addresses are invented.
type place struct {
	city, state, zip, area string
	// homes are where people who work there live: in the same state, and inside the same taxing city
	// where there is a local tax.
	homes []home
	// labour is the local pay level in basis points of the national one.
	labour int64
}

type home struct{ city, zip, area string }

// places lists every city. The tax rules of their states and cities are in tax_state.go.
var places = []place{
	{"Austin", "TX", "78701", "512", []home{{"Austin", "78704", "512"}, {"Austin", "78745", "512"}, {"Round Rock", "78664", "512"}, {"Cedar Park", "78613", "512"}}, 10000},
	{"Seattle", "WA", "98101", "206", []home{{"Seattle", "98103", "206"}, {"Seattle", "98118", "206"}, {"Bellevue", "98004", "425"}, {"Tacoma", "98402", "253"}}, 11200},
	{"Miami", "FL", "33131", "305", []home{{"Miami", "33133", "305"}, {"Hialeah", "33012", "305"}, {"Fort Lauderdale", "33301", "954"}}, 9800},
	{"Nashville", "TN", "37203", "615", []home{{"Nashville", "37206", "615"}, {"Franklin", "37064", "615"}, {"Murfreesboro", "37129", "615"}}, 9500},
	{"New York", "NY", "10018", "212", []home{{"New York", "10025", "212"}, {"Brooklyn", "11215", "718"}, {"Bronx", "10463", "718"}, {"Astoria", "11103", "718"}, {"Staten Island", "10301", "718"}}, 12000},
	{"Philadelphia", "PA", "19103", "215", []home{{"Philadelphia", "19147", "215"}, {"Philadelphia", "19125", "215"}, {"Philadelphia", "19128", "215"}}, 10100},
	{"Columbus", "OH", "43215", "614", []home{{"Columbus", "43201", "614"}, {"Columbus", "43206", "614"}, {"Columbus", "43214", "614"}}, 9400},
	{"Detroit", "MI", "48226", "313", []home{{"Detroit", "48201", "313"}, {"Detroit", "48207", "313"}, {"Detroit", "48221", "313"}}, 9500},
	{"Indianapolis", "IN", "46204", "317", []home{{"Indianapolis", "46205", "317"}, {"Indianapolis", "46220", "317"}, {"Indianapolis", "46268", "317"}}, 9200},
	{"San Francisco", "CA", "94105", "415", []home{{"San Francisco", "94110", "415"}, {"Oakland", "94607", "510"}, {"San Mateo", "94401", "650"}, {"Berkeley", "94704", "510"}}, 12500},
	{"Chicago", "IL", "60601", "312", []home{{"Chicago", "60614", "773"}, {"Chicago", "60647", "773"}, {"Evanston", "60201", "847"}, {"Oak Park", "60302", "708"}}, 10300},
	{"Denver", "CO", "80202", "303", []home{{"Denver", "80205", "303"}, {"Aurora", "80012", "303"}, {"Lakewood", "80226", "303"}}, 10300},
	{"Raleigh", "NC", "27601", "919", []home{{"Raleigh", "27607", "919"}, {"Durham", "27701", "919"}, {"Cary", "27511", "919"}}, 9600},
	{"Boston", "MA", "02110", "617", []home{{"Boston", "02118", "617"}, {"Cambridge", "02139", "617"}, {"Quincy", "02169", "617"}, {"Somerville", "02143", "617"}}, 11500},
	{"Atlanta", "GA", "30303", "404", []home{{"Atlanta", "30307", "404"}, {"Decatur", "30030", "404"}, {"Marietta", "30060", "770"}}, 9900},
	{"Phoenix", "AZ", "85004", "602", []home{{"Phoenix", "85014", "602"}, {"Tempe", "85281", "480"}, {"Mesa", "85201", "480"}}, 9700},
	{"Salt Lake City", "UT", "84101", "801", []home{{"Salt Lake City", "84105", "801"}, {"Sandy", "84070", "801"}, {"West Jordan", "84084", "801"}}, 9600},
}

// Ranges of places: without a state income tax, and with a local tax.
const (
	untaxedPlaces  = 4
	localTaxPlaces = 5
)

// choosePlaces picks three to six cities in different states: one of any kind as the seat, one
// without a state income tax, one with a local tax, then any others.
func choosePlaces(d dice, people int) []int {
	count := 3
	if people >= 30 {
		count += d.below(askPlaces, 4)
	}
	chosen := make([]int, 0, count)
	add := func(index int) {
		for _, c := range chosen {
			if c == index {
				return
			}
		}
		chosen = append(chosen, index)
	}
	order := newShuffle(len(places), d.bits(askPlaces))
	untaxed := d.below(askPlaces+1000, untaxedPlaces)
	local := untaxedPlaces + d.below(askPlaces+2000, localTaxPlaces)
	if d.chance(askPlaces+3000, 600) {
		add(order.to(0))
	}
	add(untaxed)
	add(local)
	for i := 0; len(chosen) < count; i++ {
		add(order.to(i))
	}
	return chosen
}
