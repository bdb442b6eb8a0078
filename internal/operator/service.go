package operator

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/limit"
	"github.com/perchhq/perch/internal/store"
)

// How long a session lasts, and a link.
const (
	IdleFor    = 30 * time.Minute
	SessionFor = 12 * time.Hour
	linkFor    = 12 * time.Hour
	// seenEvery is how exactly the last use of a session is known.
	seenEvery = time.Minute
)

// Limits on signing in. A network may try often enough for an office, an account seldom enough that no
// password is guessed.
const (
	triesPerNetwork = 20
	triesPerAccount = 8
	triesWindow     = 15 * time.Minute
	// hashing bounds how many passwords are hashed at a time: each takes 19 MiB.
	hashing = 2
)

// MinPassword is the fewest characters of a password that somebody chooses.
const MinPassword = 12

const maxPassword = 256

// Errors of signing in.
var (
	// ErrRefused is all that one learns: not whether there is such an operator.
	ErrRefused = errors.New("the address or the password is wrong")
	// ErrTooMany asks for patience.
	ErrTooMany = errors.New("too many attempts")
	// ErrSignedOut means that there is no session, or that it has ended.
	ErrSignedOut = errors.New("nobody is signed in")
)

// Service signs operators in. Make it with New.
type Service struct {
	store  *store.Store
	limits limit.Limiter
	now    func() time.Time
	turns  chan struct{}
	// nobody is the hash that is checked where there is no operator, so that this takes as long.
	nobody func() string
}

// New returns the service. limits counts attempts and is never nil.
func New(s *store.Store, limits limit.Limiter, now func() time.Time) *Service {
	return &Service{store: s, limits: limits, now: now, turns: make(chan struct{}, hashing),
		nobody: sync.OnceValue(func() string { return hashPassword(newPassword()) })}
}

// Operator is somebody who may sign in.
type Operator struct {
	ID       perch.ID
	Email    string
	Name     string
	Created  time.Time
	Disabled bool
}

func shown(o store.Operator) Operator {
	return Operator{ID: o.ID, Email: o.Email, Name: o.Name, Created: o.CreatedAt, Disabled: !o.DisabledAt.IsZero()}
}

// CommandLine is the actor of what is done at the terminal.
const CommandLine = "command line"

// Create makes an operator. An empty password makes one up, which is returned.
func (s *Service) Create(ctx context.Context, email, name, password string) (Operator, string, error) {
	email, err := address(email)
	if err != nil {
		return Operator{}, "", err
	}
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 100 || strings.ContainsFunc(name, unicode.IsControl) {
		return Operator{}, "", perch.Invalid("name", "must have 1 to 100 characters")
	}
	if password, err = chosen(password); err != nil {
		return Operator{}, "", err
	}
	o := store.Operator{ID: perch.NewID(), Email: email, Name: name, PasswordHash: hashPassword(password), CreatedAt: s.now()}
	err = s.store.Tx(ctx, func(tx *sql.Tx) error {
		free, err := s.store.InsertOperator(ctx, tx, o)
		if err != nil {
			return err
		}
		if !free {
			return perch.Invalid("email", "There is an operator %s already. Give a new password with: perch operator reset", email)
		}
		return s.record(ctx, tx, CommandLine, "operator.created", email)
	})
	return shown(o), password, err
}

func address(email string) (string, error) {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Name != "" || len(parsed.Address) > 254 {
		return "", perch.Invalid("email", "%.60q is not an e-mail address", email)
	}
	return strings.ToLower(parsed.Address), nil
}

func chosen(password string) (string, error) {
	if password == "" {
		return newPassword(), nil
	}
	if n := utf8.RuneCountInString(password); n < MinPassword || len(password) > maxPassword {
		return "", perch.Invalid("password", "must have %d to %d characters", MinPassword, maxPassword)
	}
	return password, nil
}

// List returns all operators.
func (s *Service) List(ctx context.Context) ([]Operator, error) {
	rows, err := s.store.Operators(ctx)
	list := make([]Operator, len(rows))
	for i, o := range rows {
		list[i] = shown(o)
	}
	return list, err
}

func (s *Service) find(ctx context.Context, email string) (store.Operator, error) {
	email, err := address(email)
	if err != nil {
		return store.Operator{}, err
	}
	o, err := s.store.OperatorByEmail(ctx, email)
	if errors.Is(err, store.ErrNotFound) {
		err = perch.Invalid("email", "There is no operator %s (perch operator list shows them)", email)
	}
	return o, err
}

// Reset gives an operator a new password, ends the sessions, and lets in again who was disabled.
func (s *Service) Reset(ctx context.Context, email, password string) (string, error) {
	o, err := s.find(ctx, email)
	if err != nil {
		return "", err
	}
	if password, err = chosen(password); err != nil {
		return "", err
	}
	hash := hashPassword(password)
	return password, s.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.store.SetOperatorPassword(ctx, tx, o.ID, hash); err != nil {
			return err
		}
		return s.record(ctx, tx, CommandLine, "operator.reset", o.Email)
	})
}

// Disable keeps an operator out from the next request on.
func (s *Service) Disable(ctx context.Context, email string) error {
	o, err := s.find(ctx, email)
	if err != nil {
		return err
	}
	if !o.DisabledAt.IsZero() {
		return nil
	}
	return s.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.store.DisableOperator(ctx, tx, o.ID, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, CommandLine, "operator.disabled", o.Email)
	})
}

