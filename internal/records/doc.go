// Package records stores published records as they are served and reads them back.
//
// Records of one kind form a collection in which every record has a dense position, in order of
// first appearance. A collection has facets: for people, the directory entry, the individual, the
// employment and the social security number each stand at the same position of their own facet. A
// facet is cut into blocks of a fixed number of records; a block is encoded once, sealed, and laid
// under a generation. A reader at generation g sees, of each block, the newest version not younger
// than g, so publishing is one number and a small change writes few blocks.
//
// [Stage] writes a new generation, [Reader] reads a published one through a bounded cache of opened
// blocks. See docs/architecture.md for the measurements behind the layout.
package records
