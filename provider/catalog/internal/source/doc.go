// Package source holds the catalogue's data in the shape in which people write it, before package
// catalog checks it and gives it meaning. The values of enumerations are still plain text here.
//
// internal/gen reads the YAML files into these types and writes them out as Go.
package source
