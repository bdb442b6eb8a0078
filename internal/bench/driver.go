package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const connections = 16

// driver sends requests over plain connections: a client library would cost more than the servers
// that are compared.
type driver struct {
	perchAt string
	token   string
	window  time.Duration
}

// fetch sends one request and returns the body of the answer, which must be 200.
func (d driver) fetch(address string, request wireRequest) ([]byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := send(conn, request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("answer %d: %.200s", answer.StatusCode, body)
	}
	return body, err
}

func send(conn net.Conn, request wireRequest) error {
	message := append([]byte(request.head), request.body...)
	_, err := conn.Write(message)
	return err
}

// load keeps 16 connections busy for the window and returns answers per second.
func (d driver) load(address string, request wireRequest) (float64, error) {
	var answers atomic.Int64
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	deadline := began.Add(d.window)
	for range connections {
		all.Go(func() {
			n, err := worker(address, request, deadline)
			answers.Add(n)
			if err != nil {
				failure.Store(&err)
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return float64(answers.Load()) / time.Since(began).Seconds(), nil
}

func worker(address string, request wireRequest, deadline time.Time) (n int64, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	message := append([]byte(request.head), request.body...)
	reader := bufio.NewReaderSize(conn, 64<<10)
	for time.Now().Before(deadline) {
		if _, err := conn.Write(message); err != nil {
			return n, err
		}
		if err := skipAnswer(reader); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// skipAnswer reads an answer and throws it away.
func skipAnswer(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(status) < 12 || string(status[9:12]) != "200" {
		return fmt.Errorf("answer %.60q", status)
	}
	length, chunked := 0, false
	for {
		header, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) <= 2 {
			break
		}
		const lengthName, chunkedName = "Content-Length: ", "Transfer-Encoding: chunked"
		if len(header) > len(lengthName) && string(header[:len(lengthName)]) == lengthName {
			length = decimal(header[len(lengthName):])
		}
		chunked = chunked || len(header) > len(chunkedName) && string(header[:len(chunkedName)]) == chunkedName
	}
	if chunked {
		return skipChunks(r)
	}
	_, err = r.Discard(length)
	return err
}

// skipChunks reads a chunked body, which net/http sends when a handler names no length.
func skipChunks(r *bufio.Reader) error {
	for {
		size, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		length := 0
		if _, err := fmt.Sscanf(string(size), "%x", &length); err != nil {
			return err
		}
		if _, err := r.Discard(length + 2); err != nil || length == 0 {
			return err
		}
	}
}

func decimal(b []byte) (n int) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
