package logs

import "context"

// tContext is for reads that end by themselves.
var tContext = context.Background()
