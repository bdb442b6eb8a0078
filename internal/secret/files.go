package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the size in bytes of every key.
const KeySize = 32

// LoadKeyFile reads a base64 key file. If it does not exist and create is set, it is made with a fresh
// key; processes that start together agree on one.
func LoadKeyFile(path string, create bool) ([KeySize]byte, error) {
	key, err := readKeyFile(path)
	if !create || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := writeKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return key, fmt.Errorf("making the key file %s: %w", path, err)
	}
	return readKeyFile(path)
}

func readKeyFile(path string) (key [KeySize]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, fmt.Errorf("reading the key file: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != KeySize {
		return key, fmt.Errorf("the key file %s does not hold %d bytes in base64: restore it from a backup", path, KeySize)
	}
	return [KeySize]byte(raw), nil
}

// writeKeyFile links a complete file into place, so that no reader sees half a key and no second
// writer replaces the first one's.
func writeKeyFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var key [KeySize]byte
	_, _ = rand.Read(key[:])
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-key-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Link(temporary.Name(), path)
}
