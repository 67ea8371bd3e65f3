package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Command is how a keeper is started. The process gets no other environment
// than Env.
type Command struct {
	Path string
	Args []string
	Env  []string
}

const (
	startLimit = 30 * time.Second     // for a keeper to answer, on a host that is busy
	startPoll  = 2 * time.Millisecond // between two looks whether it does
	tryLimit   = 2 * time.Second      // for one such look
	maxOwnLog  = 1 << 20              // bytes of the keeper's own log; then it begins anew
)

// LogPath is where the keeper of a state folder writes what it has to say.
func LogPath(stateDir string) string { return filepath.Join(dirOf(stateDir), "log") }

// start runs a keeper, detached from everything that is ours: it leads a
// session of its own, has none of our files, and its working directory is the
// root.
func (c Command) start(stateDir string) (*exec.Cmd, error) {
	if err := os.MkdirAll(dirOf(stateDir), 0o700); err != nil {
		return nil, fmt.Errorf("make keeper folder: %w", err)
	}
	out, err := openOwnLog(LogPath(stateDir))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = append([]string{}, c.Env...), string(filepath.Separator)
	cmd.Stdout, cmd.Stderr = out, out
	if err := startDetached(cmd); err != nil {
		return nil, fmt.Errorf("start keeper %s: %w", c.Path, err)
	}
	return cmd, nil
}

func openOwnLog(path string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if st, err := os.Stat(path); err == nil && st.Size() > maxOwnLog {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of keeper: %w", err)
	}
	return f, nil
}

// awaitAnswer dials until a keeper answers, cmd has ended in vain, or time is over.
func awaitAnswer(ctx context.Context, cmd *exec.Cmd, stateDir string, dial func(context.Context) (*Client, error)) (*Client, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("no answer within %v", startLimit))
	defer cancel()
	gone := false
	for {
		attempt, done := context.WithTimeout(ctx, tryLimit)
		c, err := dial(attempt)
		unheard := attempt.Err() != nil // it was dialled while it was opening its socket
		done()
		switch {
		case err == nil:
			return c, nil
		case !unheard && !errors.Is(err, ErrNoKeeper) && !errors.Is(err, ErrLost):
			return nil, err
		case gone:
			return nil, fmt.Errorf("start keeper: it ended at once: %s", lastLine(LogPath(stateDir)))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("start keeper: %w (%w); the last line of %s: %s", context.Cause(ctx), err, LogPath(stateDir), lastLine(LogPath(stateDir)))
		case <-time.After(startPoll):
		}
		gone = cmd != nil && hasEnded(cmd) // and look once more: another may have been first
	}
}

// lastLine returns the end of a keeper's own log, for an error.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
