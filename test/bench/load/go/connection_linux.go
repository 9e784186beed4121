package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"
)

// connection is a keep-alive one with at most one call under way, on a socket that never blocks.
type connection struct {
	fd     int
	fromNs int64
	have   int
	buffer [4096]byte
}

// poller waits for all connections at once in one thread: it must cost less than the cheapest server.
type poller struct {
	fd          int
	events      []syscall.EpollEvent
	connections []*connection
	byFd        map[int32]*connection
	expected    []byte
}

var ok = []byte("HTTP/1.1 200 ")

func connect(work Work) (*poller, error) {
	fd, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, err
	}
	p := &poller{
		fd:       fd,
		events:   make([]syscall.EpollEvent, 512),
		byFd:     map[int32]*connection{},
		expected: []byte("\r\n\r\n" + work.Expected),
	}
	for range work.Connections {
		socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			return nil, err
		}
		to := &syscall.SockaddrInet4{Port: work.Port, Addr: [4]byte{127, 0, 0, 1}}
		if err := syscall.Connect(socket, to); err != nil {
			return nil, fmt.Errorf("connecting to port %d: %w", work.Port, err)
		}
		_ = syscall.SetNonblock(socket, true)
		_ = syscall.SetsockoptInt(socket, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		one := &connection{fd: socket}
		p.connections = append(p.connections, one)
		p.byFd[int32(socket)] = one
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(socket)}
		if err := syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, socket, &event); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// alone tells Go's scheduler and collector that there is one thread and hardly any garbage. System calls are raw for the
// same reason: nobody else waits for the processor that the scheduler would take away meanwhile.
func alone() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
}

// wait gives what has become readable, at the latest after waitMs.
func (p *poller) wait(waitMs int) ([]syscall.EpollEvent, error) {
	into, most := uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events))
	n, _, failed := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), into, most, uintptr(waitMs), 0, 0)
	if failed == syscall.EINTR {
		return nil, nil
	}
	if failed != 0 {
		return nil, failed
	}
	return p.events[:n], nil
}

func raw(call uintptr, fd int, bytes []byte) (int, error) {
	n, _, failed := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&bytes[0])), uintptr(len(bytes)))
	if failed != 0 {
		return 0, failed
	}
	return int(n), nil
}

// send writes a whole call; a kernel that has no room for a kilobyte on an idle connection is an error here.
func (c *connection) send(one *call, fromNs int64) error {
	c.fromNs = fromNs
	n, err := raw(syscall.SYS_WRITE, c.fd, one.bytes)
	if err == nil && n != len(one.bytes) {
		err = fmt.Errorf("%d of %d bytes were taken", n, len(one.bytes))
	}
	return err
}

// read says whether the answer is whole.
func (p *poller) read(c *connection) (bool, error) {
	n, err := raw(syscall.SYS_READ, c.fd, c.buffer[c.have:])
	if err == syscall.EAGAIN {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, fmt.Errorf("the server closed a connection behind %q", c.buffer[:c.have])
	}
	c.have += n
	answer := c.buffer[:c.have]
	if !bytes.HasSuffix(answer, p.expected) {
		if c.have == len(c.buffer) || bytes.HasSuffix(answer, []byte("}")) {
			return false, fmt.Errorf("not the answer expected: %q", answer)
		}
		return false, nil
	}
	if !bytes.HasPrefix(answer, ok) {
		return false, fmt.Errorf("not the answer expected: %q", answer)
	}
	c.have = 0
	return true, nil
}
