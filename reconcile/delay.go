package reconcile

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// operationBackoff spaces the repetitions of a call to the runtime that failed
// or had no effect.
var operationBackoff = manifest.Backoff{
	InitialDelay: 500 * time.Millisecond,
	Factor:       2,
	MaxDelay:     time.Minute,
	Jitter:       0.2,
}

// Delay is how long to wait after the n-th failure in a row, n >= 1. The
// jitter comes from a hash of name and n: containers spread out, and the same
// history always gives the same wait.
func Delay(b manifest.Backoff, name string, n int) time.Duration {
	if n < 1 || b.InitialDelay <= 0 {
		return 0
	}
	d := float64(b.InitialDelay) * math.Pow(max(b.Factor, 1), float64(n-1))
	d = min(d, float64(max(b.MaxDelay, b.InitialDelay)))
	return time.Duration(d * (1 + b.Jitter*fraction(name, n)))
}

// longest is the longest wait that Delay can ask for.
func longest(b manifest.Backoff) time.Duration {
	return time.Duration(float64(max(b.MaxDelay, b.InitialDelay)) * (1 + b.Jitter))
}

// fraction maps (name, n) evenly to [0, 1).
func fraction(name string, n int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(strconv.AppendInt(nil, int64(n), 10))
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads the entropy of FNV, whose high bits move little for short
// inputs, over all 64 bits (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
