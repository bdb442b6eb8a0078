package records

import (
	"bytes"
	"encoding/binary"
	"slices"

	perch "github.com/perchhq/perch"
)

// writeIndex writes the buckets in which an entry changed, or all of them when the cut changes.
func (st *Stage) writeIndex() (head, error) {
	next := head{count: len(st.ids), width: st.old.width}
	full := !st.existed
	if buckets := 1 << st.old.width; !st.existed || next.count > 4*bucketEntries*buckets {
		next.width, full = bucketBits(next.count), true
	}
	stale := st.staleBuckets(next.width, full)
	order := make([]int32, 0, len(st.ids))
	for position, id := range st.ids {
		if stale[bucketOf(id, next.width)] {
			order = append(order, int32(position))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(st.ids[a][:], st.ids[b][:]) })
	for number := range stale {
		if !stale[number] {
			continue
		}
		end := 0
		for end < len(order) && bucketOf(st.ids[order[end]], next.width) == int64(number) {
			end++
		}
		if err := st.write(indexLayout, int64(number), [][]byte{st.bucket(order[:end])}); err != nil {
			return next, err
		}
		order = order[end:]
	}
	return next, nil
}

// staleBuckets tells which buckets must be written.
func (st *Stage) staleBuckets(width uint8, full bool) []bool {
	stale := make([]bool, 1<<width)
	mark := func(id perch.ID) { stale[bucketOf(id, width)] = true }
	for number := range stale {
		stale[number] = full
	}
	for position, id := range st.ids {
		if st.dirty[position] {
			mark(id)
		}
	}
	for _, id := range st.removed {
		mark(id)
	}
	return stale
}

func (st *Stage) bucket(positions []int32) []byte {
	hashes := st.collection.hashes()
	b := make([]byte, 0, len(positions)*st.collection.entrySize())
	for _, position := range positions {
		b = append(b, st.ids[position][:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(position))
		for h := range hashes {
			b = binary.BigEndian.AppendUint64(b, st.hashes[int(position)*hashes+h])
		}
	}
	return b
}
