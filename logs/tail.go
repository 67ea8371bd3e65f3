package logs

// seek finds where to begin: it leaves out files, moves the first one to an
// offset, and sets how many lines are to be skipped from there.
func (r *reader) seek() error {
	switch {
	case r.q.Tail != 0:
		return r.seekTail()
	case !r.q.Since.IsZero():
		for len(r.queue) > 1 {
			if at := r.queue[1].first(); at.IsZero() || at.After(r.q.Since) {
				break
			}
			r.next()
		}
	}
	return nil
}

// tail counts lines from the newest to the oldest.
type tail struct {
	q     *Query
	left  int     // lines still asked for
	extra int     // lines met when no more were asked for
	begun [2]bool // by source: a line that is asked for may begin further back
	seen  [2]bool // by source: an entry was met
	far   int     // bytes read since no more lines were asked for
}

// entry counts one entry, and tells whether to go further back.
func (t *tail) entry(e entry) bool {
	if !e.foreign && t.q.tooOld(e.at) {
		return false
	}
	i := e.from.index()
	other := t.q.Source != "" && t.q.Source != e.from
	later := !e.foreign && !t.q.Until.IsZero() && !e.at.Before(t.q.Until)
	// A line is counted where it ends: at its full entry, or at its last part
	// if the program has left it so.
	ends := !other && !later && (!e.partial || !t.seen[i])
	switch {
	case ends && t.left > 0:
		t.left--
		t.begun[i] = true
	case ends && e.partial:
		t.begun[i] = true // is shown in any case: it comes last
	case ends:
		t.extra++
		t.begun[i] = false
	}
	t.seen[i] = t.seen[i] || !later
	if t.left > 0 {
		return true
	}
	t.far += len(e.text)
	return (t.begun[0] || t.begun[1]) && t.far < maxLine
}

func (r *reader) seekTail() error {
	t := &tail{q: &r.q, left: max(0, r.q.Tail)}
	n, more := len(r.queue), r.q.Tail > 0
	at := int64(-1)
	for n > 0 && more {
		n--
		err := backwards(r.queue[n].file, sizeOf(r.queue[n].file), func(line []byte, off int64, ended bool) bool {
			if !ended {
				return true // not there yet
			}
			at = off
			more = t.entry(parse(line))
			return more
		})
		if err != nil {
			return err
		}
		if more {
			at = 0
		}
	}
	r.skip = t.extra
	return r.begin(n, at)
}

// begin leaves out the files before n, and begins n at an offset; below 0
// means at its end.
func (r *reader) begin(n int, at int64) error {
	if at < 0 { // nothing is asked for, or nothing is there
		n = len(r.queue) - 1
	}
	for ; n > 0; n-- {
		r.next()
	}
	if len(r.queue) == 0 {
		return nil
	}
	if at >= 0 {
		r.queue[0].off = at
		return nil
	}
	size := sizeOf(r.queue[0].file)
	err := backwards(r.queue[0].file, size, func(line []byte, off int64, ended bool) bool {
		if !ended {
			size = off // not there yet
			return true
		}
		r.last = parse(line).at
		return false
	})
	r.queue[0].off = size
	return err
}
