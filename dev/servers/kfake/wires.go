package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
)

// wires are the brokers' connections, which may be cut in place of an answer: kfake itself can only close before the work.
type wires struct {
	mu sync.Mutex
	// How many answers to requests with this api key are cut off; negative: all.
	hangUps map[int16]int
}

func (w *wires) hangUp(key int16, count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if count == 0 {
		count = 1
	}
	if w.hangUps == nil {
		w.hangUps = map[int16]int{}
	}
	w.hangUps[key] = count
}

func (w *wires) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangUps = nil
}

func (w *wires) isCut(key int16) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.hangUps[key]
	if left > 0 {
		w.hangUps[key]--
	}
	return left != 0
}

func (w *wires) listen(network, address string) (net.Listener, error) {
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return &wiredListener{listener, w}, nil
}

type wiredListener struct {
	net.Listener
	wires *wires
}

func (l *wiredListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, wires: l.wires}, nil
}

// wire knows which request it is answering: kfake reads a frame's length, then the frame, and answers it before the next.
type wire struct {
	net.Conn
	wires *wires
	mu    sync.Mutex
	// The bytes that are left of the frame that is being read, and the head of it.
	left int
	head []byte
	key  int16
}

func (w *wire) Read(into []byte) (int, error) {
	n, err := w.Conn.Read(into)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range into[:n] {
		w.take(b)
	}
	return n, err
}

func (w *wire) take(b byte) {
	const lengthBytes, keyBytes = 4, 2
	if len(w.head) < lengthBytes+keyBytes {
		w.head = append(w.head, b)
	}
	switch {
	case w.left > 0:
		w.left--
	case len(w.head) == lengthBytes:
		w.left = int(binary.BigEndian.Uint32(w.head))
	}
	if w.left == 0 && len(w.head) == lengthBytes+keyBytes {
		w.key = int16(binary.BigEndian.Uint16(w.head[lengthBytes:]))
		w.head = w.head[:0]
	}
}

func (w *wire) Write(answer []byte) (int, error) {
	w.mu.Lock()
	key := w.key
	w.mu.Unlock()
	if w.wires.isCut(key) {
		return 0, w.Conn.Close()
	}
	if key == saslHandshake && len(answer) == len(noMechanisms)+8 && bytes.HasSuffix(answer, noMechanisms) {
		_, err := w.Conn.Write(withMechanisms(answer[4:8]))
		return len(answer), err
	}
	return w.Conn.Write(answer)
}

const saslHandshake = 17

// The end of kfake's answer to a handshake that went well: no error, and none of its mechanisms, which kafkajs looks for.
var noMechanisms = make([]byte, 2+4)

func withMechanisms(correlationID []byte) []byte {
	answer := append([]byte{0, 0, 0, 0}, correlationID...)
	answer = append(answer, 0, 0)
	answer = binary.BigEndian.AppendUint32(answer, uint32(len(mechanisms)))
	for _, mechanism := range mechanisms {
		answer = binary.BigEndian.AppendUint16(answer, uint16(len(mechanism)))
		answer = append(answer, mechanism...)
	}
	binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
	return answer
}
