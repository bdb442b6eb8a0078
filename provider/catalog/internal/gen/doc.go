// Command gen reads the catalogue's YAML files and writes them as Go, because parsing them at every
// start would take longer than the rest of starting up. It reads strictly: an unknown key is an
// error that names the file and the entry.
//
// go generate ./provider/catalog runs it in the folder of package catalog; its tests check that
// what is committed is fresh.
package main
