package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Away is why a name that stands in the folder is not for this host.
type Away struct {
	Why string
	// Relabelled is set when its file is as it was while it ran here: then it is
	// the labels of the host that changed, perhaps by a slip of the pen, and the
	// container is not removed without consent, however few would go.
	Relabelled bool
}

// Permit names the containers that the tree itself allows to be removed,
// whatever the prune brake says. It does not last: a later accident must not
// find it still there.
type Permit struct {
	Containers []string  `json:"containers,omitempty"` // sorted
	Until      time.Time `json:"until,omitzero"`       // zero: as long as the folder says so
	Void       string    `json:"void,omitempty"`       // why there is one that allows nothing
}

func (p Permit) allows(now time.Time, name string) bool {
	_, named := slices.BinarySearch(p.Containers, name)
	return named && p.Void == "" && (p.Until.IsZero() || now.Before(p.Until))
}

func (p Permit) same(o Permit) bool {
	return p.Void == o.Void && p.Until.Equal(o.Until) && slices.Equal(p.Containers, o.Containers)
}

// learnAway takes what is for other hosts. It never makes a removal pass that
// was held: the brake judges anew only when something else changes.
func (c *Core) learnAway(away map[string]Away) {
	if maps.Equal(c.away, away) {
		return
	}
	c.away = away
	c.touchUnwanted()
}

// ConfirmPrune lets go what the prune brake holds back, at the word of by.
func (c *Core) ConfirmPrune(now time.Time, by string) (names []string) {
	names = c.brake.confirm(now)
	c.tellAllowed(now, names, "removal confirmed by "+by, "")
	c.touchUnwanted()
	return names
}

// allow lets go what the tree allows. It counts against no later removal.
func (c *Core) allow(now time.Time, names []string) {
	for _, n := range names {
		c.brake.passed[n] = struct{}{}
	}
	text := "removal allowed by the manifest folder"
	if !c.permit.Until.IsZero() {
		text = fmt.Sprintf("%s until %s", text, c.permit.Until.UTC().Format(time.RFC3339))
	}
	c.tellAllowed(now, names, text, c.source)
}

func (c *Core) tellAllowed(now time.Time, names []string, text, source string) {
	for _, n := range names {
		var change string
		if e := c.entries[n]; e != nil {
			change = e.change
		}
		c.events = append(c.events, Event{
			At: now, Kind: Asked, Container: n, Change: change, Reason: PruneConfirmed, State: StatePruneBlocked, Message: text, Source: source,
		})
	}
}

// sourceOf is the revision of the folder's source that led to a decision for
// this reason; "" if it was something that happened on the host.
func (e *entry) sourceOf(why Reason) string {
	switch why {
	case NewContainer, FirstStart, SpecChanged, SettingsChanged, NotInManifests, NotSelected, DesiredStopped, DesiredPaused,
		DesiredRunning, PruneBlocked, InvalidManifest, Unsupported:
		return e.source
	default:
		return ""
	}
}
