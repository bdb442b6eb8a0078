package connectui

import (
	"html/template"
	"sync"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

// rows keeps the rows of the list of providers as they were rendered: the list is the same for
// everyone but for its order, and rendering it is most of what the longest page costs.
type rows struct {
	mu   sync.Mutex
	kept map[connect.ProviderCard]template.HTML
}

// mostRows is several times the catalogue. A list that grows beyond it is rendered each time.
const mostRows = 2048

// row returns the button of a provider.
func (h *Handler) row(card connect.ProviderCard) (template.HTML, error) {
	h.rows.mu.Lock()
	defer h.rows.mu.Unlock()
	if html, ok := h.rows.kept[card]; ok {
		return html, nil
	}
	r := providerRow{ID: card.ID, Name: card.Name, Monogram: web.Monogram{Letters: card.Monogram, Color: card.Color}}
	switch {
	case card.Assisted:
		r.Badge = &web.Badge{Label: "Assisted"}
	case card.Beta:
		r.Badge = &web.Badge{Label: "Beta"}
	}
	html, err := h.render("provider-row", r)
	if err == nil && len(h.rows.kept) < mostRows {
		h.rows.kept[card] = html
	}
	return html, err
}

// providerRow is what the template of a row shows.
type providerRow struct {
	ID, Name string
	Monogram web.Monogram
	Badge    *web.Badge
}
