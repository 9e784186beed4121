package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

// frps asks as frp's HTTP plugin does: a client of its own with Go's default transport, which keeps two idle
// connections for each host and opens as many more as are asked for at once. Source of the facts: frp v0.70.1
// pkg/plugin/server/http.go.
type frps struct {
	work   Work
	client *http.Client
	calls  *callRow
	period *period
	mutex  sync.Mutex
	failed error
}

type answer struct {
	Reject       bool            `json:"reject"`
	RejectReason string          `json:"reject_reason"`
	Unchange     bool            `json:"unchange"`
	Content      json.RawMessage `json:"content"`
}

// asFrps keeps so many askers busy, each with one call under way.
func asFrps(work Work, calls *callRow) (*period, error) {
	f := &frps{work: work, client: &http.Client{}, calls: calls, period: newPeriod(work)}
	var askers sync.WaitGroup
	for range work.Connections {
		askers.Add(1)
		go func() {
			defer askers.Done()
			for !f.over() {
				f.ask()
			}
		}()
	}
	askers.Wait()
	return f.period, f.problem()
}

// asFrpsInBursts lets so many user connections come at once, and the next ones when all of them have been answered.
func asFrpsInBursts(work Work, calls *callRow) (*period, error) {
	f := &frps{work: work, client: &http.Client{}, calls: calls, period: newPeriod(work)}
	for !f.over() {
		var burst sync.WaitGroup
		for range work.Connections {
			burst.Add(1)
			go func() {
				defer burst.Done()
				f.ask()
			}()
		}
		burst.Wait()
	}
	return f.period, f.problem()
}

// over is true for all once it has been for one.
func (f *frps) over() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.failed == nil && f.period.over(now()) {
		f.failed = errOver
	}
	return f.failed != nil
}

var errOver = errors.New("over")

func (f *frps) ask() {
	f.mutex.Lock()
	one := f.calls.take()
	id := string(one.bytes[one.idAt : one.idAt+16])
	body := bytes.Clone(one.bytes[one.bodyAt:])
	op := one.op
	f.mutex.Unlock()
	fromNs := now()
	err := f.post(op, id, body)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err == nil {
		f.period.latencies.add(now() - fromNs)
	} else if f.failed == nil {
		f.failed = err
	}
}

func (f *frps) post(op, id string, body []byte) error {
	values := url.Values{}
	values.Set("version", "0.1.0")
	values.Set("op", op)
	to := fmt.Sprintf("http://127.0.0.1:%d/handler?%s", f.work.Port, values.Encode())
	request, err := http.NewRequest("POST", to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if !got.Reused {
			f.period.opened.Add(1)
		}
	}}
	within, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request = request.WithContext(httptrace.WithClientTrace(within, trace))
	request.Header.Set("X-Frp-Reqid", id)
	request.Header.Set("Content-Type", "application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, id, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var said answer
	if response.StatusCode != 200 || string(text) != f.work.Expected || json.Unmarshal(text, &said) != nil {
		return fmt.Errorf("not the answer expected: %d %q", response.StatusCode, text)
	}
	return nil
}

func (f *frps) problem() error {
	if errors.Is(f.failed, errOver) {
		return nil
	}
	return f.failed
}
