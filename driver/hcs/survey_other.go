//go:build !windows

package hcs

import "context"

// Survey answers ErrNoHost here.
func Survey(context.Context, Config, []string) (*Surveyed, error) { return nil, ErrNoHost }
