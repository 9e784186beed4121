package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	v1 "github.com/fatedier/frp/pkg/config/v1"
	"github.com/fatedier/frp/pkg/util/util"
	"github.com/fatedier/frp/pkg/util/vhost"
	"github.com/fatedier/frp/server/proxy"
)

// entrance is where a proxy's users come in.
type entrance struct {
	listeners []net.Listener
	// As frpc shows it.
	address string
	// What has to be given back besides the listeners; may be nil.
	release func()
}

// close is called once: frp's vhost listeners panic at the second time.
func (e *entrance) close() {
	for _, listener := range e.listeners {
		listener.Close()
	}
	if e.release != nil {
		e.release()
	}
}

// entrances opens the entrance of each proxy type, as frp does.
type entrances struct {
	cfg *v1.ServerConfig
}

func (e entrances) tcp(base *proxy.BaseProxy, cfg *v1.TCPProxyConfig) (*entrance, error) {
	ports := base.GetResourceController().TCPPortManager
	port, err := ports.Acquire(base.GetName(), cfg.RemotePort)
	if err != nil {
		return nil, err
	}
	release := func() { ports.Release(port) }
	listener, err := net.Listen("tcp", net.JoinHostPort(e.cfg.ProxyBindAddr, strconv.Itoa(port)))
	if err != nil {
		release()
		return nil, err
	}
	cfg.RemotePort = port
	return &entrance{[]net.Listener{listener}, fmt.Sprintf(":%d", port), release}, nil
}

func (e entrances) https(base *proxy.BaseProxy, cfg *v1.HTTPSProxyConfig) (*entrance, error) {
	muxer := base.GetResourceController().VhostHTTPSMuxer.Muxer
	return e.vhost(base, muxer, e.cfg.VhostHTTPSPort, cfg.DomainConfig, vhost.RouteConfig{})
}

func (e entrances) tcpmux(base *proxy.BaseProxy, cfg *v1.TCPMuxProxyConfig) (*entrance, error) {
	muxer := base.GetResourceController().TCPMuxHTTPConnectMuxer.Muxer
	return e.vhost(base, muxer, e.cfg.TCPMuxHTTPConnectPort, cfg.DomainConfig, vhost.RouteConfig{
		RouteByHTTPUser: cfg.RouteByHTTPUser,
		Username:        cfg.HTTPUser,
		Password:        cfg.HTTPPassword,
	})
}

// vhost listens for each of the proxy's domains on the port that all proxies of its type share.
func (e entrances) vhost(
	base *proxy.BaseProxy, muxer *vhost.Muxer, port int, domains v1.DomainConfig, route vhost.RouteConfig,
) (*entrance, error) {
	names := domains.CustomDomains
	if domains.SubDomain != "" {
		names = append(names, domains.SubDomain+"."+e.cfg.SubDomainHost)
	}
	opened := &entrance{}
	addresses := []string{}
	for _, name := range names {
		route.Domain = name
		config := route
		listener, err := muxer.Listen(base.Context(), &config)
		if err != nil {
			opened.close()
			return nil, err
		}
		opened.listeners = append(opened.listeners, listener)
		addresses = append(addresses, util.CanonicalAddr(name, port))
	}
	opened.address = strings.Join(addresses, ",")
	return opened, nil
}

func (e entrances) stcp(base *proxy.BaseProxy, cfg *v1.STCPProxyConfig) (*entrance, error) {
	return visitors(base, cfg.Secretkey, cfg.AllowUsers)
}

// sudp is right only where frpc and its visitor speak the same wire protocol, as they do unless configured otherwise:
// frp's own proxy translates between two, and which one frpc speaks is not exported.
func (e entrances) sudp(base *proxy.BaseProxy, cfg *v1.SUDPProxyConfig) (*entrance, error) {
	return visitors(base, cfg.Secretkey, cfg.AllowUsers)
}

// visitors is the entrance of proxies whose users come through the frpc of a visitor.
func visitors(base *proxy.BaseProxy, secretKey string, allowUsers []string) (*entrance, error) {
	if len(allowUsers) == 0 {
		allowUsers = []string{base.GetUserInfo().User}
	}
	manager, name := base.GetResourceController().VisitorManager, base.GetName()
	listener, err := manager.Listen(name, secretKey, allowUsers)
	if err != nil {
		return nil, err
	}
	return &entrance{listeners: []net.Listener{listener}, release: func() { manager.CloseListener(name) }}, nil
}
