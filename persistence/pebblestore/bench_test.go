package pebblestore

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func BenchmarkCommit(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) persistence.Store {
		s, err := Open(b.Context(), Options{Dir: b.TempDir(), FreeSpaceMin: -1})
		require.NoError(b, err)
		start := cpu()
		b.Cleanup(func() {
			require.NoError(b, s.Close())
			b.ReportMetric(float64(cpu()-start)/float64(b.N), "cpu-ns/op")
		})
		return s
	})
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
