package web

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
)

//go:embed components.html
var componentsHTML string

//go:embed assets/web.css assets/web.js
var ownFiles embed.FS

// Component is a typed value that knows the template that shows it.
type Component interface{ template() string }

// Design is the parsed design system. It is immutable and safe for concurrent use.
type Design struct {
	// Assets are the files of the design system: web.css and web.js.
	Assets     *Assets
	components *template.Template
}

// New parses the components and prepares the files.
func New() (*Design, error) {
	assets, err := NewAssets("/assets/", ownFiles, "assets")
	if err != nil {
		return nil, err
	}
	d := &Design{Assets: assets}
	d.components, err = template.New("components").Funcs(d.functions()).Parse(componentsHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the components: %w", err)
	}
	return d, nil
}

// Pages parses a surface's own templates. They may use component and asset; more are the surface's
// own files. Where a page has hundreds of one component, {{template "badge" .Badge}} shows it faster.
func (d *Design) Pages(files fs.FS, pattern string, more ...*Assets) (*template.Template, error) {
	pages, err := template.New("pages").Funcs(d.functions(more...)).Parse(componentsHTML)
	if err == nil {
		pages, err = pages.ParseFS(files, pattern)
	}
	if err != nil {
		return nil, fmt.Errorf("parsing pages: %w", err)
	}
	return pages, nil
}

// Render returns the HTML of one component.
func (d *Design) Render(c Component) (template.HTML, error) {
	var b strings.Builder
	if err := d.components.ExecuteTemplate(&b, c.template(), c); err != nil {
		return "", fmt.Errorf("rendering a %s: %w", c.template(), err)
	}
	// The template escaped what it was given.
	return template.HTML(b.String()), nil //nolint:gosec // see above
}

func (d *Design) functions(more ...*Assets) template.FuncMap {
	return template.FuncMap{
		"component": d.Render,
		"icon":      func(name string) Icon { return Icon(name) },
		"asset": func(name string) (string, error) {
			for _, assets := range append([]*Assets{d.Assets}, more...) {
				if address, ok := assets.Address(name); ok {
					return address, nil
				}
			}
			return "", fmt.Errorf("there is no file %q", name)
		},
	}
}
