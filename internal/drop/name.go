package drop

import "strings"

// claimed begins the names of files that are being taken in.
const claimed = ".perch-"

// rejected ends the names of files that were not taken in and are left to look at.
const rejected = ".rejected"

// unfinished reports whether a name is one that programs give to files they still write, or to files that
// are none of ours.
func unfinished(name string) bool {
	lower := strings.ToLower(name)
	if lower == "" || lower[0] == '.' || lower[0] == '~' || strings.HasSuffix(lower, "~") {
		return true
	}
	for _, ending := range []string{".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp", ".upload", rejected} {
		if strings.HasSuffix(lower, ending) {
			return true
		}
	}
	return false
}
