package main

import "fmt"

// closedLoop keeps one call under way on each connection: as much as the server can answer.
func closedLoop(work Work, calls *callRow) (*period, error) {
	alone()
	poller, err := connect(work)
	if err != nil {
		return nil, err
	}
	p := newPeriod(work)
	for _, one := range poller.connections {
		if err := one.send(calls.take(), now()); err != nil {
			return nil, err
		}
	}
	for !p.over(now()) {
		events, err := poller.wait(50)
		if err != nil {
			return nil, err
		}
		for _, event := range events {
			one := poller.byFd[event.Fd]
			whole, err := poller.read(one)
			if err != nil {
				return nil, err
			}
			if !whole {
				continue
			}
			atNs := now()
			p.latencies.add(atNs - one.fromNs)
			if err := one.send(calls.take(), atNs); err != nil {
				return nil, err
			}
		}
	}
	for _, one := range poller.connections {
		if waited := p.toNs - one.fromNs; waited > longestNs {
			return nil, fmt.Errorf("a call has had no answer for %d ms", waited/1e6)
		}
	}
	return p, nil
}

// A call that is never answered would leave the closed loop faster than before.
const longestNs = 5e9
