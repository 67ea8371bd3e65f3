package hcs

import (
	"io"
	"time"
)

const (
	copyBlock  = 8 << 10                // of a pipe, read at once: there are two for each container
	drainLimit = 500 * time.Millisecond // for the rest of the output after an exit
)

// capture copies the output to the log. It writes there what keeps it from it.
func (k *kept) capture(stdin bool) {
	in, out, errs, err := k.proc.stdio()
	if err != nil {
		k.say("the output of this container is not captured: " + err.Error())
		return
	}
	if in != nil && !stdin {
		_ = k.proc.closeStdin() // and if not, it waits for input that never comes
		_ = in.Close()
		in = nil
	}
	if in != nil {
		k.pipes = append(k.pipes, in)
	}
	k.copy(k.to.Stdout, out)
	k.copy(k.to.Stderr, errs)
}

func (k *kept) copy(to func() io.Writer, from io.ReadCloser) {
	if from == nil {
		return
	}
	k.pipes = append(k.pipes, from)
	w := struct{ io.Writer }{to()}
	k.copied.Go(func() { _, _ = io.CopyBuffer(w, struct{ io.Reader }{from}, make([]byte, copyBlock)) })
}

// say puts a line of ours into the log of the container.
func (k *kept) say(text string) { _, _ = io.WriteString(k.to.Stderr(), "hcs-reconcile: "+text+"\n") }

// drain waits for the rest of the output, but not for ever: a process that is
// left behind may hold the pipe.
func (k *kept) drain() {
	copied := make(chan struct{})
	go func() {
		k.copied.Wait()
		close(copied)
	}()
	t := time.NewTimer(drainLimit)
	defer t.Stop()
	select {
	case <-copied:
	case <-t.C:
	}
}
