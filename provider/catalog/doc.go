// Package catalog is the list of employment systems that Perch knows, as data: who they are, how
// each of their product groups is integrated, how an employer can connect them and which fields
// they supply.
//
// [Load] gives a [Catalog] of [Entry] values; [Entry.Wire] is what the API's list of providers
// shows. The catalogue describes the published provider network. Which of its providers an
// installation can really read is a matter of its connectors and is decided elsewhere.
//
// # Editing an entry
//
// The data is YAML, in the folder data:
//
//   - network.yaml has a line for every provider: its id, its name, and for organization, payroll,
//     deductions and documents whether they are automated, assisted, on_request or none.
//   - support/<id>.yaml, for providers of which more is known, names the ways to connect
//     (methods), the fields that the provider is known to supply or to lack, and what it can do
//     with benefits. Only what a source states goes here, with the source next to it.
//   - profiles.yaml has the fields that are expected where nothing is known, one profile for
//     automated and one for assisted integrations.
//
// To add a provider, add its line to network.yaml; it is then connected by credentials where
// something is automated, by assistance where something is assisted, and has the profile's fields.
// To say more, add a file to support. A field that an employer can switch on is not lacking: leave
// it out, and the profile decides. Benefit types never come from a profile.
//
// Authentication types follow these rules: a page of the published documentation decides where it
// names one; otherwise the provider's own login page is oauth, one key is api_token, a client id
// with its secret or a service account is api_credential, and an administrator's login is
// credential.
//
// Then run go generate in this folder and the tests. The program in internal/gen turns the YAML
// into zz_gen_data.go, since parsing it takes some 30 ms and a start has a second in all; a test
// fails when the two differ. Mistakes are found by the generator (unknown keys) and by Load (values
// that mean nothing, fields that do not exist, groups that no method serves), and every message
// names the entry.
package catalog
