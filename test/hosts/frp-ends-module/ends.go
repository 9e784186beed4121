package main

import (
	"context"
	"time"

	v1 "github.com/fatedier/frp/pkg/config/v1"
	plugin "github.com/fatedier/frp/pkg/plugin/server"
	"github.com/fatedier/frp/pkg/util/log"
	"github.com/fatedier/frp/pkg/util/util"
)

const opCloseUserConn = "CloseUserConn"

// traffic is what went through a connection, in bytes, named as seen from frps: in is what the user sent.
type traffic struct {
	In  int64 `json:"traffic_in"`
	Out int64 `json:"traffic_out"`
}

// contentWithTraffic is what a fork may send: the proposed content with further fields.
type contentWithTraffic struct {
	plugin.NewUserConnContent
	traffic
}

// ends tells every plugin, and the record, of the connections that ended. The plugins' ops are not asked: the stock
// frps would not start with CloseUserConn in them, and one config should serve both.
type ends struct {
	plugins []plugin.Plugin
	record  *record
	extras  bool
}

func newEnds(options []v1.HTTPPluginOptions, record *record, extras bool) *ends {
	e := &ends{record: record, extras: extras}
	for _, option := range options {
		e.plugins = append(e.plugins, plugin.NewHTTPPluginOptions(option))
	}
	return e
}

// tell records first, so that whoever has seen the call finds the line. As with CloseProxy, a plugin that fails
// doesn't keep the next one from being told.
func (e *ends) tell(content plugin.NewUserConnContent, startedAt time.Time, passed traffic) {
	e.record.add(content, startedAt, time.Now())
	id, _ := util.RandID()
	ctx := plugin.NewReqidContext(context.Background(), id)
	for _, p := range e.plugins {
		if _, _, err := p.Handle(ctx, opCloseUserConn, e.contentOf(content, passed)); err != nil {
			log.Warnf("send %s request to plugin [%s] error: %v", opCloseUserConn, p.Name(), err)
		}
	}
}

// contentOf gives a value, not a pointer: the client makes the answer's content of its type.
func (e *ends) contentOf(content plugin.NewUserConnContent, passed traffic) any {
	if e.extras {
		return contentWithTraffic{content, passed}
	}
	return content
}
