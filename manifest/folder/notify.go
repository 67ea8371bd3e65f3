package folder

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// notifier watches a set of system folders for events. It is no error if it
// cannot: err says so, and looking alone must do.
type notifier struct {
	events  <-chan fsnotify.Event // nil if there are none
	errors  <-chan error
	err     error // why a folder is not watched, since begin
	watcher *fsnotify.Watcher
	watched map[string]fs.FileInfo
}

func newNotifier() *notifier {
	n := &notifier{watched: map[string]fs.FileInfo{}}
	n.watcher, n.err = fsnotify.NewBufferedWatcher(1024)
	if n.err == nil {
		n.events, n.errors = n.watcher.Events, n.watcher.Errors
	}
	return n
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
	}
}
