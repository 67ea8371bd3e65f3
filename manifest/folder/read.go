package folder

import "time"

// Read returns a full update of the folder as it is now, without watching it.
// known are the last good texts of its files and owners the files that names
// belonged to; both may be nil. It waits, at most a few seconds, while files
// are being written or differ harmfully from what is known. A folder that
// cannot be read is told by Update.Doubt.
func Read(dir string, known []KnownGood, owners map[string]string) Update {
	r, err := openReader(dir, Settle{}, known, owners)
	if err != nil {
		return Update{Full: true, Doubt: err.Error()}
	}
	r.scan(".", time.Now())
	for {
		now := time.Now()
		r.turn(now)
		if u, ok := r.update(now); ok {
			return u
		}
		time.Sleep(time.Until(r.settle.next()))
	}
}
