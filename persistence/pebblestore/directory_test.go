package pebblestore

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

func put(t *testing.T, fsys vfs.FS, name string) {
	t.Helper()
	require.NoError(t, fsys.MkdirAll(fsys.PathDir(name), 0o755))
	file, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestWhereAStoreIsMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   []string
		refused string
	}{
		"nowhere yet":                 {},
		"a fresh file system":         {files: []string{"lost+found"}},
		"a crash while it was made":   {files: []string{"LOCK", "marker.format-version.000001.013", "MANIFEST-000001"}},
		"somebody's notes":            {files: []string{"LOCK", "notes.txt"}, refused: "notes.txt"},
		"a store without a manifest":  {files: []string{"000004.sst"}, refused: "000004.sst"},
		"a journal without the store": {files: []string{"000002.log"}, refused: "000002.log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := small(vfs.NewMem())
			for _, file := range c.files {
				put(t, opts.FS, "data/"+file)
			}
			before, _ := opts.FS.List(opts.Dir)
			opts.MustExist = true
			_, err := Open(t.Context(), opts)
			require.ErrorIs(t, err, ErrNoStore)
			require.ErrorContains(t, err, "data holds no store")
			after, _ := opts.FS.List(opts.Dir)
			require.ElementsMatch(t, before, after, "nothing is made")

			opts.MustExist = false
			s, err := Open(t.Context(), opts)
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused+`" is in it; choose`)
				after, _ = opts.FS.List(opts.Dir)
				require.ElementsMatch(t, before, after, "nothing is made")
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.Close())
			put(t, opts.FS, "data/notes.txt") // does not matter to a store that is there
			opts.MustExist = true
			s, err = Open(t.Context(), opts)
			require.NoError(t, err)
			require.NoError(t, s.Close())
		})
	}
}

func TestCrashWhileAStoreIsMade(t *testing.T) {
	t.Parallel()
	disk := newFailingDisk()
	var mu sync.Mutex
	var left []*vfs.MemFS // by a power cut before each write
	disk.failWith(func(errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		rng := rand.New(rand.NewPCG(uint64(len(left)), 3))
		left = append(left, disk.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: len(left) % 3 * 50, RNG: rng}))
		return nil
	})
	opts := small(errorfs.Wrap(disk.mem, disk))
	s, err := Open(t.Context(), opts)
	require.NoError(t, err)
	disk.failWith(nil)
	require.NoError(t, s.Close())
	require.NotEmpty(t, left)
	for n, fsys := range left {
		opts.FS = fsys
		again, err := Open(t.Context(), opts)
		require.NoError(t, err, "before write %d", n)
		require.NoError(t, again.Close())
	}
}
