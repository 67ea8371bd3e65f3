package local_test

import "os"

var stopSignal = os.Interrupt // what Go makes of CTRL_BREAK

const (
	hasStats     = true
	hasTerminals = false
)
