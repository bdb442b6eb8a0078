package webhook

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	perch "github.com/perchhq/perch"
)

func TestWhichAddressesMayBeReached(t *testing.T) {
	t.Parallel()
	var public, dev Policy
	dev.Loopback = true
	allowing := Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	const sandbox, production = perch.ClientSandbox, perch.ClientProduction
	for _, test := range []struct {
		address string
		policy  Policy
		kind    perch.ClientType
		want    bool
	}{
		{"8.8.8.8", public, production, true},
		{"93.184.216.34", public, sandbox, true},
		{"2606:4700::1111", public, production, true},
		{"::ffff:8.8.8.8", public, production, true},

		{"0.0.0.0", public, production, false},
		{"0.1.2.3", public, production, false},
		{"10.0.0.1", public, production, false},
		{"100.64.0.1", public, production, false},
		{"100.127.255.255", public, production, false},
		{"100.128.0.1", public, production, true},
		{"127.0.0.1", public, sandbox, false},
		{"127.255.0.1", public, production, false},
		{"169.254.1.1", public, production, false},
		{"169.254.169.254", public, production, false},
		{"172.15.0.1", public, production, true},
		{"172.16.0.1", public, production, false},
		{"172.31.255.255", public, production, false},
		{"172.32.0.1", public, production, true},
		{"192.0.0.192", public, production, false},
		{"192.0.2.1", public, production, false},
		{"192.88.99.1", public, production, false},
		{"192.168.0.1", public, production, false},
		{"198.18.0.1", public, production, false},
		{"198.51.100.1", public, production, false},
		{"203.0.113.1", public, production, false},
		{"224.0.0.1", public, production, false},
		{"240.0.0.1", public, production, false},
		{"255.255.255.255", public, production, false},
		{"168.63.129.16", public, production, false},
		{"100.100.100.200", public, production, false},

		{"::", public, production, false},
		{"::1", public, sandbox, false},
		{"::ffff:127.0.0.1", public, production, false},
		{"::ffff:10.0.0.1", public, production, false},
		{"::ffff:169.254.169.254", public, production, false},
		{"::10.0.0.1", public, production, false},
		{"::8.8.8.8", public, production, false},
		{"64:ff9b::8.8.8.8", public, production, false},
		{"64:ff9b::10.0.0.1", public, production, false},
		{"64:ff9b:1::1", public, production, false},
		{"100::1", public, production, false},
		{"2001::1", public, production, false},
		{"2001:2::1", public, production, false},
		{"2001:10::1", public, production, false},
		{"2001:db8::1", public, production, false},
		{"2002:0a00:0001::1", public, production, false},
		{"2002:0808:0808::1", public, production, false},
		{"2a00:1450::5efe:10.0.0.1", public, production, false},
		{"2a00:1450::200:5efe:10.0.0.1", public, production, false},
		{"2a00:1450::200:5efe:8.8.8.8", public, production, true},
		{"3fff::1", public, production, false},
		{"4000::1", public, production, false},
		{"5f00::1", public, production, false},
		{"fc00::1", public, production, false},
		{"fd12:3456::1", public, production, false},
		{"fd00:ec2::254", public, production, false},
		{"fe80::1", public, production, false},
		{"fe80::1%eth0", public, production, false},
		{"fec0::1", public, production, false},
		{"ff02::1", public, production, false},

		{"127.0.0.1", dev, sandbox, true},
		{"::1", dev, sandbox, true},
		{"::ffff:127.0.0.1", dev, sandbox, true},
		{"127.0.0.1", dev, production, false},
		{"10.0.0.1", dev, sandbox, false},
		{"169.254.169.254", dev, sandbox, false},

		{"10.1.2.3", allowing, production, true},
		{"::ffff:10.1.2.3", allowing, production, true},
		{"10.2.0.1", allowing, production, false},
		{"169.254.1.1", allowing, production, true},
		{"169.254.169.254", allowing, production, false},
		{"169.254.170.2", allowing, production, false},
		{"fd00:ec2::254", allowing, production, false},
		{"64:ff9b::8.8.8.8", allowing, production, true},
		{"64:ff9b::10.1.2.3", allowing, production, true},
		{"64:ff9b::10.2.0.1", allowing, production, false},
		{"64:ff9b::169.254.169.254", allowing, production, false},
	} {
		why := test.policy.refusal(netip.MustParseAddr(test.address), test.kind)
		if (why == "") != test.want {
			t.Errorf("%s of a %s application with %+v: %q", test.address, test.kind, test.policy, why)
		}
	}
}