func (s *Service) record(ctx context.Context, tx *sql.Tx, actor, action, detail string) error {
	return s.store.InsertAudit(ctx, tx, store.Audit{At: s.now(), Actor: actor, Action: action, Detail: detail})
}

// Link makes a link's secret that signs the operator in once, within half a day.
func (s *Service) Link(ctx context.Context, email string) (string, error) {
	o, err := s.find(ctx, email)
	if err != nil {
		return "", err
	}
	text, hash := access.NewSecret("")
	return text, s.store.InsertOperatorLink(ctx, o.ID, hash, s.now(), s.now().Add(linkFor))
}

// SignIn returns the secret of a new session.
func (s *Service) SignIn(ctx context.Context, email, password, remoteIP string) (string, error) {
	email, err := address(email)
	if err != nil || len(password) > maxPassword {
		return "", ErrRefused
	}
	settle, err := s.attempt(ctx, email, remoteIP)
	if err != nil {
		return "", err
	}
	o, err := s.store.OperatorByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	known := err == nil && o.PasswordHash != "" && o.DisabledAt.IsZero()
	if !known {
		o.PasswordHash = s.nobody()
	}
	right, err := s.check(ctx, o.PasswordHash, password)
	if err != nil {
		return "", err
	}
	if !known || !right {
		return "", ErrRefused
	}
	settle()
	return s.open(ctx, o, "signed_in", nil)
}

// SignInByLink is SignIn with a link.
func (s *Service) SignInByLink(ctx context.Context, secret, remoteIP string) (string, error) {
	settle, err := s.attempt(ctx, "", remoteIP)
	if err != nil {
		return "", err
	}
	text, err := s.open(ctx, store.Operator{}, "signed_in_by_link", func(tx *sql.Tx) (store.Operator, error) {
		return s.store.TakeOperatorLink(ctx, tx, access.HashSecret(secret), s.now())
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", ErrRefused
	}
	if err == nil {
		settle()
	}
	return text, err
}

// attempt counts an attempt. settle takes it back: only those that fail count.
func (s *Service) attempt(ctx context.Context, email, remoteIP string) (settle func(), err error) {
	type counted struct {
		key  limit.Key
		most int
	}
	counts := []counted{{limit.Key{Product: "console-network/" + network(remoteIP)}, triesPerNetwork}}
	if email != "" {
		counts = append(counts, counted{limit.Key{Product: "console-account/" + email}, triesPerAccount})
	}
	var back []func()
	settle = func() {
		for _, release := range back {
			release()
		}
	}
	for _, c := range counts {
		place, err := s.limits.Take(ctx, c.key, c.most, triesWindow)
		if err != nil {
			return nil, fmt.Errorf("counting attempts: %w", err)
		}
		if !place.OK {
			return nil, ErrTooMany
		}
		back = append(back, func() { _ = s.limits.Release(context.WithoutCancel(ctx), c.key, place.Ticket) })
	}
	return settle, nil
}

// network is what attempts are counted by: an address, or an IPv6 network.
func network(ip string) string {
	parsed := net.ParseIP(ip)
	if parsed == nil || parsed.To4() != nil {
		return ip
	}
	return parsed.Mask(net.CIDRMask(64, 128)).String()
}

// check hashes in turn, so that many attempts at once do not take all memory.
func (s *Service) check(ctx context.Context, hash, password string) (bool, error) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
		return checkPassword(hash, password)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *Service) open(ctx context.Context, o store.Operator, action string, find func(tx *sql.Tx) (store.Operator, error)) (string, error) {
	text, hash := access.NewSecret("")
	return text, s.store.Tx(ctx, func(tx *sql.Tx) (err error) {
		if find != nil {
			if o, err = find(tx); err != nil {
				return err
			}
		}
		if err := s.store.InsertOperatorSession(ctx, tx, o.ID, hash, s.now(), s.now().Add(-SessionFor)); err != nil {
			return err
		}
		return s.record(ctx, tx, o.Email, "operator."+action, "")
	})
}

// Session is a signed-in operator. Token goes into every form.
type Session struct {
	Operator Operator
	Token    string
}

// Session returns who is signed in with a cookie's value, or ErrSignedOut.
func (s *Service) Session(ctx context.Context, secret string) (Session, error) {
	if secret == "" {
		return Session{}, ErrSignedOut
	}
	hash, now := access.HashSecret(secret), s.now()
	row, err := s.store.OperatorSession(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, err
	}
	if now.Sub(row.SeenAt) > IdleFor || now.Sub(row.CreatedAt) > SessionFor {
		return Session{}, ErrSignedOut
	}
	if now.Sub(row.SeenAt) > seenEvery {
		if err := s.store.TouchOperatorSession(ctx, hash, now); err != nil {
			return Session{}, err
		}
	}
	return Session{Operator: shown(row.Operator), Token: token(secret)}, nil
}

// token follows from the session's secret, so that it needs no storage, and leads back to nothing.
func token(secret string) string {
	sum := sha256.Sum256([]byte("console form\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Owns reports whether a form carries the session's token.
func (s Session) Owns(token string) bool {
	return s.Token != "" && subtle.ConstantTimeCompare([]byte(s.Token), []byte(token)) == 1
}

// SignOut ends the session.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	hash := access.HashSecret(secret)
	row, err := s.store.OperatorSession(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.store.DeleteOperatorSession(ctx, tx, hash); err != nil {
			return err
		}
		return s.record(ctx, tx, row.Operator.Email, "operator.signed_out", "")
	})
}
