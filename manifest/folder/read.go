package folder

import "time"

// Start is what a reading starts from. All of it may be nil.
type Start struct {
	Known  []KnownGood       // last good texts
	Owners map[string]string // name → file that it belonged to
	Labels map[string]string // of this host, which a nodeSelector must match
	// Fleet reads for every host at once, as a check does that knows no host: all
	// containers count, and a name may stand twice if no host can match both.
	Fleet bool
}

// Read returns a full update of the folder as it is now, without watching it.
// It waits, at most a few seconds, while files are being written or differ
// harmfully from what is known. A folder that cannot be read is told by
// Update.Doubt.
func Read(dir string, s Start) Update {
	r, err := openReader(dir, Settle{}, s.Known, s.Owners)
	if err != nil {
		return Update{Full: true, Doubt: err.Error()}
	}
	r.ledger.labels, r.ledger.fleet = s.Labels, s.Fleet
	r.scan(".", time.Now())
	for {
		now := time.Now()
		r.turn(now)
		if u, ok := r.update(now); ok {
			return u
		}
		time.Sleep(time.Until(r.next()))
	}
}
