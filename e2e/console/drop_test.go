package console

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/store"
)

// unattended is an employer whose columns are known and whose files arrive by themselves.
func (w *world) unattended(t *testing.T, b *browser) employer {
	t.Helper()
	e := w.connect(t, "netchex", "Blue Bakery")
	b.send(e, sent{"people.csv", census}).post(b.at.Path+"/publish").settled().shows(200, "Published")
	return e
}

func (w *world) count(t *testing.T, e employer) any {
	t.Helper()
	_, directory := w.api(t, e, "/employer/directory")
	paging, _ := directory["paging"].(map[string]any)
	return paging["count"]
}

const fourth = "4,Dan,Reed,900-12-3004,1991-06-07,2018-01-05,Clerk,46000\n"

// later lets a second go by for the watched folders.
func (w *world) later(is func() bool) func() bool {
	return func() bool {
		w.clock.Advance(time.Second)
		return is()
	}
}

func TestAFileInAWatchedFolderIsPublishedByItself(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := setup(t, app.Config{Data: t.TempDir(), DropFolder: root})
	b := w.signedIn(t)
	e := w.unattended(t, b)
	folder := filepath.Join(root, e.connection.String())
	b.get(w.path(e)).shows(200, "Files that arrive by themselves").hides(folder)
	b.post(w.path(e)+"/drop", "folder", "yes").shows(200, "The settings were saved", folder)
	must(t, os.MkdirAll(folder, 0o700))
	write := func(name, content string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	gone := func(name string) bool {
		_, err := os.Lstat(filepath.Join(folder, name))
		return errors.Is(err, os.ErrNotExist)
	}
	secret := filepath.Join(t.TempDir(), "secret.csv")
	must(t, os.WriteFile(secret, []byte(census), 0o600))
	must(t, os.Symlink(secret, filepath.Join(folder, "link.csv")))
	write("weekly.csv.part", census)
	write("weekly.csv", census+fourth)
	eventually(t, w.later(func() bool { return w.count(t, e) == float64(4) }))
	eventually(t, func() bool { return gone("weekly.csv") })
	if gone("weekly.csv.part") || gone("link.csv") {
		t.Error("what is no finished file was taken")
	}
	must(t, os.Rename(filepath.Join(folder, "weekly.csv.part"), filepath.Join(folder, "again.csv")))
	eventually(t, w.later(func() bool { return gone("again.csv") }))

	// Other columns wait for a person, and so does a file of which most people are missing.
	write("other.csv", strings.Replace(census, "Job Title", "Role Code", 1))
	eventually(t, w.later(func() bool { return gone("other.csv") }))
	b = w.signedIn(t)
	eventually(t, func() bool { b.get("/console/queue?kind=file"); return strings.Contains(b.body, "File to check") })
	b.shows(200, "The columns are not those of the last file")
	if w.count(t, e) == float64(5) {
		t.Error("it was published")
	}
	log := w.audited(t)
	if joined := strings.Join(log, " "); !strings.Contains(joined, "upload.published folder") || !strings.Contains(joined, "upload.received watched folder") {
		t.Errorf("audited %v", log)
	}
}

func TestAFileThatIsTooLargeIsSetAside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := setup(t, app.Config{Data: t.TempDir(), DropFolder: root})
	w.Uploads.Limits.Bytes = 1 << 20
	b := w.signedIn(t)
	e := w.connect(t, "netchex", "Blue Bakery")
	b.get(w.path(e)).post(w.path(e)+"/drop", "folder", "yes").shows(200)
	folder := filepath.Join(root, e.connection.String())
	must(t, os.MkdirAll(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "large.csv"), []byte(strings.Repeat("x", 1<<20+1)), 0o600))
	eventually(t, w.later(func() bool {
		_, err := os.Stat(filepath.Join(folder, "large.csv.rejected"))
		return err == nil
	}))
	w.signedIn(t).get("/console/queue?kind=file").shows(200, "the file is larger than 1 MiB")
}

