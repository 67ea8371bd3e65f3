package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// After a request for exec was answered with 101 Switching Protocols, both
// sides send frames: a type, the length of what follows in 4 bytes, big end
// first, and that many bytes.
//
// The client may have window bytes of standard input on their way that the
// server has not acknowledged. So the server can always read what comes, and
// notices a new size or that the client is gone also while the process does
// not read.

// protocol is what the connection is upgraded to.
const protocol = "hcs-reconcile-exec/1"

type frameType byte

// The frames. Numbers are big end first.
const (
	frameStdin    frameType = iota // client: bytes for standard input
	frameStdinEnd                  // client: there are no more
	frameResize                    // client: rows and columns of the terminal, 2 bytes each
	frameAck                       // server: so many bytes of standard input were taken, 4 bytes
	frameStdout                    // server: bytes of standard output
	frameStderr                    // server: bytes of standard error
	frameExit                      // server, last: the exit code, 4 bytes
	frameFailed                    // server, last: a Failure as JSON
	frameTypes
)

const (
	frameHead = 5
	maxFrame  = 32 << 10
	window    = 256 << 10
)

// fixed gives the length of frames that have only one; -1: any up to maxFrame.
func (t frameType) fixed() int {
	switch t {
	case frameResize, frameAck, frameExit:
		return 4
	case frameStdinEnd:
		return 0
	default:
		return -1
	}
}

// frame is one frame; data is valid until the next is read.
type frame struct {
	kind frameType
	data []byte
}

// number is what a frame of 4 bytes says.
func (f frame) number() uint32 { return binary.BigEndian.Uint32(f.data) }

func (f frame) size() (rows, cols uint16) {
	return binary.BigEndian.Uint16(f.data), binary.BigEndian.Uint16(f.data[2:])
}

var errFrame = errors.New("read frame: not what this version speaks")

// frameReader reads frames of one connection, in one goroutine.
type frameReader struct {
	r   io.Reader
	buf [frameHead + maxFrame]byte
}

// next reads one frame. io.EOF means that the other side ended between two.
func (fr *frameReader) next() (frame, error) {
	head := fr.buf[:frameHead]
	if _, err := io.ReadFull(fr.r, head); err != nil {
		return frame{}, err
	}
	f := frame{kind: frameType(head[0])}
	n := binary.BigEndian.Uint32(head[1:])
	if f.kind >= frameTypes || n > maxFrame || f.kind.fixed() >= 0 && int(n) != f.kind.fixed() {
		return frame{}, fmt.Errorf("%w: type %d, %d bytes", errFrame, f.kind, n)
	}
	f.data = fr.buf[frameHead : frameHead+int(n)]
	if _, err := io.ReadFull(fr.r, f.data); err != nil {
		return frame{}, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return f, nil
}

// frameWriter writes frames of one connection; any goroutine may use it.
type frameWriter struct {
	mu  sync.Mutex
	w   io.Writer
	buf [frameHead + maxFrame]byte
}

// write sends data, cut into as many frames as it takes.
func (fw *frameWriter) write(t frameType, data []byte) error {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	for first := true; first || len(data) > 0; first = false {
		n := copy(fw.buf[frameHead:], data)
		fw.buf[0] = byte(t)
		binary.BigEndian.PutUint32(fw.buf[1:], uint32(n)) //nolint:gosec // at most maxFrame
		if _, err := fw.w.Write(fw.buf[:frameHead+n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (fw *frameWriter) number(t frameType, n uint32) error {
	return fw.write(t, binary.BigEndian.AppendUint32(nil, n))
}

func (fw *frameWriter) size(rows, cols uint16) error {
	return fw.write(frameResize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, rows), cols))
}

// stream is an io.Writer of one type of frame.
type stream struct {
	fw   *frameWriter
	kind frameType
}

func (s stream) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := s.fw.write(s.kind, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
