// Load asks a server as frps does and prints what it found as one line of JSON: one measurement, then it ends.
//
//	connect ──▶ warm up ──▶ count ──▶ print
//
// Counting lasts countMs, or until stdin ends where that is 0. Every answer must be 200 with the expected body; the
// first that is not ends the measurement with an error.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// Work is what ../generator.ts asks for.
type Work struct {
	Mode        string  `json:"mode"`
	Port        int     `json:"port"`
	Pid         int     `json:"pid"`
	Pool        string  `json:"pool"`
	Expected    string  `json:"expected"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"perSecond"`
	WarmUpMs    int     `json:"warmUpMs"`
	CountMs     int     `json:"countMs"`
	Run         uint32  `json:"run"`
	FirstPass   uint32  `json:"firstPass"`
}

// Figures is what is printed; times in milliseconds, processor times in microseconds an answer.
type Figures struct {
	Answers     int     `json:"answers"`
	Seconds     float64 `json:"seconds"`
	PerSecond   float64 `json:"perSecond"`
	P50         float64 `json:"p50"`
	P99         float64 `json:"p99"`
	P999        float64 `json:"p999"`
	Max         float64 `json:"max"`
	CPU         float64 `json:"cpuUs"`
	MainThread  float64 `json:"mainThreadUs"`
	Generator   float64 `json:"generatorUs"`
	Connections int     `json:"connectionsOpened"`
}

var began = time.Now()

// now is in nanoseconds since this program began.
func now() int64 { return int64(time.Since(began)) }

// period knows when counting begins and when it ends, and what it had cost the server by then.
type period struct {
	work             Work
	latencies        latencies
	counting         bool
	fromNs, toNs     int64
	before, after    usage
	ownFrom, ownTo   float64
	told             atomic.Bool
	opened, openedAt atomic.Int64
}

func newPeriod(work Work) *period {
	p := &period{work: work, fromNs: now() + int64(work.WarmUpMs)*1e6}
	p.toNs = p.fromNs + int64(work.CountMs)*1e6
	if work.CountMs == 0 {
		p.toNs = 1 << 62
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			p.told.Store(true)
		}()
	}
	return p
}

// over is asked at every turn.
func (p *period) over(atNs int64) bool {
	if !p.counting && atNs >= p.fromNs {
		p.counting = true
		p.latencies = latencies{}
		p.fromNs, p.before, p.ownFrom = atNs, usageOf(p.work.Pid), ownMicroseconds()
		p.openedAt.Store(p.opened.Load())
	}
	if atNs < p.toNs && !p.told.Load() {
		return false
	}
	p.toNs, p.after, p.ownTo = atNs, usageOf(p.work.Pid), ownMicroseconds()
	return true
}

func (p *period) figures() Figures {
	n, seconds := float64(p.latencies.total), float64(p.toNs-p.fromNs)/1e9
	return Figures{
		Answers:     p.latencies.total,
		Seconds:     seconds,
		PerSecond:   n / seconds,
		P50:         p.latencies.within(0.5),
		P99:         p.latencies.within(0.99),
		P999:        p.latencies.within(0.999),
		Max:         p.latencies.within(1),
		CPU:         (p.after.process - p.before.process) / n,
		MainThread:  (p.after.main - p.before.main) / n,
		Generator:   (p.ownTo - p.ownFrom) / n,
		Connections: int(p.opened.Load() - p.openedAt.Load()),
	}
}

func main() {
	var work Work
	if err := json.Unmarshal([]byte(os.Args[1]), &work); err != nil {
		fail(err)
	}
	calls, err := readCalls(work)
	if err != nil {
		fail(err)
	}
	modes := map[string]func(Work, *callRow) (*period, error){
		"closed": closedLoop,
		"open":   openLoop,
		"frps":   asFrps,
		"bursts": asFrpsInBursts,
	}
	ask, known := modes[work.Mode]
	if !known {
		fail(fmt.Errorf("no mode is called %q", work.Mode))
	}
	period, err := ask(work, calls)
	if err != nil {
		fail(err)
	}
	if period.latencies.total == 0 {
		fail(fmt.Errorf("no answer within %d ms", work.CountMs))
	}
	_ = json.NewEncoder(os.Stdout).Encode(period.figures())
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(1)
}
