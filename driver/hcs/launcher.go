package hcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

// Kind names the launcher of this driver in the keeper.
const Kind = "hcs"

// launchSpec is the Order.Spec of this launcher. It holds the environment, and
// so is never written or shown.
type launchSpec struct {
	System  string         `json:"system"` // ID of one that was started
	VM      bool           `json:"vm,omitempty"`
	Stdin   bool           `json:"stdin,omitempty"` // its pipe stays open
	Process *processConfig `json:"process"`
}

// launchNote is the Run.Note of this launcher.
type launchNote struct {
	System string    `json:"system"`
	VM     bool      `json:"vm,omitempty"`
	Born   time.Time `json:"born,omitzero"` // creation of the process on the host; zero if not known
}

// launcher runs init processes in the keeper: there are the handles that tell
// how they end, and the pipes that they print to.
type launcher struct{ machine machine }

// Launch launches the init process of a system.
func (l launcher) Launch(o keeper.Order, to keeper.Sink) (keeper.Process, error) {
	var spec launchSpec
	if err := json.Unmarshal(o.Spec, &spec); err != nil || spec.Process == nil {
		return nil, fmt.Errorf("%w: the order is not understood", keeper.ErrInvalid) // the cause would quote it
	}
	sys, err := l.machine.open(spec.System)
	if err != nil {
		return nil, toWire(err)
	}
	p, err := sys.launch(spec.Process)
	if err != nil {
		_ = sys.close()
		return nil, toWire(fmt.Errorf("launch init process: %w", err))
	}
	k := newKept(l.machine, launchNote{System: spec.System, VM: spec.VM}, sys, p, to)
	k.started = now()
	if !spec.VM {
		if h, err := l.machine.openProcess(p.pid()); err == nil {
			k.host, k.note.Born, k.started = h, h.born(), h.born()
		}
	}
	k.capture(spec.Stdin)
	k.begin()
	return k, nil
}

// Adopt takes over an init process whose pipes are lost with the keeper that
// had them. What it prints is lost until its next start.
func (l launcher) Adopt(r keeper.Run, to keeper.Sink) (keeper.Process, error) {
	var note launchNote
	if err := json.Unmarshal(r.Note, &note); err != nil || note.System == "" {
		return nil, fmt.Errorf("%w: note of run %s", keeper.ErrInvalid, r.ID)
	}
	k := newKept(l.machine, note, nil, nil, to)
	k.started, k.number = r.Started, r.PID
	if !note.VM {
		h, err := l.machine.openProcess(r.PID)
		switch {
		case errors.Is(err, errNoProcess):
			return nil, keeper.ErrGone
		case err == nil && !note.Born.IsZero() && !h.born().Equal(note.Born):
			h.close()
			return nil, keeper.ErrGone
		case err == nil:
			k.host = h
		}
	}
	if err := k.attach(); err != nil {
		k.closeHandles()
		if is(err, driver.ErrNotFound) {
			return nil, keeper.ErrGone
		}
		return nil, toWire(err)
	}
	k.say("the keeper that read what this container prints has died: from here on it is lost, until the next start of the container")
	k.begin()
	return k, nil
}

// toWire makes an error fit to cross the socket of the keeper: what this
// driver must find again is in its text.
func toWire(err error) error {
	mark := ""
	if h, ok := errors.AsType[*hostError](err); ok {
		mark = fmt.Sprintf(" [0x%x]", h.code)
		for word, kind := range wireKinds {
			if errors.Is(h.kind, kind) {
				mark = " [" + word + "]"
			}
		}
	}
	if is(err, driver.ErrInvalid) {
		return fmt.Errorf("%w: %w%s", keeper.ErrInvalid, err, mark)
	}
	return fmt.Errorf("%w%s", err, mark)
}

var wireKinds = map[string]error{"lost": errLost, "no answer": errNoAnswer, "ended": errEnded}

// fromWire turns an error of a launch by the keeper into what it was there.
func fromWire(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, keeper.ErrLost) || errors.Is(err, keeper.ErrNotStarted) || errors.Is(err, keeper.ErrNoKeeper) {
		return err
	}
	text := err.Error()
	var word string
	if i := lastMark(text); i >= 0 {
		text, word = text[:i], text[i+2:len(text)-1]
	}
	h := &hostError{call: "keeper", text: text, kind: wireKinds[word]}
	if n, err := fmt.Sscanf(word, "0x%x", &h.code); n != 1 || err != nil {
		h.code = 0
	}
	if errors.Is(err, keeper.ErrInvalid) {
		return fmt.Errorf("%w: %w", driver.ErrInvalid, h)
	}
	return h
}

// lastMark finds the mark of toWire at the end of a text; -1 if there is none.
func lastMark(text string) int {
	if len(text) == 0 || text[len(text)-1] != ']' {
		return -1
	}
	for i := len(text) - 1; i > 0; i-- {
		if text[i] == '[' {
			return i - 1
		}
	}
	return -1
}
