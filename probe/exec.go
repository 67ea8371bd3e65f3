package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// drainFor is how long the output of a command that has ended is waited for:
// what it left behind may keep the streams open.
const drainFor = 200 * time.Millisecond

// run runs a command in a container; code 0 is success.
func (p *Prober) run(ctx context.Context, r driver.Ref, c *manifest.Container, command []string) (string, error) {
	x, ok := p.driver.(driver.Execer)
	if !ok {
		return "", unmade{errors.New("this driver runs no commands in containers")}
	}
	s, err := x.Exec(ctx, r, driver.Process{Command: command, Container: c})
	if errors.Is(err, driver.ErrInvalid) {
		return "", err // there is no such program: that will not pass by itself
	}
	if err != nil {
		return "", unmade{err}
	}
	var out output
	code, err := follow(ctx, s, &out)
	if err = errors.Join(err, s.Close()); err != nil {
		return "", unmade{err}
	}
	if ctx.Err() != nil && code == nil {
		return "", ctx.Err()
	}
	if *code != 0 {
		return "", fmt.Errorf("exit code %s%s", manifest.FormatExit(*code), out.after(": "))
	}
	return "exit code 0" + out.after(": "), nil
}

// follow waits for the end of s, and closes it when ctx ends first: code is nil
// then. It returns when nobody reads its streams any more.
func follow(ctx context.Context, s driver.Session, out *output) (code *uint32, err error) {
	var readers sync.WaitGroup
	for _, r := range []io.Reader{s.Stdout(), s.Stderr()} {
		if r != nil {
			readers.Go(func() { _, _ = io.Copy(out, r) })
		}
	}
	ended, read := make(chan struct{}), make(chan struct{})
	go func() {
		var n uint32
		if n, err = s.Wait(); err == nil {
			code = &n
		}
		close(ended)
	}()
	go func() {
		readers.Wait()
		close(read)
	}()
	select {
	case <-ended:
		t := time.NewTimer(drainFor)
		defer t.Stop()
		select {
		case <-read:
		case <-t.C:
		case <-ctx.Done():
		}
		closing := s.Close()
		<-read
		return code, errors.Join(err, closing)
	case <-ctx.Done():
		closing := s.Close()
		<-ended
		<-read
		return nil, closing
	}
}

// output keeps the beginning of what a command prints.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer; it never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := 2*shown - len(o.text); room > 0 {
		o.text = append(o.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// after is the output behind a separator, "" if there is none.
func (o *output) after(sep string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if text := oneLine(string(o.text)); text != "" {
		return sep + clip(text)
	}
	return ""
}

// oneLine turns white space into single spaces, and takes out what a terminal
// could be steered with.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text, "�")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
