package folder

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWatchBasics(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "web.yaml", doc("web", "1"))
	l := watch(t, Watcher{Dir: dir})
	l.has("web", "1")
	l.write("sub/db.yaml", doc("db", "1"))
	l.has("web", "1", "db", "1")
	l.write("web.yaml", doc("web", "2"))
	l.has("web", "2", "db", "1")
	must(t, os.RemoveAll(filepath.Join(dir, "sub")))
	l.has("web", "2")
	l.sentinel()
}
