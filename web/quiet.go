package web

import (
	"context"
	"log/slog"
)

// quiet passes on what matters of the toolkit's lines: at Info it tells for
// each listener what the daemon tells once.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
