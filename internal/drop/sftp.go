package drop

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/internal/store"
)

// Bounds of what strangers and clients may ask for.
const (
	mostConnections  = 64
	mostSessions     = 4
	handshakeTimeout = 20 * time.Second
	idleTimeout      = 5 * time.Minute
	authTries        = 4
	failuresAllowed  = 20
	failuresWindow   = 10 * time.Minute
)

// Server is an SFTP server into which connections' files are put. Its fields are set once, before use.
type Server struct {
	Store   *store.Store
	Uploads *assist.Uploads
	// Limits counts failed sign-ins by address.
	Limits limit.Limiter
	Log    *slog.Logger
	// HostKey identifies the server to its clients.
	HostKey ssh.Signer

	open sync.WaitGroup
}

// LoadHostKey reads the server's key, or makes one at the first start.
func LoadHostKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if text, err = newHostKey(path); errors.Is(err, os.ErrExist) {
			text, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the SFTP host key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("the SFTP host key %s cannot be read: restore it, or delete it for a new one", path)
	}
	return signer, nil
}

// newHostKey links a complete file into place, so that of several processes one makes the key.
func newHostKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "perch")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-host-key-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, err
	}
	return text, os.Link(temporary.Name(), path)
}

// Serve answers until ctx ends, and then waits for the connections to close.
func (s *Server) Serve(ctx context.Context, listener net.Listener) {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	places := make(chan struct{}, mostConnections)
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.Log.WarnContext(ctx, "accepting an SFTP connection", "error", err)
				continue
			}
			break
		}
		select {
		case places <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		s.open.Go(func() {
			defer func() { <-places }()
			s.serve(ctx, conn)
		})
	}
	s.open.Wait()
}

// attentive ends a connection on which nothing happens, once somebody has signed in. Until then the
// deadline of the handshake stands.
type attentive struct {
	net.Conn
	signedIn atomic.Bool
}

// Read implements net.Conn.
func (a *attentive) Read(p []byte) (int, error) {
	if a.signedIn.Load() {
		if err := a.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
			return 0, err
		}
	}
	return a.Conn.Read(p)
}

// welcome replaces the deadline of the handshake, also for the read that is under way.
func (a *attentive) welcome() error {
	a.signedIn.Store(true)
	return errors.Join(a.SetWriteDeadline(time.Time{}), a.SetReadDeadline(time.Now().Add(idleTimeout)))
}

var errRefused = errors.New("access denied")

func (s *Server) serve(ctx context.Context, accepted net.Conn) {
	raw := &attentive{Conn: accepted}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()
	var drop store.Drop
	config := s.config(ctx, &drop)
	if err := raw.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return
	}
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return // strangers knock all day
	}
	defer func() { _ = conn.Close() }()
	if raw.welcome() != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer func() { _ = conn.Close() }() // ends the sessions that are waited for
	places := make(chan struct{}, mostSessions)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sftp is served")
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			_ = offered.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		sessions.Go(func() {
			defer func() { <-places }()
			s.session(ctx, channel, asked, drop)
		})
	}
}

// config accepts the key or the password of a connection. A client that fails too often waits.
func (s *Server) config(ctx context.Context, drop *store.Drop) *ssh.ServerConfig {
	check := func(conn ssh.ConnMetadata, right func(store.Drop) bool) (*ssh.Permissions, error) {
		host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
		if err != nil {
			host = conn.RemoteAddr().String()
		}
		key := limit.Key{Product: "sftp/" + host}
		place, err := s.Limits.Take(ctx, key, failuresAllowed, failuresWindow)
		if err != nil || !place.OK {
			return nil, errRefused
		}
		found, err := s.Store.DropByLogin(ctx, conn.User())
		if err != nil || !right(found) {
			return nil, errRefused
		}
		*drop = found
		return nil, s.Limits.Release(ctx, key, place.Ticket)
	}
	config := &ssh.ServerConfig{
		MaxAuthTries: authTries, ServerVersion: "SSH-2.0-Perch",
		PasswordCallback: func(conn ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return check(conn, func(d store.Drop) bool {
				want, err := hex.DecodeString(d.PasswordHash)
				return err == nil && len(want) > 0 && subtle.ConstantTimeCompare(want, access.HashSecret(string(password))) == 1
			})
		},
		PublicKeyCallback: func(conn ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
			return check(conn, func(d store.Drop) bool {
				if d.PublicKey == "" {
					return false
				}
				known, _, _, _, err := ssh.ParseAuthorizedKey([]byte(d.PublicKey))
				return err == nil && subtle.ConstantTimeCompare(known.Marshal(), offered.Marshal()) == 1
			})
		},
	}
	config.AddHostKey(s.HostKey)
	return config
}

func (s *Server) session(ctx context.Context, channel ssh.Channel, asked <-chan *ssh.Request, drop store.Drop) {
	defer func() { _ = channel.Close() }()
	for request := range asked {
		wanted := request.Type == "subsystem" && len(request.Payload) > 4 && string(request.Payload[4:]) == "sftp"
		if request.WantReply {
			_ = request.Reply(wanted, nil)
		}
		if !wanted {
			continue // no shell, no commands, no environment
		}
		go ssh.DiscardRequests(asked)
		box := newInbox(ctx, s.Uploads, s.Log, drop)
		server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: box, FilePut: box, FileCmd: box, FileList: box})
		if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
			s.Log.DebugContext(ctx, "an SFTP session ended", "connection_id", drop.ConnectionID, "error", err)
		}
		_ = server.Close()
		box.end()
		return
	}
}
