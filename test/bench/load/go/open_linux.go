package main

import (
	"math/rand"
	"syscall"
	"unsafe"
)

// openLoop sends calls when they are due, whether earlier ones have been answered or not. A call waits where every
// connection has one under way; its time counts from when it was due, so that a server that stalls is seen to stall.
// They come as a Poisson process: user connections know nothing of each other.
// Connections take turns, so that none idles for so long that the server closes it.
func openLoop(work Work, calls *callRow) (*period, error) {
	alone()
	poller, err := connect(work)
	if err != nil {
		return nil, err
	}
	timer, err := newTimer(poller)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewSource(int64(work.Run)))
	gapNs := func() int64 { return int64(random.ExpFloat64() / work.PerSecond * 1e9) }
	free := append([]*connection(nil), poller.connections...)
	var waiting []int64
	p := newPeriod(work)
	for dueNs := now() + gapNs(); !p.over(now()); {
		for ; dueNs <= now(); dueNs += gapNs() {
			waiting = append(waiting, dueNs)
		}
		for len(waiting) > 0 && len(free) > 0 {
			one := free[0]
			free = free[1:]
			if err := one.send(calls.take(), waiting[0]); err != nil {
				return nil, err
			}
			waiting = waiting[1:]
		}
		timer.set(dueNs - now())
		events, err := poller.wait(50)
		if err != nil {
			return nil, err
		}
		for _, event := range events {
			one := poller.byFd[event.Fd]
			if one == nil {
				timer.drain()
				continue
			}
			whole, err := poller.read(one)
			if err != nil {
				return nil, err
			}
			if whole {
				p.addDue(one.fromNs, now())
				free = append(free, one)
			}
		}
	}
	// What was due and has no answer yet counts with the time it has waited.
	for _, one := range poller.connections {
		if !contains(free, one) {
			p.addDue(one.fromNs, p.toNs)
		}
	}
	for _, dueNs := range waiting {
		p.addDue(dueNs, p.toNs)
	}
	return p, nil
}

// addDue leaves out what was due before counting began: what warming up left over is no part of it.
func (p *period) addDue(dueNs, atNs int64) {
	if dueNs >= p.fromNs {
		p.latencies.add(atNs - dueNs)
	}
}

func contains(all []*connection, one *connection) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}

// timer makes the poller wake up on time: its own limit is in whole milliseconds.
type timer struct{ fd int }

func newTimer(p *poller) (timer, error) {
	const monotonic, nonBlocking = 1, 0o4000
	fd, _, failed := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, monotonic, nonBlocking, 0)
	if failed != 0 {
		return timer{}, failed
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	return timer{int(fd)}, syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, int(fd), &event)
}

func (t timer) set(inNs int64) {
	due := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(max(inNs, 1))}
	_, _, _ = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(t.fd), 0, uintptr(unsafe.Pointer(&due)), 0, 0, 0)
}

func (t timer) drain() {
	var count [8]byte
	_, _ = syscall.Read(t.fd, count[:])
}
