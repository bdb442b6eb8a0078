package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// networks are networks as people write them: 10.1.0.0/16, or an address by itself.
type networks []netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler. It takes several with commas between them, and adds
// to those before.
func (n *networks) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if address, err := netip.ParseAddr(part); err == nil && address.Zone() == "" {
			*n = append(*n, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil || network.Addr().Is4In6() {
			return fmt.Errorf("%q is not a network such as 10.1.0.0/16", part)
		}
		*n = append(*n, network.Masked())
	}
	return nil
}
