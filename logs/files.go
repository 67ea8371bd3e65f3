package logs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// maxWalks bounds how often the files are looked for while they move.
const maxWalks = 100

// openAll opens the files that there are, oldest first, but only those newer
// than one; nil means all.
func (r *reader) openAll(than *scanner) (files []*scanner, err error) {
	for range maxWalks {
		w, err := r.walk(than)
		if err != nil {
			return nil, err
		}
		if w.still(r.path) {
			if than != nil && !w.found {
				w.files = r.notRead(w.files)
			}
			return w.files, nil
		}
		// The files moved more than one place: their order is not known.
		closeAll(w.files)
	}
	return nil, errTooFast
}

var errTooFast = errors.New("its files are replaced faster than they can be opened; a larger logs.maxSize helps")

// walk is one look for files.
type walk struct {
	files   []*scanner  // oldest first
	current fs.FileInfo // nil: there was none
	found   bool        // the file to stop at
}

// still tells whether the current file is the same as at the beginning.
func (w *walk) still(path string) bool {
	there, err := os.Stat(path)
	if w.current == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && os.SameFile(w.current, there)
}

// walk opens the files from the newest to the older ones, as a rotation moves
// them: it may meet one twice, and find one place empty, but misses none.
func (r *reader) walk(than *scanner) (w walk, err error) {
	for n, missing := 0, 0; missing < 2 && !w.found; n++ {
		f, err := openRead(older(r.path, n))
		if errors.Is(err, fs.ErrNotExist) {
			missing++ // moved just now, or lost in a crash
			continue
		}
		if err != nil {
			closeAll(w.files)
			return walk{}, err
		}
		s, err := newScanner(f)
		if err != nil {
			_ = f.Close()
			closeAll(w.files)
			return walk{}, err
		}
		missing = 0
		if n == 0 {
			w.current = s.info
		}
		w.found = than != nil && os.SameFile(s.info, than.info)
		if w.found || slices.ContainsFunc(w.files, func(o *scanner) bool { return os.SameFile(o.info, s.info) }) {
			_ = f.Close()
			continue
		}
		w.files = append(w.files, s)
	}
	slices.Reverse(w.files)
	return w, nil
}

// notRead leaves out the files that are older than what was read. It is for
// when the file that was read is gone: if the rotation removed it, all are
// newer; if somebody else did, the older ones are still there.
func (r *reader) notRead(files []*scanner) []*scanner {
	for len(files) > 0 && files[0].first().Before(r.last) {
		_ = files[0].file.Close()
		files = files[1:]
	}
	return files
}

func closeAll(files []*scanner) {
	for _, s := range files {
		_ = s.file.Close()
	}
}
