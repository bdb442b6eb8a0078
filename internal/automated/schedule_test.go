package automated

import (
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

func TestConnectionsMadeTogetherAreSpreadOverTheDay(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	const connections = 10_000
	var perQuarter [96]int
	for range connections {
		id := perch.NewID()
		at := slot(id, made)
		wait := at.Sub(made)
		if wait <= 0 || wait > syncEvery {
			t.Fatalf("the first wait of %s is %s", id, wait)
		}
		perQuarter[int(wait/(15*time.Minute))%len(perQuarter)]++
		if next := slot(id, at); !next.Equal(at.Add(syncEvery)) {
			t.Fatalf("after %s comes %s", at, next)
		}
		if again := slot(id, at.Add(-time.Microsecond)); !again.Equal(at) {
			t.Fatalf("just before %s comes %s", at, again)
		}
	}
	// On average 104 begin in a quarter of an hour; half and twice as many are ten standard deviations off.
	for i, n := range perQuarter {
		if n < 52 || n > 208 {
			t.Errorf("%d of %d begin in quarter %d", n, connections, i)
		}
	}
}

func TestTheEndOfAJobIsThatOfItsWorstSync(t *testing.T) {
	t.Parallel()
	well := store.JobSync{State: store.SyncComplete}
	failedWith := func(e *perch.Error) store.JobSync {
		return store.JobSync{State: store.SyncFailed, ErrorName: e.Name, ErrorCode: e.Code}
	}
	reauth, rights, account, broken, gone := failedWith(perch.ErrReauthenticate), failedWith(perch.ErrPermissions),
		failedWith(perch.ErrAccountSetup), failedWith(perch.Internal(nil)), failedWith(perch.ErrInvalidToken)
	for name, test := range map[string]struct {
		syncs []store.JobSync
		want  perch.JobStatus
		open  bool
	}{
		"all well":                      {[]store.JobSync{well, well}, perch.JobComplete, false},
		"one is queued":                 {[]store.JobSync{well, {State: store.SyncPending}}, "", true},
		"one runs, one failed":          {[]store.JobSync{reauth, {State: store.SyncRunning}}, "", true},
		"old credentials weigh most":    {[]store.JobSync{broken, rights, reauth, well}, perch.JobReauthError, false},
		"missing rights weigh more":     {[]store.JobSync{broken, rights, well}, perch.JobPermissionsError, false},
		"a failure weighs more":         {[]store.JobSync{broken, well}, perch.JobError, false},
		"no account is a plain error":   {[]store.JobSync{account}, perch.JobError, false},
		"who was disconnected, and not": {[]store.JobSync{gone, well}, perch.JobComplete, false},
		"only disconnected ones":        {[]store.JobSync{gone}, perch.JobError, false},
		"nothing to sync":               {nil, perch.JobError, false},
	} {
		if got, over := combined(test.syncs); got != test.want || over == test.open {
			t.Errorf("%s: %q, over %t", name, got, over)
		}
	}
}
