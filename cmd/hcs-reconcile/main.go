// Command hcs-reconcile makes a host run the containers that a folder of
// manifests asks for. This package composes the others and talks to people; it
// decides nothing about containers.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// The exit codes. Plan also uses exitChanges.
const (
	exitOK      = 0
	exitError   = 1
	exitChanges = 2
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	var code codeError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code) // all has been said
	}
	fmt.Fprintln(os.Stderr, "hcs-reconcile:", err)
	var advised interface{ Advice() string }
	if errors.As(err, &advised) && advised.Advice() != "" {
		fmt.Fprintln(os.Stderr, "Hint:", advised.Advice())
	}
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code
	}
	return exitError
}
