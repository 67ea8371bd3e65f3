package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// notifier watches a set of system folders for events. It is no error if it
// cannot: err says so, and looking alone must do.
type notifier struct {
	events  chan fsnotify.Event // nil if there are none
	errors  chan error
	err     error // why a folder is not watched, since begin
	watcher *fsnotify.Watcher
	watched map[string]fs.FileInfo
	ended   chan struct{}
}

func newNotifier() *notifier {
	n := &notifier{watched: map[string]fs.FileInfo{}}
	n.watcher, n.err = fsnotify.NewWatcher()
	if n.err == nil {
		n.events, n.errors, n.ended = make(chan fsnotify.Event, 1024), make(chan error, 1), make(chan struct{})
		go n.pump(n.watcher.Events, n.watcher.Errors)
	}
	return n
}

var errOverflow = errors.New("more happened than could be looked at")

// pump takes what the watcher tells at once, whoever reads it. The watcher
// holds its lock while it tells: one that waits to be heard by a loop that
// waits for the lock, to add or remove a folder, would stop both for ever.
// Events that find no room are told as one error, after which all is read.
func (n *notifier) pump(events <-chan fsnotify.Event, errs <-chan error) {
	defer close(n.ended)
	fail := func(err error) {
		select {
		case n.errors <- err:
		default: // one is enough
		}
	}
	for events != nil || errs != nil {
		select {
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			select {
			case n.events <- ev:
			default:
				fail(errOverflow)
			}
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			fail(err)
		}
	}
}

// add watches a folder. One that is another folder now than it was is watched
// anew: what the system watches is not the name.
func (n *notifier) add(path string) {
	if n.watcher == nil {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		return // nothing to watch; who looks into it will see that too
	}
	if old, ok := n.watched[path]; ok {
		if os.SameFile(old, info) {
			return
		}
		n.remove(path)
	}
	if err := n.watcher.Add(path); err != nil {
		n.err = err
		return
	}
	n.watched[path] = info
}

// remove ends the watch of a folder; it does no harm if there is none.
func (n *notifier) remove(path string) {
	if _, ok := n.watched[path]; ok {
		delete(n.watched, path)
		_ = n.watcher.Remove(path) // fails if the folder is gone, which ends the watch too
	}
}

// begin prepares for a look at everything. It ends the watches of folders that
// are another folder now, or gone, before new ones are added: a folder that
// moved is the same to the system, and its events would bear the old name.
func (n *notifier) begin() {
	if n.watcher == nil {
		return
	}
	n.err = nil
	for path, old := range n.watched {
		info, err := os.Stat(path)
		if err != nil || !os.SameFile(old, info) {
			n.remove(path)
		}
	}
}

// keep ends the watches of all folders that are not wanted.
func (n *notifier) keep(wanted map[string]struct{}) {
	for path := range n.watched {
		if _, ok := wanted[path]; !ok {
			n.remove(path)
		}
	}
}

// lost notes that the folder path was removed or renamed, and with it all that
// was in it. It reports whether it was watched.
func (n *notifier) lost(path string) bool {
	_, was := n.watched[path]
	if !was {
		return false
	}
	for p := range n.watched {
		if p == path || strings.HasPrefix(p, path+string(filepath.Separator)) {
			n.remove(p)
		}
	}
	return true
}

// close ends everything, its goroutine included.
func (n *notifier) close() {
	if n.watcher != nil {
		_ = n.watcher.Close()
		<-n.ended
	}
}
