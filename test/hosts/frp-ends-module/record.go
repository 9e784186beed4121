package main

import (
	"encoding/json"
	"os"
	"time"

	plugin "github.com/fatedier/frp/pkg/plugin/server"
	"github.com/fatedier/frp/pkg/util/log"
)

// record is a file with a line for every connection that ended; nil if none was asked for. Each line is one write, so
// an frps that is killed leaves whole lines.
type record struct {
	file *os.File
}

type line struct {
	Proxy      string    `json:"proxy"`
	Type       string    `json:"type"`
	RemoteAddr string    `json:"remoteAddr"`
	StartedAt  time.Time `json:"startedAt"`
	EndedAt    time.Time `json:"endedAt"`
	// By the monotonic clock, so a clock that is set meanwhile doesn't change it.
	DurationMs float64 `json:"durationMs"`
}

func openRecord(path string) (*record, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return &record{file}, err
}

func (r *record) add(content plugin.NewUserConnContent, startedAt, endedAt time.Time) {
	if r == nil {
		return
	}
	text, err := json.Marshal(line{
		Proxy:      content.ProxyName,
		Type:       content.ProxyType,
		RemoteAddr: content.RemoteAddr,
		StartedAt:  startedAt.UTC(),
		EndedAt:    endedAt.UTC(),
		DurationMs: float64(endedAt.Sub(startedAt)) / float64(time.Millisecond),
	})
	if err == nil {
		_, err = r.file.Write(append(text, '\n'))
	}
	if err != nil {
		log.Errorf("a connection that ended is not in the record: %v", err)
	}
}
