package main

import (
	"fmt"
	"net"
	"reflect"
	"time"

	libio "github.com/fatedier/golib/io"

	v1 "github.com/fatedier/frp/pkg/config/v1"
	plugin "github.com/fatedier/frp/pkg/plugin/server"
	"github.com/fatedier/frp/pkg/util/xlog"
	"github.com/fatedier/frp/server/proxy"
)

// registerProxies replaces every type whose connections frps asks plugins about.
func registerProxies(from entrances, ends *ends) {
	register(from.tcp, ends)
	register(from.https, ends)
	register(from.tcpmux, ends)
	register(from.stcp, ends)
	register(from.sudp, ends)
}

func register[C v1.ProxyConfigurer](open func(*proxy.BaseProxy, C) (*entrance, error), ends *ends) {
	proxy.RegisterProxyFactory(reflect.TypeFor[C](), func(base *proxy.BaseProxy) proxy.Proxy {
		return &endingProxy{
			BaseProxy: base,
			ends:      ends,
			open:      func() (*entrance, error) { return open(base, base.GetConfigurer().(C)) },
		}
	})
}

// endingProxy takes the steps of frp's own proxies, and one more when a connection has ended.
type endingProxy struct {
	*proxy.BaseProxy
	ends     *ends
	open     func() (*entrance, error)
	entrance *entrance
}

func (p *endingProxy) Run() (string, error) {
	if err := p.unsupported(); err != nil {
		return "", err
	}
	entrance, err := p.open()
	if err != nil {
		return "", err
	}
	p.entrance = entrance
	for _, listener := range entrance.listeners {
		go p.accept(listener)
	}
	return entrance.address, nil
}

// unsupported refuses what frp's proxies do and this one doesn't, which else would fail in ways hard to explain.
func (p *endingProxy) unsupported() error {
	base := p.GetConfigurer().GetBaseConfig()
	transport := base.Transport
	if base.LoadBalancer.Group != "" || transport.UseEncryption || transport.UseCompression || p.GetLimiter() != nil {
		return fmt.Errorf("frps-ends has no groups, encryption, compression and bandwidth limits")
	}
	return nil
}

func (p *endingProxy) Close() {
	p.BaseProxy.Close()
	p.entrance.close()
}

func (p *endingProxy) accept(listener net.Listener) {
	log := xlog.FromContextSafe(p.Context())
	for {
		user, err := listener.Accept()
		if err != nil {
			log.Warnf("listener is closed: %v", err)
			return
		}
		go p.serve(user)
	}
}

func (p *endingProxy) serve(user net.Conn) {
	defer user.Close()
	content := plugin.NewUserConnContent{
		User:       p.GetUserInfo(),
		ProxyName:  p.GetName(),
		ProxyType:  p.GetConfigurer().GetBaseConfig().Type,
		RemoteAddr: user.RemoteAddr().String(),
	}
	startedAt := time.Now()
	if _, err := p.GetResourceController().PluginManager.NewUserConn(&content); err != nil {
		xlog.FromContextSafe(p.Context()).Warnf("the user conn [%s] was rejected, err:%v", content.RemoteAddr, err)
		return
	}
	p.ends.tell(content, startedAt, p.join(user))
}

// join returns when the work connection is closed, or when none could be had.
func (p *endingProxy) join(user net.Conn) traffic {
	work, err := p.GetWorkConnFromPool(user.RemoteAddr(), user.LocalAddr())
	if err != nil {
		return traffic{}
	}
	defer work.Close()
	in, out, _ := libio.Join(work, user)
	return traffic{in, out}
}
