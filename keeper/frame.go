package keeper

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A frame is the length of its body in four bytes, most significant first, and
// the body, one JSON object.

// MaxFrame bounds the body of a frame in bytes. An order with the largest
// environment that a system takes is far below it.
const MaxFrame = 16 << 20

var errFrame = errors.New("not a frame of this protocol")

// readFrame reads one message. What a length promises is believed only as far
// as it comes. io.EOF means that there was no further frame.
func readFrame(r io.Reader) (m message, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: cut off in its length", errFrame)
		}
		return message{}, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > MaxFrame {
		return message{}, fmt.Errorf("%w: %d bytes, at most %d are allowed", errFrame, size, MaxFrame)
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: cut off", errFrame)
		}
		return message{}, err
	}
	if err := json.Unmarshal(body.Bytes(), &m); err != nil {
		// What encoding/json says may quote the body, and with it a secret.
		return message{}, fmt.Errorf("%w: no JSON object with fields as expected", errFrame)
	}
	return m, nil
}

// appendFrame adds m to b as a frame.
func appendFrame(b []byte, m message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(body) > MaxFrame {
		return nil, fmt.Errorf("message %s: %d bytes, at most %d are allowed", m.Op, len(body), MaxFrame)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(body))) //nolint:gosec // bounded above
	return append(b, body...), nil
}