func (w *world) sftp(t *testing.T, login string, auth ssh.AuthMethod) (*sftp.Client, error) {
	t.Helper()
	conn, err := ssh.Dial("tcp", w.SFTPAddr(), &ssh.ClientConfig{User: login, Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := sftp.NewClient(conn)
	if err == nil {
		t.Cleanup(func() { _ = client.Close() })
	}
	return client, err
}

func TestFilesArriveOverSFTP(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.signedIn(t)
		e := w.unattended(t, b)
		public, private, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		key, err := ssh.NewPublicKey(public)
		must(t, err)
		b.get(w.path(e)).post(w.path(e)+"/drop", "key", "ssh-ed25519 nonsense").shows(400, "Public key: must be one line")
		b.get(w.path(e)).post(w.path(e)+"/drop", "key", string(ssh.MarshalAuthorizedKey(key))+" ", "password", "new").shows(200, "The new password is shown this once")
		_, after, _ := strings.Cut(b.body, `id="drop-password"><code>`)
		password, _, _ := strings.Cut(after, "<")
		drop, err := w.Store.Drop(t.Context(), w.client.ID, e.connection)
		must(t, err)
		b.get(w.path(e)).shows(200, drop.Login).hides(password)

		if _, err := w.sftp(t, drop.Login, ssh.Password("guess")); err == nil {
			t.Error("a wrong password gets in")
		}
		if _, err := w.sftp(t, "nobody", ssh.Password(password)); err == nil {
			t.Error("an unknown user gets in")
		}
		client, err := w.sftp(t, drop.Login, ssh.Password(password))
		must(t, err)
		put := func(name, content string) error {
			f, err := client.Create(name)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, strings.NewReader(content))
			return errors.Join(err, f.Close())
		}
		// There is nothing else to see and nowhere else to go.
		for _, path := range []string{"../../etc/passwd", "/etc/passwd", "/sub/people.csv"} {
			if _, err := client.Open(path); err == nil {
				t.Errorf("%s can be read", path)
			}
		}
		if err := put("/sub/people.csv", census); err == nil {
			t.Error("a folder was made up")
		}
		if list, err := client.ReadDir("/"); err != nil || len(list) != 0 {
			t.Errorf("listed %v %v", list, err)
		}
		must(t, put("people.csv.part", census+fourth))
		if w.count(t, e) != float64(3) {
			t.Error("a file was taken before it was renamed")
		}
		must(t, client.Rename("people.csv.part", "people.csv"))
		eventually(t, func() bool { return w.count(t, e) == float64(4) })
		if info, err := client.Stat("people.csv"); err != nil || info.Size() != int64(len(census+fourth)) {
			t.Errorf("stat %v %v", info, err)
		}
		if _, err := client.Open("people.csv"); err == nil {
			t.Error("a file can be read back")
		}

		signer, err := ssh.NewSignerFromKey(private)
		must(t, err)
		if client, err = w.sftp(t, drop.Login, ssh.PublicKeys(signer)); err != nil {
			t.Fatal(err)
		}
		must(t, put("more.csv", census+fourth+"5,Eve,Nash,900-12-3005,1991-06-07,2018-01-05,Clerk,45000\n"))
		eventually(t, func() bool { return w.count(t, e) == float64(5) })

		// A transfer that breaks leaves nothing behind.
		half, err := client.Create("half.csv")
		must(t, err)
		_, err = half.Write([]byte(census))
		must(t, err)
		must(t, client.Close())
		eventually(t, func() bool {
			list, err := w.Store.AbandonedUploads(t.Context(), w.clock.Now().AddDate(1, 0, 0), 10)
			return err == nil && len(list) == 0
		})
		// The data is there a moment before the upload says so.
		eventually(t, func() bool {
			uploads, err := w.Store.Uploads(t.Context(), w.client.ID, e.connection, 10)
			must(t, err)
			return len(uploads) == 3 && uploads[0].State == store.UploadPublished
		})
	})
}

func TestAShellIsNotServed(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	e := w.connect(t, "netchex", "Blue Bakery")
	b := w.signedIn(t)
	b.get(w.path(e)).post(w.path(e)+"/drop", "password", "new").shows(200)
	_, after, _ := strings.Cut(b.body, `id="drop-password"><code>`)
	password, _, _ := strings.Cut(after, "<")
	drop, err := w.Store.Drop(t.Context(), w.client.ID, e.connection)
	must(t, err)
	conn, err := ssh.Dial("tcp", w.SFTPAddr(), &ssh.ClientConfig{User: drop.Login, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	session, err := conn.NewSession()
	must(t, err)
	if err := session.Run("id"); err == nil {
		t.Error("a command was run")
	}
	if forwarded, err := conn.Dial("tcp", w.server.Listener.Addr().String()); err == nil {
		t.Error("a port was forwarded")
		_ = forwarded.Close()
	}
}
