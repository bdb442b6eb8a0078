package webhook

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
)

// Policy says which addresses webhooks may be sent to.
type Policy struct {
	// Loopback lets sandbox applications receive on this machine, without TLS.
	Loopback bool
	// Allow lists networks that may be reached although they are not public.
	Allow []netip.Prefix
}

const (
	// maxURL bounds the URL of an endpoint, in bytes.
	maxURL = 2048
	// Below firstFreePort, only 443 is for HTTPS; what else listens there does not expect it.
	firstFreePort = 1024
)

// CheckURL refuses a URL that an application of the kind cannot receive at. It does not resolve names:
// that is done each time a connection is made.
func (p Policy) CheckURL(kind perch.ClientType, text string) error {
	refuse := func(format string, args ...any) error { return perch.Invalid("url", format, args...) }
	if text == "" || len(text) > maxURL {
		return refuse("must have between 1 and %d bytes.", maxURL)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return refuse("must not contain spaces or control characters.")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return refuse("must be a URL such as https://app.example.com/webhooks.")
	case u.User != nil:
		return refuse("must not contain a user name or password.")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return refuse("must not have a fragment.")
	}
	local := access.Loopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return refuse("must begin with https://; http:// is for localhost only.")
	}
	if err := checkPort(u.Port(), local); err != nil {
		return err
	}
	if !local {
		if address, err := netip.ParseAddr(u.Hostname()); err == nil {
			if why := p.refusal(address, kind); why != "" {
				return refuse("must be a public address; this one is %s.", why)
			}
		}
		return nil
	}
	if p.refusal(netip.AddrFrom4([4]byte{127, 0, 0, 1}), kind) != "" {
		return refuse("must be reachable from outside: this machine is for sandbox applications under `perch dev`, or where --webhook-allow names it.")
	}
	return nil
}

func checkPort(text string, local bool) error {
	if text == "" {
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return perch.Invalid("url", "must have a port between 1 and 65535.")
	}
	if port != 443 && port < firstFreePort && !local {
		return perch.Invalid("url", "must have port 443, or one from %d on.", firstFreePort)
	}
	return nil
}

// metadata are the addresses at which clouds tell a machine its secrets. No allow-list opens them.
var metadata = [...]netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("169.254.170.23"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("192.0.0.192"),
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd00:ec2::23"), netip.MustParseAddr("fd20:ce::254"),
}

// closed are the networks that are not public, as the registries of special addresses of IPv4 and IPv6
// have them (RFC 6890 and what came after). The narrower stands before the wider.
var closed = [...]struct {
	network netip.Prefix
	what    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "of a carrier's own network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "reserved"},
	{netip.MustParsePrefix("192.52.193.0/24"), "reserved"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("192.175.48.0/24"), "reserved"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "this machine"},
	{netip.MustParsePrefix("64:ff9b::/96"), "a translation of IPv4"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a translation of IPv4"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/32"), "a tunnel of IPv4"},
	{netip.MustParsePrefix("2001::/23"), "reserved"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "a tunnel of IPv4"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "reserved"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
}

// global holds every IPv6 address that was given out to the public.
var global = netip.MustParsePrefix("2000::/3")

// refusal says what is wrong with sending to an address, or nothing.
func (p Policy) refusal(address netip.Addr, kind perch.ClientType) string {
	address = address.Unmap().WithZone("")
	for _, secret := range metadata {
		if address == secret {
			return "a cloud's metadata service"
		}
	}
	if p.Loopback && kind == perch.ClientSandbox && address.IsLoopback() {
		return ""
	}
	// What an address of IPv6 carries inside is reached through it.
	for _, inner := range embedded(address) {
		if why := p.refusal(inner, kind); why != "" {
			return fmt.Sprintf("a way to an address that is %s", why)
		}
	}
	for _, network := range p.Allow {
		if network.Contains(address) {
			return ""
		}
	}
	for _, c := range closed {
		if c.network.Contains(address) {
			return c.what
		}
	}
	if address.Is6() && !global.Contains(address) {
		return "reserved"
	}
	return ""
}

// embedded returns the addresses of IPv4 that an address of IPv6 leads to: by translation (RFC 6052,
// RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214), or as a compatible one (RFC 4291).
func embedded(address netip.Addr) []netip.Addr {
	if !address.Is6() {
		return nil
	}
	b := address.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}, [6]byte(b[:6]) == [6]byte{0, 0x64, 0xff, 0x9b, 0, 1}:
		return []netip.Addr{last}
	case [12]byte(b[:12]) == [12]byte{} && address != netip.IPv6Unspecified() && address != netip.IPv6Loopback():
		return []netip.Addr{last}
	case b[0] == 0x20 && b[1] == 0x02:
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case [4]byte(b[:4]) == [4]byte{0x20, 0x01}:
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe:
		return []netip.Addr{last}
	}
	return nil
}

// refusedError means that no connection was made because of the address.
type refusedError struct {
	address netip.Addr
	why     string
}

// Error implements error.
func (e *refusedError) Error() string {
	return fmt.Sprintf("not connected: %s is %s", e.address, e.why)
}
