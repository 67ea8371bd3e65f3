package sim

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// defaultSeeds takes some ten seconds on a slow machine.
const defaultSeeds = 4000

// TestSim runs many histories; SIM_SEEDS sets how many, SIM_SEED replays one.
func TestSim(t *testing.T) {
	if one := os.Getenv("SIM_SEED"); one != "" {
		replay(t, number(t, one))
		return
	}
	n := uint64(defaultSeeds)
	if many := os.Getenv("SIM_SEEDS"); many != "" {
		n = number(t, many)
	}
	const lanes = 4
	for lane := range uint64(lanes) {
		t.Run(fmt.Sprintf("lane%d", lane), func(t *testing.T) {
			t.Parallel()
			for seed := lane; seed < n && !t.Failed(); seed += lanes {
				trySeed(t, seed)
			}
		})
	}
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SIM_SEED and SIM_SEEDS are numbers: %v", err)
	}
	return n
}

// trySeed runs one seed, and again with a trace if a rule broke.
func trySeed(t *testing.T, seed uint64) {
	t.Helper()
	err := newSim(seed, false).run()
	if err == nil {
		return
	}
	s := newSim(seed, true)
	again := s.run()
	if again == nil || again.Error() != err.Error() {
		t.Errorf("seed %d: R13: %v; and the second time: %v", seed, err, again)
		return
	}
	t.Errorf("seed %d broke rule %v\nreplay with SIM_SEED=%d; the last of %d lines:\n%s", seed, err, seed, len(s.trace), s.tail(40))
}

func replay(t *testing.T, seed uint64) {
	s := newSim(seed, true)
	err := s.run()
	for _, line := range s.trace {
		t.Log(line)
	}
	if err != nil {
		t.Errorf("seed %d broke rule %v", seed, err)
	}
}

// TestSimSameTrace is R13.
func TestSimSameTrace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		a, b := newSim(seed, true), newSim(seed, true)
		errA, errB := a.run(), b.run()
		if fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("seed %d: %v, then %v", seed, errA, errB)
		}
		for i, line := range a.trace {
			if i >= len(b.trace) || b.trace[i] != line {
				t.Fatalf("seed %d: traces part at line %d: %s", seed, i, line)
			}
		}
	}
}

// FuzzSim lets the fuzzer look for seeds; those that failed once stay in testdata.
func FuzzSim(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { trySeed(t, seed) })
}
