package secret

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAKeyFileIsMadeOnceForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "keys", "master.key")
	key, err := LoadKeyFile(path, true)
	must(t, err)
	if key == [KeySize]byte{} {
		t.Error("the key is zero")
	}
	again, err := LoadKeyFile(path, true)
	if err != nil || again != key {
		t.Errorf("the second reading gives another key, or %v", err)
	}
	for path, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", filepath.Base(path), info.Mode(), want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(left) != 1 {
		t.Errorf("making the key left %d files", len(left))
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if want := base64.StdEncoding.EncodeToString(key[:]) + "\n"; string(text) != want {
		t.Error("the file does not hold the key in base64 on one line")
	}
}

func TestProcessesThatStartTogetherAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(t.TempDir(), "keys", "id.key")
		start := make(chan struct{})
		var all sync.WaitGroup
		var got [8][KeySize]byte
		for i := range got {
			all.Go(func() {
				<-start
				key, err := LoadKeyFile(path, true)
				if err != nil {
					t.Error(err)
				}
				got[i] = key
			})
		}
		close(start)
		all.Wait()
		for i := range got {
			if got[i] != got[0] {
				t.Fatalf("reader %d has another key", i)
			}
		}
	}
}

func TestAKeyFileThatIsDamagedIsRefused(t *testing.T) {
	t.Parallel()
	whole := base64.StdEncoding.EncodeToString(make([]byte, KeySize))
	for name, text := range map[string]string{
		"is empty":           "",
		"is cut short":       whole[:20],
		"holds a short key":  base64.StdEncoding.EncodeToString(make([]byte, KeySize-1)),
		"holds a long key":   base64.StdEncoding.EncodeToString(make([]byte, KeySize+1)),
		"is not base64":      strings.Repeat("!", len(whole)),
		"holds the raw key":  strings.Repeat("\xfe", KeySize),
		"holds two keys":     whole + "\n" + whole,
		"is in URL's base64": strings.Repeat("-_", 22),
	} {
		t.Run("when it "+name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "master.key")
			must(t, os.WriteFile(path, []byte(text), 0o600))
			key, err := LoadKeyFile(path, true)
			if err == nil || key != [KeySize]byte{} {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
				t.Errorf("the error does not say which file, or what to do: %v", err)
			}
			if len(text) > 8 && strings.Contains(err.Error(), text[:8]) {
				t.Errorf("the error shows the file: %v", err)
			}
			kept, err := os.ReadFile(path)
			if err != nil || string(kept) != text {
				t.Errorf("the file was changed, or %v", err)
			}
		})
	}
}

func TestSpaceAroundAKeyDoesNotMatter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "id.key")
	want := [KeySize]byte{1, 2, 3}
	must(t, os.WriteFile(path, []byte("\r\n "+base64.StdEncoding.EncodeToString(want[:])+" \r\n"), 0o600))
	if key, err := LoadKeyFile(path, true); err != nil || key != want {
		t.Errorf("another key, or %v", err)
	}
}

func TestAKeyThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(blocked, nil, 0o600))
	if _, err := LoadKeyFile(filepath.Join(blocked, "keys", "id.key"), true); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("got %v", err)
	}
}
