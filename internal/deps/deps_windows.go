package deps

import (
	_ "github.com/Microsoft/go-winio"
	_ "github.com/Microsoft/hcsshim"
)
