package pgstore

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// BenchmarkCommit reports the processor time of this process and that of the server, apart.
func BenchmarkCommit(b *testing.B) {
	server, err := pgtest.Start(b.Context(), pgtest.Options{Settings: map[string]string{"max_wal_size": "4GB"}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	databases := 0
	storetest.Benchmark(b, func(b *testing.B) persistence.Store {
		databases++
		name := fmt.Sprintf("bench_%d", databases)
		require.NoError(b, server.CreateDatabase(b.Context(), name))
		require.NoError(b, migrate(b.Context(), server.URL(name)))
		s := openStore(b, server.URL(name))
		here, there := cpu(b), cpuOfServer(b, server)
		b.Cleanup(func() {
			b.ReportMetric(float64(cpu(b)-here)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(cpuOfServer(b, server)-there)/float64(b.N), "server-cpu-ns/op")
		})
		return s
	})
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	return cpuOf(b, os.Getpid())
}

// cpuOfServer adds up the processes of a server.
func cpuOfServer(b *testing.B, server *pgtest.Server) time.Duration {
	b.Helper()
	postmaster, err := process.NewProcess(int32(server.PID()))
	require.NoError(b, err)
	children, err := postmaster.Children()
	require.NoError(b, err)
	sum := cpuOf(b, server.PID())
	for _, p := range children {
		sum += cpuOf(b, int(p.Pid))
	}
	return sum
}

func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	p, err := process.NewProcess(int32(pid))
	require.NoError(b, err)
	times, err := p.Times()
	require.NoError(b, err)
	return time.Duration((times.User + times.System) * float64(time.Second))
}
