package logs

import (
	"context"
	"os"
	"time"
)

// pollEvery is how often a reader looks whether something was written. There
// is no notification: systems do not tell reliably of files that stay open,
// and a look costs some microseconds.
const pollEvery = 100 * time.Millisecond

// follow gives what the newest file has, and goes on with what comes, until
// the context ends.
func (r *reader) follow(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		before := r.last
		for len(r.queue) > 0 {
			more, err := r.step(ctx)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if len(r.queue) == 0 {
			if err := r.refill(nil); err != nil {
				return err
			}
		} else if r.last.Equal(before) { // quiet: show a prompt, or a last line without its end
			if err := r.release(); err != nil {
				return err
			}
		}
		if err := r.idle(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// step reads the first file to its end, and goes on with a newer one if there
// is one. It returns whether there was.
func (r *reader) step(ctx context.Context) (bool, error) {
	if err := r.drain(ctx); err != nil {
		return false, err
	}
	if len(r.queue) == 1 {
		if !r.moved() {
			return false, nil
		}
		if err := r.refill(r.queue[0]); err != nil || len(r.queue) == 1 {
			return false, err
		}
		// Nothing is written to a file that has been moved away; but it may
		// have been between the end that was found and the move.
		if err := r.drain(ctx); err != nil {
			return false, err
		}
	}
	r.next()
	return true, nil
}

// moved tells whether there is another current file than the one being read.
func (r *reader) moved() bool {
	there, err := os.Stat(r.path)
	return err == nil && !os.SameFile(there, r.queue[0].info) // removed, and no new one yet, is none
}

// refill adds the files newer than one to the queue.
func (r *reader) refill(than *scanner) error {
	files, err := r.openAll(than)
	r.queue = append(r.queue, files...)
	return err
}
