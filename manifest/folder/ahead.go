package folder

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// chunk is how many files are read ahead at a time: enough to keep every
// processor busy, few enough to keep the texts out of the way.
const chunk = 256

// ahead is a file that was read, and parsed if it says something new.
type ahead struct {
	reading reading
	content content // of the same mark; zero if nothing is new
}

// lookAll reads files unless they will be read soon anyway. Reading and parsing
// are spread over the processors; what they mean is worked out in order.
func (r *reader) lookAll(files []string, now time.Time) {
	files = slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		_, open := r.settle.open[file]
		return open
	})
	for part := range slices.Chunk(files, chunk) {
		for i, a := range r.readAhead(part) {
			if a.reading.mark == r.ledger.mark(part[i]) {
				continue
			}
			r.pending[part[i]] = a.content
			r.weigh(part[i], a.reading, now)
		}
	}
}

// readAhead changes nothing of r: its goroutines only look.
func (r *reader) readAhead(files []string) []ahead {
	out := make([]ahead, len(files))
	workers := min(runtime.GOMAXPROCS(0), len(files))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(files); i += workers {
				rd := readFile(r.tree.fsys, files[i])
				out[i].reading = rd
				if rd.mark != r.ledger.mark(files[i]) {
					out[i].content = rd.parse(files[i])
				}
			}
		})
	}
	wg.Wait()
	return out
}
