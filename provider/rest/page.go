package rest

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/perchhq/perch/provider"
)

// mostPages bounds one listing, so that a provider whose paging never ends cannot hold a sync for ever.
const mostPages = 100_000

// errEndless is what a listing whose paging does not end fails with.
var errEndless = &provider.Broken{What: "its paging does not end"}

// Cursor reads a listing page after page. fetch gets the cursor of a page, the zero value for the first, and
// returns the page with the next cursor; the zero value ends the listing. A cursor that comes back the same is an error.
func Cursor[T any, C comparable](ctx context.Context, fetch func(ctx context.Context, at C) (items []T, next C, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var at, none C
		for range mostPages {
			items, next, err := fetch(ctx, at)
			if !each(items, err, yield) || next == none {
				return
			}
			if next == at {
				fail(yield, errEndless)
				return
			}
			at = next
		}
		fail(yield, errEndless)
	}
}

// each yields a page and reports whether to go on.
func each[T any](items []T, err error, yield func(T, error) bool) bool {
	if err != nil {
		fail(yield, err)
		return false
	}
	for _, item := range items {
		if !yield(item, nil) {
			return false
		}
	}
	return true
}

func fail[T any](yield func(T, error) bool, err error) {
	var none T
	yield(none, err)
}

// Numbered reads a listing of numbered pages, several at a time, and yields it in order. fetch gets a number, counted
// from 0, and returns the page and how many there are; it is called for the first page alone, then for the others with up to
// ahead calls under way. A pages count below 1 means that the provider does not say: then pages are read one by one
// until an empty one.
func Numbered[T any](ctx context.Context, ahead int, fetch func(ctx context.Context, number int) (items []T, pages int, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		items, pages, err := fetch(ctx, 0)
		if !each(items, err, yield) || pages == 1 || len(items) == 0 {
			return
		}
		if pages < 1 {
			unnumbered(ctx, fetch, yield)
			return
		}
		if pages > mostPages {
			fail(yield, errEndless)
			return
		}
		numbers := func(yield func(int, error) bool) {
			for number := 1; number < pages && yield(number, nil); number++ {
			}
		}
		read := func(ctx context.Context, number int) ([]T, error) {
			items, _, err := fetch(ctx, number)
			return items, err
		}
		for items, err := range Ahead(ctx, ahead, numbers, read) {
			if !each(items, err, yield) {
				return
			}
		}
	}
}

func unnumbered[T any](ctx context.Context, fetch func(ctx context.Context, number int) ([]T, int, error), yield func(T, error) bool) {
	for number := 1; number < mostPages; number++ {
		items, _, err := fetch(ctx, number)
		if !each(items, err, yield) || len(items) == 0 {
			return
		}
	}
	fail(yield, errEndless)
}

// Offset is Numbered for listings by offset and limit with a known total.
func Offset[T any](ctx context.Context, ahead, limit int, fetch func(ctx context.Context, offset int) (items []T, total int, err error)) iter.Seq2[T, error] {
	return Numbered(ctx, ahead, func(ctx context.Context, number int) ([]T, int, error) {
		items, total, err := fetch(ctx, number*limit)
		return items, (total + limit - 1) / limit, err
	})
}

// Ahead calls fn for each of the inputs, up to n at a time, and yields the results in the order of the inputs. It
// holds at most n results. The first error ends it; calls under way are cancelled and waited for.
func Ahead[In, Out any](ctx context.Context, n int, inputs iter.Seq2[In, error], fn func(ctx context.Context, in In) (Out, error)) iter.Seq2[Out, error] {
	type result struct {
		out Out
		err error
	}
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		next, stop := iter.Pull2(inputs)
		defer stop()
		var under []chan result
		defer func() {
			cancel()
			for _, c := range under {
				<-c
			}
		}()
		start := func() (bool, error) {
			in, err, ok := next()
			if !ok || err != nil {
				return false, err
			}
			done := make(chan result, 1)
			under = append(under, done)
			go func() {
				out, err := fn(ctx, in)
				done <- result{out, err}
			}()
			return true, nil
		}
		more, failure := true, error(nil)
		for {
			for more && len(under) < max(n, 1) {
				if more, failure = start(); failure != nil {
					more = false
				}
			}
			if len(under) == 0 {
				break
			}
			first := <-under[0]
			under = under[1:]
			if first.err != nil {
				fail(yield, first.err)
				return
			}
			if !yield(first.out, nil) {
				return
			}
		}
		if failure != nil {
			fail(yield, failure)
		}
	}
}

// Next returns the target of the Link header with rel="next" as path and query below the client's Base, or "" at the
// end. A link to another host is an error.
func (c *Client) Next(header http.Header) (path string, query url.Values, err error) {
	for _, value := range header.Values("Link") {
		for link := range strings.SplitSeq(value, ",") {
			address, parameters, found := strings.Cut(link, ";")
			if !found || !strings.Contains(strings.ReplaceAll(parameters, " ", ""), `rel="next"`) {
				continue
			}
			return c.below(strings.Trim(strings.TrimSpace(address), "<>"))
		}
	}
	return "", nil, nil
}

// errLeaves is what following a link to another host fails with.
var errLeaves = &provider.Broken{What: "a link to the next page leads to another host"}

func (c *Client) below(address string) (path string, query url.Values, err error) {
	target, err := c.Base.Parse(address)
	if err != nil || target.Scheme != c.Base.Scheme || target.Host != c.Base.Host {
		return "", nil, errLeaves
	}
	path, ok := strings.CutPrefix(target.EscapedPath(), strings.TrimSuffix(c.Base.EscapedPath(), "/"))
	if !ok {
		return "", nil, errLeaves
	}
	return path, target.Query(), nil
}

// Collect reads a whole listing of a bounded length.
func Collect[T any](listing iter.Seq2[T, error], most int) ([]T, error) {
	var all []T
	for item, err := range listing {
		if err != nil {
			return nil, err
		}
		if len(all) == most {
			return nil, errors.Join(errEndless)
		}
		all = append(all, item)
	}
	return all, nil
}
