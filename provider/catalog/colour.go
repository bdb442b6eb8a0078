package catalog

import "hash/fnv"

// colours are grounds on which white text has a contrast of at least 4.5 to 1 (WCAG AA).
var colours = [...]string{
	"#1f5fa8", "#2a6f5e", "#7a3e9d", "#a8442a", "#4a5a1f", "#8a2f5c",
	"#245f73", "#6b4f1d", "#3f4fb0", "#2f6b2f", "#9a3344", "#5a4a8a",
	"#0f6674", "#7d4a12", "#3a5a8c", "#1e6e4c", "#87398a", "#5f5220",
	"#b03060", "#33608a", "#4d6b12", "#70443a", "#494f9e", "#00695c",
}

// colour picks the ground of a provider's monogram. It depends on the id alone, so it stays when
// other providers come and go or the display name changes.
func colour(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // Writing to a hash never fails.
	return colours[h.Sum32()%uint32(len(colours))]
}