func TestWhichURLsAreTaken(t *testing.T) {
	t.Parallel()
	dev := Policy{Loopback: true}
	for _, test := range []struct {
		url    string
		policy Policy
		kind   perch.ClientType
		wrong  string // part of the message; empty if it is taken
	}{
		{"https://app.example.com/hooks?x=1", Policy{}, perch.ClientProduction, ""},
		{"https://app.example.com:8443/", Policy{}, perch.ClientProduction, ""},
		{"https://app.example.com:443/", Policy{}, perch.ClientProduction, ""},
		{"https://1.1.1.1/", Policy{}, perch.ClientProduction, ""},
		{"http://localhost:3000/hooks", dev, perch.ClientSandbox, ""},
		{"http://127.0.0.1/hooks", dev, perch.ClientSandbox, ""},
		{"http://[::1]:81/hooks", dev, perch.ClientSandbox, ""},
		{"https://localhost:3000/hooks", dev, perch.ClientSandbox, ""},
		{"", Policy{}, perch.ClientProduction, "between 1 and 2048"},
		{"https://" + strings.Repeat("a", 2048), Policy{}, perch.ClientProduction, "between 1 and 2048"},
		{"app.example.com", Policy{}, perch.ClientProduction, "must be a URL"},
		{"https:///x", Policy{}, perch.ClientProduction, "must be a URL"},
		{"mailto:a@example.com", Policy{}, perch.ClientProduction, "must be a URL"},
		{"https://a b.example.com/", Policy{}, perch.ClientProduction, "spaces"},
		{"https://app.example.com/\x00", Policy{}, perch.ClientProduction, "control"},
		{"https://user:pass@app.example.com/", Policy{}, perch.ClientProduction, "user name"},
		{"https://app.example.com/#x", Policy{}, perch.ClientProduction, "fragment"},
		{"http://app.example.com/", dev, perch.ClientSandbox, "https"},
		{"ftp://app.example.com/", Policy{}, perch.ClientProduction, "https"},
		{"https://app.example.com:22/", Policy{}, perch.ClientProduction, "port"},
		{"https://app.example.com:0/", Policy{}, perch.ClientProduction, "port"},
		{"https://10.0.0.1/", Policy{}, perch.ClientProduction, "private"},
		{"https://[fd00:ec2::254]/", Policy{}, perch.ClientProduction, "metadata"},
		{"http://localhost/", Policy{}, perch.ClientSandbox, "reachable from outside"},
		{"http://localhost/", dev, perch.ClientProduction, "reachable from outside"},
	} {
		err := test.policy.CheckURL(test.kind, test.url)
		switch {
		case err == nil && test.wrong != "":
			t.Errorf("%q is taken", test.url)
		case err != nil && (test.wrong == "" || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%q: %v", test.url, err)
		}
	}
}

// nameServer answers every question for an address with the next of a list, the last one for good.
func nameServer(t *testing.T, answers ...[4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int64
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q.Type == dnsmessage.TypeA {
				next := answers[min(int(asked.Add(1))-1, len(answers)-1)]
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: next}}}
			}
			packed, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// The name is good when it is first resolved and bad the next time. What counts is the address that is
// connected to.
func TestANameThatChangesItsAddressIsRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for name, answers := range map[string][][4]byte{
		"rebind.example.com":   {{127, 0, 0, 1}},
		"metadata.example.com": {{169, 254, 169, 254}},
		"private.example.com":  {{10, 0, 0, 1}},
	} {
		sender := NewSender(Policy{}, nameServer(t, answers...), "", time.Now)
		for range 2 {
			a := sender.Send(t.Context(), Target{URL: "http://" + name + ":" + port, Kind: perch.ClientSandbox, Keys: [][]byte{{1}}}, perch.NewID(), []byte("{}"))
			if a.Delivered() || !strings.HasPrefix(a.Error, "not connected: ") {
				t.Errorf("%s: %+v", name, a)
			}
		}
	}
	// Under perch dev the first address is allowed and the second, where the cloud's secrets are, is not.
	sender := NewSender(Policy{Loopback: true}, nameServer(t, [4]byte{127, 0, 0, 1}, [4]byte{169, 254, 169, 254}), "", time.Now)
	to := Target{URL: "http://rebind.example.com:" + port, Kind: perch.ClientSandbox, Keys: [][]byte{{1}}}
	if a := sender.Send(t.Context(), to, perch.NewID(), []byte("{}")); !a.Delivered() || reached.Load() != 1 {
		t.Fatalf("the first request: %+v", a)
	}
	sender.Close()
	if a := sender.Send(t.Context(), to, perch.NewID(), []byte("{}")); a.Delivered() || !strings.Contains(a.Error, "169.254.169.254") {
		t.Errorf("after the name moved: %+v", a)
	}
	// Another kind of application shares neither the permission nor the connection.
	again := NewSender(Policy{Loopback: true}, nameServer(t, [4]byte{127, 0, 0, 1}), "", time.Now)
	_ = again.Send(t.Context(), to, perch.NewID(), []byte("{}"))
	to.Kind = perch.ClientProduction
	if a := again.Send(t.Context(), to, perch.NewID(), []byte("{}")); a.Delivered() {
		t.Errorf("a production application reached this machine: %+v", a)
	}
	if reached.Load() != 2 {
		t.Errorf("the server was reached %d times", reached.Load())
	}
}
