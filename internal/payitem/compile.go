package payitem

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	perch "github.com/perchhq/perch"
)

// What is inserted at the end of a line is opening, the metadata, and closing.
const (
	opening = `,"attributes":{"metadata":`
	closing = `}`
)

// compiled is an entity's catalogue and rules at one generation and one revision, with the tables made
// of them so far.
type compiled struct {
	generation, revision int64
	items                []Item // in the order of compare
	size                 uint32 // one more than the highest number
	rules                []Rule // by priority
	// matching has, for each of items, the rules whose conditions it meets, by their place in rules.
	matching [][]int
	// bounds are the days on which a rule begins to apply or has ceased to, in order: between two of them
	// the same rules are in force.
	bounds []perch.Date

	mu     sync.Mutex
	tables map[int]*table
}

// table holds, by number of an item, what its lines get; it is empty when no line gets anything.
type table struct{ fragments [][]byte }

// maxTables bounds the tables of an entity. Statements of a few pay dates are read at a time.
const maxTables = 64

func compile(generation, revision int64, items []Item, rules []Rule) *compiled {
	c := &compiled{generation: generation, revision: revision, items: items, rules: rules, tables: map[int]*table{}}
	slices.SortFunc(c.items, compare)
	for i := range c.items {
		c.size = max(c.size, c.items[i].Number+1)
	}
	c.match()
	for i := range rules {
		if start := rules[i].EffectiveStartDate; start != nil {
			c.bounds = append(c.bounds, *start)
		}
		if end := rules[i].EffectiveEndDate; end != nil {
			c.bounds = append(c.bounds, *end+1)
		}
	}
	slices.Sort(c.bounds)
	c.bounds = slices.Compact(c.bounds)
	return c
}

// match finds the rules of each item. Most rules name the item that they mean, so they are looked up by
// its name.
func (c *compiled) match() {
	byName := map[string][]int{}
	var nameless []int
	for i := range c.rules {
		if name := c.rules[i].value(FieldName); name != "" {
			byName[name] = append(byName[name], i)
		} else {
			nameless = append(nameless, i)
		}
	}
	c.matching = make([][]int, len(c.items))
	for i := range c.items {
		for _, candidates := range [][]int{byName[c.items[i].Name], nameless} {
			for _, r := range candidates {
				if c.rules[r].matches(&c.items[i].Key) {
					c.matching[i] = append(c.matching[i], r)
				}
			}
		}
		slices.Sort(c.matching[i])
	}
}

// span returns which of the spans between bounds a pay date lies in; -1 stands for no date.
func (c *compiled) span(paid *perch.Date) int {
	if paid == nil {
		return -1
	}
	at, exact := slices.BinarySearch(c.bounds, *paid)
	if exact {
		at++
	}
	return at
}

// on returns the table for statements with a pay date.
func (c *compiled) on(paid *perch.Date) *table {
	span := c.span(paid)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[span]
	if t == nil {
		if len(c.tables) >= maxTables {
			clear(c.tables)
		}
		t = c.table(paid)
		c.tables[span] = t
	}
	return t
}

// table makes a table. Items that the same rules apply to share what they get.
func (c *compiled) table(paid *perch.Date) *table {
	t := &table{}
	made := map[string][]byte{}
	var applying []*Rule
	var key []byte
	for i := range c.items {
		applying, key = applying[:0], key[:0]
		for _, r := range c.matching[i] {
			if c.rules[r].inForce(paid) {
				applying = append(applying, &c.rules[r])
				key = binary.AppendUvarint(key, uint64(r))
			}
		}
		if len(applying) == 0 {
			continue
		}
		fragment, ok := made[string(key)]
		if !ok {
			fragment = appendMetadata([]byte(opening), applying)
			fragment = append(fragment, closing...)
			made[string(key)] = fragment
		}
		if t.fragments == nil {
			t.fragments = make([][]byte, c.size)
		}
		t.fragments[c.items[i].Number] = fragment
	}
	return t
}

// appendMetadata appends the metadata of rules, which come by priority: the first that has a key sets it.
func appendMetadata(dst []byte, rules []*Rule) []byte {
	merged := Metadata{}
	for _, r := range rules {
		for key, value := range r.Attributes.Metadata {
			if _, set := merged[key]; !set {
				merged[key] = value
			}
		}
	}
	keys := make([]string, 0, len(merged))
	for key := range merged {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, quoted(key)...)
		dst = append(dst, ':')
		dst = append(dst, merged[key]...)
	}
	return append(dst, '}')
}

// metadata returns the metadata that a table has for an item, or null.
func (t *table) metadata(number uint32) []byte {
	if int(number) >= len(t.fragments) || t.fragments[number] == nil {
		return []byte("null")
	}
	fragment := t.fragments[number]
	return fragment[len(opening) : len(fragment)-len(closing)]
}
