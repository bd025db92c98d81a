package http

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

const headerForwardedFor = "X-Forwarded-For"

// hopsMax bounds how many of the addresses that proxies have noted are looked at.
const hopsMax = 32

// proxies are the addresses whose X-Forwarded-For is believed.
type proxies []netip.Prefix

// parseProxies reads a list of networks and addresses, separated by commas or spaces.
func parseProxies(list string) (proxies, error) {
	var all proxies
	for _, text := range splitList(list) {
		prefix, err := netip.ParsePrefix(text)
		if address, notNetwork := netip.ParseAddr(text); err != nil && notNetwork == nil {
			prefix, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network like 10.0.0.0/8", text)
		}
		if prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is IPv4 written as IPv6; write it as IPv4", text)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}

func (p proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// splitList splits a setting that names several things.
func splitList(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// client returns the address that the request comes from: the peer's, or what trusted proxies say. It is the
// zero Addr within the process. REQUIRES: the head has been read.
func (r *request) client() netip.Addr {
	if r.address.IsValid() {
		return r.address
	}
	c, ok := r.ctx.Conn().(*connection)
	if !ok {
		return netip.Addr{}
	}
	r.address = c.peer
	if c.trusted && r.head.sent[fieldForwardedFor] > 0 {
		r.address = forwardedFor(r.ctx.Request.Header.PeekAll(headerForwardedFor), c.peer, c.all.proxies)
	}
	return r.address
}

// forwardedFor returns the rightmost address that is not a trusted proxy's: each proxy appends the address
// that it was asked from, and what stands before that anybody may have written. When it cannot be read, the
// peer is who asks.
func forwardedFor(fields [][]byte, peer netip.Addr, trusted proxies) netip.Addr {
	farthest := peer
	hops := 0
	for i := len(fields) - 1; i >= 0; i-- {
		for rest, more := fields[i], true; more; {
			var hop []byte
			if comma := bytes.LastIndexByte(rest, ','); comma >= 0 {
				hop, rest = rest[comma+1:], rest[:comma]
			} else {
				hop, more = rest, false
			}
			address, ok := parseHop(string(bytes.TrimSpace(hop)))
			if hops++; !ok || hops > hopsMax {
				return peer
			}
			if !trusted.trust(address) {
				return address
			}
			farthest = address
		}
	}
	return farthest
}

// parseHop reads an address, with or without a port: some proxies add one.
func parseHop(text string) (netip.Addr, bool) {
	if address, err := netip.ParseAddr(text); err == nil {
		return plainAddress(address), true
	}
	if both, err := netip.ParseAddrPort(text); err == nil {
		return plainAddress(both.Addr()), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			return plainAddress(address), true
		}
	}
	return netip.Addr{}, false
}

// plainAddress writes an address in the one way that it is compared in.
func plainAddress(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// peerOf returns the address of the other end, or the zero Addr within the process.
func peerOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return plainAddress(tcp.AddrPort().Addr())
}

// networkOf returns what an address is counted under: itself, or for IPv6 the part of it that a provider
// gives to one customer.
func networkOf(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // within the process
	}
	return prefix
}
