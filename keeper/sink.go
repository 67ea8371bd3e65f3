package keeper

import (
	"io"

	"github.com/hcs-reconcile/hcs-reconcile/logs"
)

// The methods by which a launcher gives a held run what its process gives.

// Stdout implements Sink.
func (h *held) Stdout() io.Writer { return h.log.stream(logs.Stdout) }

// Stderr implements Sink.
func (h *held) Stderr() io.Writer { return h.log.stream(logs.Stderr) }

// Exited implements Sink.
func (h *held) Exited(e Exit) {
	h.once.Do(func() {
		h.book.mu.Lock()
		early := h.run.State == Launching
		if early {
			h.end = &e
		}
		h.book.mu.Unlock()
		if !early {
			h.book.ended(h, e)
		}
	})
}
