package reconcile

import (
	"container/heap"
	"time"
)

// wakeHeap holds the entries that must be looked at again at a known time,
// soonest first; equal times by name, so that runs can be repeated exactly.
type wakeHeap struct{ entries []*entry }

func (h *wakeHeap) Len() int { return len(h.entries) }

func (h *wakeHeap) Less(i, j int) bool {
	a, b := h.entries[i], h.entries[j]
	if !a.wake.Equal(b.wake) {
		return a.wake.Before(b.wake)
	}
	return a.name < b.name
}

func (h *wakeHeap) Swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	h.entries[i].index, h.entries[j].index = i, j
}

// Push and Pop serve container/heap only.
func (h *wakeHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(h.entries)
	h.entries = append(h.entries, e)
}

func (h *wakeHeap) Pop() any {
	last := len(h.entries) - 1
	e := h.entries[last]
	h.entries[last] = nil
	h.entries = h.entries[:last]
	e.index = -1
	return e
}

func (h *wakeHeap) set(e *entry, at time.Time) {
	e.wake = at
	if e.index >= 0 {
		heap.Fix(h, e.index)
		return
	}
	heap.Push(h, e)
}

func (h *wakeHeap) remove(e *entry) {
	if e.index >= 0 {
		heap.Remove(h, e.index)
	}
}

// pop returns an entry that is due, nil if there is none.
func (h *wakeHeap) pop(now time.Time) *entry {
	if len(h.entries) == 0 || h.entries[0].wake.After(now) {
		return nil
	}
	return heap.Pop(h).(*entry)
}

// first is the soonest time, zero if there is none.
func (h *wakeHeap) first() time.Time {
	if len(h.entries) == 0 {
		return time.Time{}
	}
	return h.entries[0].wake
}
