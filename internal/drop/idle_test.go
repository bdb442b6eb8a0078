package drop

import (
	"net"
	"testing"
	"time"
)

// deadlines remembers the read deadlines that are set.
type deadlines struct {
	net.Conn
	read []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = append(d.read, t); return nil }
func (d *deadlines) SetWriteDeadline(time.Time) error  { return nil }
func (d *deadlines) Read([]byte) (int, error)          { return 0, nil }

func TestAConnectionOnWhichNothingHappensEnds(t *testing.T) {
	t.Parallel()
	under := &deadlines{}
	conn := &attentive{Conn: under}
	read := func() {
		t.Helper()
		if _, err := conn.Read(nil); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if len(under.read) != 0 {
		t.Fatal("a read before signing in moved the deadline of the handshake")
	}
	if err := conn.welcome(); err != nil {
		t.Fatal(err)
	}
	read()
	if len(under.read) != 2 {
		t.Fatalf("%d deadlines were set by signing in and by a read after it, want 2", len(under.read))
	}
	for _, deadline := range under.read {
		if left := time.Until(deadline); left <= 0 || left > idleTimeout {
			t.Errorf("the deadline lies %s ahead, want up to %s", left, idleTimeout)
		}
	}
}
