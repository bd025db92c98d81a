package http

import (
	"net/netip"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// checkBelieved refuses a request whose caller is believed without proof, although he may be somebody else
// than a program of this machine: who comes through a proxy, and a page of another site in a browser on this
// machine. REQUIRES: the head has been read.
func (s *Server) checkBelieved(r *request) error {
	if !r.believed || s.cfg.NoAuth {
		return nil
	}
	if r.head.sent[fieldForwardedFor]|r.head.sent[fieldForwarded] != 0 {
		return &commerce.Error{
			Code: codeProxyRefused,
			Detail: "this request came through a proxy, and this server believes whoever reaches it without proof: " +
				"start it with --auth=on and send a credential, or ask it directly",
		}
	}
	if !s.askedLocally(r) {
		return &commerce.Error{
			Code: codeHostRefused,
			Detail: "this server believes whoever reaches it without proof, hence answers only under localhost or its address: " +
				"otherwise a site that names this machine could ask through a browser (--http-allowed-hosts names others)",
		}
	}
	if r.head.sent[fieldOrigin] > 0 && !r.ctx.IsGet() && !r.ctx.IsHead() && !r.ctx.IsOptions() {
		return r.checkSameOrigin()
	}
	return nil
}

// askedLocally reports whether the Host field names this machine. What a connection has named once it names
// mostly.
func (s *Server) askedLocally(r *request) bool {
	host := r.ctx.Request.Header.Host()
	c, ok := r.ctx.Conn().(*connection)
	if len(host) == 0 || ok && string(host) == c.named {
		return true
	}
	if !s.localHost(string(host)) {
		return false
	}
	if ok {
		c.named = string(host)
	}
	return true
}

// localHost reports whether a Host field names this machine in a way that no other site can: a browser that
// a site has sent here under its own name says that name.
func (s *Server) localHost(host string) bool {
	name := host
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:colon]
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for _, allowed := range s.hosts {
		if strings.EqualFold(name, allowed) {
			return true
		}
	}
	return false
}
