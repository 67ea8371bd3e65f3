package folder

import (
	"os"
	"path/filepath"
	"strings"
)

// resolve follows the links (on Windows also junctions) in rest, seen from the
// folder base, which is free of them; base is "" for an absolute rest. via are
// the paths that decide where it leads: every link on the way and the end. An
// end that is not there is the first element that is missing.
func resolve(base, rest string) (end string, via []string) {
	at, todo := start(base, rest)
	for hops := 0; len(todo) > 0; {
		e := todo[0]
		todo = todo[1:]
		switch e {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, e)
		target, err := os.Readlink(next)
		if err != nil {
			if at = next; missing(at) {
				break
			}
			continue
		}
		via = append(via, next)
		if hops++; hops > 64 {
			return next, via // a loop; opening it will say so
		}
		var more []string
		at, more = start(at, target)
		todo = append(more, todo...)
	}
	return at, append(via, at)
}

// start splits rest into elements and says where they begin.
func start(base, rest string) (string, []string) {
	rest = filepath.FromSlash(rest)
	vol := filepath.VolumeName(rest)
	elements := strings.Split(rest[len(vol):], string(filepath.Separator))
	if filepath.IsAbs(rest) {
		return vol + string(filepath.Separator), elements
	}
	return base, elements
}

func missing(p string) bool {
	_, err := os.Lstat(p)
	return os.IsNotExist(err)
}
