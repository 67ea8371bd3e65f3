package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Append appends a line in the CRI log format, with its newline, however long
// it is: for lines on their way to another process, which uses Lines.
func (l *Line) Append(b []byte) []byte {
	b = appendHead(b, l.At, l.From)
	tag := byte(tagFull)
	if l.Partial {
		tag = tagPartial
	}
	return appendEntry(b, nil, tag, l.Text, nil)
}

// errCut is a stream that ended within a line.
var errCut = errors.New("it ended within a line")

// Lines calls emit with the lines that Append has made, until r ends, and idle
// before it waits for more.
func Lines(r io.Reader, emit func(Line) error, idle func() error) error {
	in := bufio.NewReaderSize(r, readBlock)
	var long []byte
	var rest [2]bool
	for {
		if in.Buffered() == 0 {
			if err := idle(); err != nil {
				return err
			}
		}
		part, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			if len(long) > 2*maxLine {
				return fmt.Errorf("read lines: one is longer than %d bytes", 2*maxLine)
			}
			continue
		case errors.Is(err, io.EOF) && len(part)+len(long) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("read lines: %w", errCut)
		case err != nil:
			return fmt.Errorf("read lines: %w", err)
		}
		if len(long) > 0 {
			part = append(long, part...)
			long = long[:0]
		}
		e := parse(bytes.TrimSuffix(part, []byte("\n")))
		i := e.from.index()
		line := Line{At: e.at, From: e.from, Text: e.text, Partial: e.partial, Rest: rest[i]}
		rest[i] = e.partial
		if err := emit(line); err != nil {
			return err
		}
	}
}
