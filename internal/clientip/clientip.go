package clientip

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of the proxies that are trusted. The zero value trusts none.
type Proxies []netip.Prefix

// Parse reads networks such as 10.0.0.0/8; an address alone stands for itself.
func Parse(networks []string) (Proxies, error) {
	var p Proxies
	for _, text := range networks {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var alone netip.Addr
			if alone, err = netip.ParseAddr(text); err == nil && alone.Zone() == "" {
				network, err = alone.Prefix(alone.BitLen())
			}
		}
		if err != nil || !network.IsValid() {
			return nil, fmt.Errorf("%.60q is no network: write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32", text)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("%.60q is every address: then anyone could claim to be anyone", text)
		}
		if wide := network.Addr(); wide.Is4In6() { // addresses are compared without the mapping
			if network.Bits() < 96 {
				return nil, fmt.Errorf("%.60q is no network of either version", text)
			}
			network = netip.PrefixFrom(wide.Unmap(), network.Bits()-96)
		}
		p = append(p, network.Masked())
	}
	return p, nil
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns the address that a request came from: that of the peer, or, if the peer is a trusted
// proxy, the right-most address of Forwarded or X-Forwarded-For that is not one. Proxies write one of
// the two and pass the other one on as the client sent it; where they name different clients, the
// peer's address is all that is certain.
func (p Proxies) Client(r *http.Request) string {
	peer, ok := hop(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	if !p.trust(peer) {
		return peer.String()
	}
	forwarded, hasForwarded := p.walk(peer, forwardedFor(r.Header.Values("Forwarded")))
	plain, hasPlain := p.walk(peer, list(r.Header.Values("X-Forwarded-For")))
	switch {
	case hasForwarded && hasPlain && forwarded != plain:
		return peer.String()
	case hasForwarded:
		return forwarded.String()
	case hasPlain:
		return plain.String()
	}
	return peer.String()
}

// walk goes from the nearest hop to the farthest one that trusted proxies vouch for. An entry that is no
// address, such as unknown, ends the way at the proxy that wrote it.
func (p Proxies) walk(at netip.Addr, hops []string) (client netip.Addr, any bool) {
	for i := len(hops) - 1; i >= 0; i-- {
		next, ok := hop(hops[i])
		if !ok {
			return at, true
		}
		if at = next; !p.trust(at) {
			return at, true
		}
	}
	return at, len(hops) > 0
}

// hop reads an address that may have a port and brackets.
func hop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, false
	}
	return a.WithZone("").Unmap(), true
}

// list splits the values of a header at commas, in order.
func list(values []string) (all []string) {
	for _, value := range values {
		all = append(all, strings.Split(value, ",")...)
	}
	return all
}

// forwardedFor returns the for parameter of each element of Forwarded (RFC 7239), in order; an element
// without one is an empty string.
func forwardedFor(values []string) (all []string) {
	for _, value := range values {
		for _, element := range splitQuoted(value, ',') {
			found := ""
			for _, pair := range splitQuoted(element, ';') {
				name, text, ok := strings.Cut(pair, "=")
				if ok && strings.EqualFold(strings.TrimSpace(name), "for") {
					found = strings.Trim(strings.TrimSpace(text), `"`)
				}
			}
			all = append(all, found)
		}
	}
	return all
}

// splitQuoted splits outside of quoted strings.
func splitQuoted(text string, at byte) (parts []string) {
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == at && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}
