package page

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// The window of the small charts.
const (
	slots    = 60
	slotTime = 15 * time.Second // 60 of them: a quarter of an hour
)

// Usage remembers what containers used lately: a ring of 60 figures each. It
// is told by whoever samples, costs nothing between, and forgets what has not
// been seen for the length of its window. It is safe for concurrent use; its
// zero value is empty.
type Usage struct {
	mu    sync.Mutex
	rings map[driver.Ref]*ring
}

// ring holds one figure for each slot of time; a slot's number is its time
// divided by slotTime.
type ring struct {
	slot     int64 // the newest that holds figures
	cpu, mem [slots]float32
	has      [slots]bool

	at    time.Time     // of the newest sample
	spent time.Duration // processor time by then; negative: not known
}

// Tell takes the figures of one sample.
func (u *Usage) Tell(got map[driver.Ref]driver.Stats) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.rings == nil {
		u.rings = map[driver.Ref]*ring{}
	}
	var newest time.Time
	for ref, st := range got {
		r := u.rings[ref]
		if r == nil {
			r = &ring{spent: -1}
			u.rings[ref] = r
		}
		r.add(st)
		if st.At.After(newest) {
			newest = st.At
		}
	}
	for ref, r := range u.rings {
		if newest.Sub(r.at) > slots*slotTime {
			delete(u.rings, ref)
		}
	}
}

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(slotTime) }

func (r *ring) add(st driver.Stats) {
	if !st.At.After(r.at) {
		return
	}
	slot := slotOf(st.At)
	for s := max(r.slot+1, slot-slots+1); s <= slot; s++ {
		i := s % slots
		r.cpu[i], r.mem[i], r.has[i] = 0, 0, false
	}
	i := slot % slots
	if st.CPU != nil {
		if r.spent >= 0 {
			r.cpu[i] = float32(max(*st.CPU-r.spent, 0).Seconds() / st.At.Sub(r.at).Seconds())
			r.has[i] = true
		}
		r.spent = *st.CPU
	}
	if st.MemoryBytes != nil {
		r.mem[i], r.has[i] = float32(*st.MemoryBytes), true
	}
	r.slot, r.at = slot, st.At
}

// Figures are what one container used lately.
type Figures struct {
	CPU, Memory         string // newest, for people; "" if not known
	CPULine, MemoryLine string // paths of charts that are 60 wide and 16 high
	CPUPeak, MemoryPeak string // highest of the window
}

// Of returns the figures of a container; the zero value if there are none.
func (u *Usage) Of(ref driver.Ref) Figures {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.rings[ref]
	if r == nil {
		return Figures{}
	}
	i := r.slot % slots
	f := Figures{Memory: bytesText(float64(r.mem[i]))}
	if r.spent >= 0 {
		f.CPU = coresText(float64(r.cpu[i]))
	}
	const leastCores = 0.05 // what idles shall not look busy
	var peak float32
	f.CPULine, peak = r.line(&r.cpu, leastCores)
	f.CPUPeak = coresText(float64(peak))
	f.MemoryLine, peak = r.line(&r.mem, 1)
	f.MemoryPeak = bytesText(float64(peak))
	return f
}

// The size of a chart in its own units.
const (
	chartWidth  = slots
	chartHeight = 16
)

// line draws the slots up to the newest, which is at the right edge. The top
// is the highest of them, but at least floor.
func (r *ring) line(of *[slots]float32, floor float32) (path string, peak float32) {
	for i, v := range of {
		if r.has[i] {
			peak = max(peak, v)
		}
	}
	top := max(peak, floor)
	var b strings.Builder
	pen := false
	for x := range slots {
		i := (r.slot + 1 + int64(x)) % slots
		if !r.has[i] {
			pen = false
			continue
		}
		y := chartHeight - 1 - int(of[i]/top*(chartHeight-2)+.5)
		if !pen {
			b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y) + "h1")
		} else {
			b.WriteString("L" + strconv.Itoa(x+1) + " " + strconv.Itoa(y))
		}
		pen = true
	}
	return b.String(), peak
}
