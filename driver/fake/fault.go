package fake

import (
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// The calls that are no actions, as Faults names them.
const (
	List    driver.Action = "list"
	Inspect driver.Action = "inspect"
	Stats   driver.Action = "stats"
)

// The errors that faults answer with, beside driver.ErrTimeout and
// driver.ErrConnectionLost.
var (
	ErrTransient = errors.New("the runtime is busy")
	ErrDenied    = errors.New("access is denied")
)

// Fault is what goes wrong in one call. The zero value is a call that goes well.
type Fault struct {
	Err         error         // what the caller is told instead of the truth; nil: the truth
	NoEffect    bool          // the world never hears of the call
	Hang        bool          // no answer until the caller gives up
	EffectAfter time.Duration // from the call until its effect
	AnswerAfter time.Duration // from the effect until the answer
}

// Rates are the odds, from 0 to 1, of what may go wrong in any call.
type Rates struct {
	FailBefore float64 // an error, and no effect
	FailAfter  float64 // an error, although the effect took place
	Hang       float64 // no answer; in half of these no effect either
	LoseHint   float64 // an exit is not told
	DoubleHint float64 // an exit is told twice

	MaxEffectAfter time.Duration // the effect comes at a random time up to this
	MaxAnswerAfter time.Duration // and the answer up to this after it
}

// Faults is a plan of faults: scripted ones first, random ones elsewhere. What
// happens to the n-th call of a verb on a name depends on the seed, the verb,
// the name and n alone, so the order in which different containers are worked
// on does not matter. A nil *Faults plans nothing. Not safe for concurrent use.
type Faults struct {
	seed   uint64
	rates  Rates
	calls  map[call]int
	script map[call]map[int]Fault
	hints  map[string]int
	over   bool
}

type call struct {
	verb driver.Action
	name string
}

// NewFaults returns a plan with random faults from seed at the given rates; the
// zero Rates give none.
func NewFaults(seed uint64, r Rates) *Faults {
	return &Faults{
		seed: seed, rates: r,
		calls: map[call]int{}, script: map[call]map[int]Fault{}, hints: map[string]int{},
	}
}

// Script plans ft for the nth call (from 1) of verb on the containers called
// name; name is "" for List.
func (f *Faults) Script(verb driver.Action, name string, nth int, ft Fault) {
	k := call{verb, name}
	if f.script[k] == nil {
		f.script[k] = map[int]Fault{}
	}
	f.script[k][nth] = ft
}

// Stop ends all faults, the scripted ones too.
func (f *Faults) Stop() { f.over = true }

// Next counts one call of verb on name and tells its fault.
func (f *Faults) Next(verb driver.Action, name string) Fault {
	if f == nil || f.over {
		return Fault{}
	}
	k := call{verb, name}
	f.calls[k]++
	if ft, ok := f.script[k][f.calls[k]]; ok {
		return ft
	}
	return f.draw(verb, f.source(string(verb), name, f.calls[k]))
}

// Hints tells how often the next exit of name is to be told: 0, 1 or 2 times.
func (f *Faults) Hints(name string) int {
	if f == nil || f.over {
		return 1
	}
	f.hints[name]++
	switch p := f.source("hint", name, f.hints[name]).Float64(); {
	case p < f.rates.LoseHint:
		return 0
	case p < f.rates.LoseHint+f.rates.DoubleHint:
		return 2
	default:
		return 1
	}
}

func (f *Faults) draw(verb driver.Action, r *rand.Rand) Fault {
	ft := Fault{EffectAfter: upTo(r, f.rates.MaxEffectAfter), AnswerAfter: upTo(r, f.rates.MaxAnswerAfter)}
	p := r.Float64()
	before := f.rates.FailBefore
	after := before + f.rates.FailAfter
	switch {
	case p < before:
		ft.Err, ft.NoEffect = pick(r, verb), true
	case p < after:
		ft.Err = pick(r, verb)
	case p < after+f.rates.Hang:
		ft.Hang, ft.NoEffect = true, r.IntN(2) == 0
	}
	return ft
}

// pick chooses an error that a real runtime might give for verb.
func pick(r *rand.Rand, verb driver.Action) error {
	kinds := []error{ErrTransient, driver.ErrTimeout, driver.ErrConnectionLost}
	if verb == List {
		kinds = append(kinds, ErrDenied)
	}
	return kinds[r.IntN(len(kinds))]
}

// source returns the random numbers that belong to one call.
func (f *Faults) source(verb, name string, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, verb+"/"+name+"/"+strconv.Itoa(n)) // a hash never fails
	return rand.New(rand.NewPCG(f.seed, h.Sum64()))
}

func upTo(r *rand.Rand, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(limit) + 1))
}
