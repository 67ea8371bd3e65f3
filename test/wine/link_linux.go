package wine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// link is the connection to the broker: one JSON object per line, each way.
type link struct {
	conn   net.Conn
	reader *bufio.Reader
}

func (l *link) exchange(order any) ([]byte, error) {
	line, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	if _, err := l.conn.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	return l.reader.ReadBytes('\n')
}

// must gives an order, and reads the answer into out.
func (h *Host) must(order, out any) {
	h.t.Helper()
	if err := h.tellBroker(order, out); err != nil {
		h.t.Fatalf("the broker: %v", err)
	}
}

func (h *Host) tellBroker(order, out any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.link == nil {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.port))
		if err != nil {
			return err
		}
		h.link = &link{conn, bufio.NewReader(conn)}
	}
	answer, err := h.link.exchange(order)
	if err != nil {
		return err
	}
	var said struct{ Error string }
	if err := json.Unmarshal(answer, &said); err != nil {
		return err
	}
	if said.Error != "" {
		return errors.New(said.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (h *Host) hangUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.link != nil {
		h.link.conn.Close()
		h.link = nil
	}
}
