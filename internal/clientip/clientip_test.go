package clientip

import (
	"net/http"
	"testing"
)

func TestTheClientIsWhoTrustedProxiesVouchFor(t *testing.T) {
	t.Parallel()
	proxies, err := Parse([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"})
	if err != nil {
		t.Fatal(err)
	}
	const forwarded, plain = "Forwarded", "X-Forwarded-For"
	for _, c := range []struct {
		name, peer string
		header     http.Header
		want       string
	}{
		{"no proxy", "203.0.113.9:1234", nil, "203.0.113.9"},
		{"a stranger who claims to be a proxy", "203.0.113.9:1234", http.Header{plain: {"198.51.100.1"}, forwarded: {"for=198.51.100.1"}}, "203.0.113.9"},
		{"a proxy", "10.1.1.1:1", http.Header{plain: {"198.51.100.1"}}, "198.51.100.1"},
		{"a proxy that says nothing", "10.1.1.1:1", nil, "10.1.1.1"},
		{"what the client claims stands to the left", "10.1.1.1:1", http.Header{plain: {"1.2.3.4, 198.51.100.1"}}, "198.51.100.1"},
		{"a chain of proxies", "10.1.1.1:1", http.Header{plain: {"1.2.3.4, 198.51.100.1, 192.0.2.7, 10.9.9.9"}}, "198.51.100.1"},
		{"proxies all the way", "10.1.1.1:1", http.Header{plain: {"10.2.2.2, 10.3.3.3"}}, "10.2.2.2"},
		{"several header lines in order", "10.1.1.1:1", http.Header{plain: {"1.2.3.4", "198.51.100.1, 10.2.2.2"}}, "198.51.100.1"},
		{"an entry that is no address ends the way", "10.1.1.1:1", http.Header{plain: {"198.51.100.1, unknown, 10.2.2.2"}}, "10.2.2.2"},
		{"an empty header", "10.1.1.1:1", http.Header{plain: {""}}, "10.1.1.1"},
		{"an entry with a port", "10.1.1.1:1", http.Header{plain: {"198.51.100.1:4711"}}, "198.51.100.1"},
		{"IPv6", "[2001:db8:1::5]:1", http.Header{plain: {"2001:db8:2::9"}}, "2001:db8:2::9"},
		{"IPv4 written as IPv6", "[::ffff:10.1.1.1]:1", http.Header{plain: {"::ffff:198.51.100.1"}}, "198.51.100.1"},
		{"a zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"Forwarded", "10.1.1.1:1", http.Header{forwarded: {"for=1.2.3.4, for=198.51.100.1;proto=https;by=10.1.1.1"}}, "198.51.100.1"},
		{"Forwarded, quoted and in capitals", "10.1.1.1:1", http.Header{forwarded: {`For="[2001:db8:2::9]:4711";host="a,b;for=9.9.9.9"`}}, "2001:db8:2::9"},
		{"Forwarded with an escaped quote", "10.1.1.1:1", http.Header{forwarded: {`host="a\",for=9.9.9.9";for=198.51.100.1`}}, "198.51.100.1"},
		{"Forwarded with a hidden name", "10.1.1.1:1", http.Header{forwarded: {"for=1.2.3.4, for=_hidden, for=10.2.2.2"}}, "10.2.2.2"},
		{"Forwarded without for", "10.1.1.1:1", http.Header{forwarded: {"proto=https"}}, "10.1.1.1"},
		{"both headers agree", "10.1.1.1:1", http.Header{plain: {"198.51.100.1"}, forwarded: {"for=198.51.100.1"}}, "198.51.100.1"},
		{"one header is the proxy's and the other the client's", "10.1.1.1:1", http.Header{plain: {"198.51.100.1"}, forwarded: {"for=1.2.3.4"}}, "10.1.1.1"},
		{"a peer without an address", "@", http.Header{plain: {"1.2.3.4"}}, "@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := proxies.Client(&http.Request{RemoteAddr: c.peer, Header: c.header}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			var none Proxies
			if got := none.Client(&http.Request{RemoteAddr: "10.1.1.1:1", Header: c.header}); got != "10.1.1.1" {
				t.Errorf("without trusted proxies: %s", got)
			}
		})
	}
}

func TestNetworksThatMeanNothingOrEverythingAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "10.0.0.0/33", "proxy.internal", "0.0.0.0/0", "::/0", "10.0.0", "fe80::1%eth0", "::ffff:0.0.0.0/64"} {
		if _, err := Parse([]string{"10.0.0.0/8", bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	mapped, err := Parse([]string{"::ffff:10.0.0.0/104"})
	if err != nil || !mapped.trust(mapped[0].Addr()) || mapped[0].String() != "10.0.0.0/8" {
		t.Errorf("%v %v", mapped, err)
	}
}

func FuzzClient(f *testing.F) {
	f.Add(`for="[2001:db8::1]:4711";proto=https, for=_x`, "1.2.3.4, unknown")
	proxies, err := Parse([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, forwarded, plain string) {
		r := &http.Request{RemoteAddr: "10.1.1.1:1", Header: http.Header{"Forwarded": {forwarded}, "X-Forwarded-For": {plain}}}
		if got := proxies.Client(r); got == "" || len(got) > 45 {
			t.Errorf("got %q", got)
		}
	})
}
