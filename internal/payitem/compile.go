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
	// matching has, for each of items, the rules whose conditions it meets, by their place in rules. Items
	// that meet the same ones share a list.
	matching [][]uint16
	// bounds are the days on which a rule begins to apply or has ceased to, in order: between two of them
	// the same rules are in force.
	bounds []perch.Date

	// own is about how many bytes all of that takes, tables left out.
	own int

	mu     sync.Mutex
	tables map[int]*table
	held   int // bytes of tables, about
}

// table holds, by number of an item, what its lines get; it is empty when no line gets anything. size is
// about how many bytes it takes.
type table struct {
	fragments [][]byte
	size      int
}

const (
	// maxTables bounds the tables of an entity, in bytes, beside the newest one. Statements of a few pay dates
	// are read at a time.
	maxTables = 1 << 20
	// perEntry is what an item, a rule or a table takes beside its text.
	perEntry = 256
	// perSlice is what a slice takes beside its contents.
	perSlice = 24
)

func compile(generation, revision int64, items []Item, rules []Rule) *compiled {
	c := &compiled{generation: generation, revision: revision, items: items, rules: rules, tables: map[int]*table{}}
	slices.SortFunc(c.items, compare)
	for i := range c.items {
		c.size = max(c.size, c.items[i].Number+1)
		c.own += perEntry + len(c.items[i].Type) + len(c.items[i].Name)
	}
	c.match()
	for i := range rules {
		c.own += perEntry + rules[i].size()
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
	byName := map[string][]uint16{}
	var nameless []uint16
	for i := range c.rules {
		if name := c.rules[i].value(FieldName); name != "" {
			byName[name] = append(byName[name], uint16(i))
		} else {
			nameless = append(nameless, uint16(i))
		}
	}
	c.matching = make([][]uint16, len(c.items))
	shared := map[string][]uint16{}
	var list []uint16
	var key []byte
	for i := range c.items {
		list, key = list[:0], key[:0]
		for _, candidates := range [][]uint16{byName[c.items[i].Name], nameless} {
			for _, r := range candidates {
				if c.rules[r].matches(&c.items[i].Key) {
					list = append(list, r)
				}
			}
		}
		slices.Sort(list)
		key = appendKey(key, list)
		if _, made := shared[string(key)]; !made {
			shared[string(key)] = slices.Clone(list)
			c.own += 2 * len(key)
		}
		c.matching[i] = shared[string(key)]
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
		if c.held > maxTables {
			clear(c.tables)
			c.held = 0
		}
		t = c.table(paid)
		c.tables[span] = t
		c.held += t.size
	}
	return t
}

// bytes is about how much memory c takes.
func (c *compiled) bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own + c.held
}

// table makes a table. Items that the same rules apply to share what they get.
func (c *compiled) table(paid *perch.Date) *table {
	t := &table{size: perEntry}
	made := map[string][]byte{}
	var rules []uint16
	var key []byte
	for i := range c.items {
		rules = c.applying(rules[:0], i, paid)
		if len(rules) == 0 {
			continue
		}
		key = appendKey(key[:0], rules)
		fragment, ok := made[string(key)]
		if !ok {
			fragment = append(appendMetadata([]byte(opening), c.rules, rules), closing...)
			made[string(key)] = fragment
			t.size += len(fragment)
		}
		if t.fragments == nil {
			t.fragments = make([][]byte, c.size)
			t.size += int(c.size) * perSlice
		}
		t.fragments[c.items[i].Number] = fragment
	}
	return t
}

// applying appends the rules that apply to lines of the item at i on statements with a pay date.
func (c *compiled) applying(dst []uint16, i int, paid *perch.Date) []uint16 {
	for _, r := range c.matching[i] {
		if c.rules[r].inForce(paid) {
			dst = append(dst, r)
		}
	}
	return dst
}

// appendKey appends what tells lists of rules apart.
func appendKey(dst []byte, rules []uint16) []byte {
	for _, r := range rules {
		dst = binary.BigEndian.AppendUint16(dst, r)
	}
	return dst
}

// appendMetadata appends the metadata of those of the rules that apply, which come by priority: the first that has a key sets it.
func appendMetadata(dst []byte, all []Rule, applying []uint16) []byte {
	merged := Metadata{}
	for _, r := range applying {
		for key, value := range all[r].Attributes.Metadata {
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

// appendMetadataOf appends the metadata of the item at i, or null: that of its lines on the statements on
// which it was last seen. It needs no table, since every item may have been seen on a day of its own.
func (c *compiled) appendMetadataOf(dst []byte, i int) []byte {
	rules := c.applying(nil, i, c.items[i].LastSeen)
	if len(rules) == 0 {
		return append(dst, "null"...)
	}
	return appendMetadata(dst, c.rules, rules)
}
