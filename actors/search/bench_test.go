package search

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchProducts = 100_000

func benchIndex(b *testing.B) *Index {
	b.Helper()
	x := New(sourceOf(corpus(benchProducts)))
	require.NoError(b, x.Update(slotsUpTo(benchProducts), noPause))
	return x
}

// cpuTime is what this process has used so far, in nanoseconds: others on the machine disturb it less than
// durations.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// BenchmarkBuild indexes 100,000 products, and says how much of the heap the index takes.
func BenchmarkBuild(b *testing.B) {
	docs := corpus(benchProducts)
	slots := slotsUpTo(benchProducts)
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	for b.Loop() {
		before, begun := heap(), cpuTime(b)
		x := New(sourceOf(docs))
		require.NoError(b, x.Update(slots, noPause))
		b.ReportMetric(float64(cpuTime(b)-begun)/1e9, "cpu-s/op")
		b.ReportMetric(heap()-before, "heap-MiB")
		runtime.KeepAlive(x)
	}
}

// BenchmarkSearch asks for what few, many and all products have.
func BenchmarkSearch(b *testing.B) {
	x, p := benchIndex(b), NewParser()
	for _, text := range []string{
		"kettle", "small", "shelf", "charcoal mug", "large wool blanket warm", "이어폰", "소형 무쇠 프라이팬",
		"ketle", "무선 이어펀", "chopping bord", "bookshelf speker nordik", "cas-000017", "solquojo", "zzzzzz", "warm dog tent kettle",
	} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			var hits []Hit
			before := cpuTime(b)
			for b.Loop() {
				q, err := p.Parse(text)
				require.NoError(b, err)
				hits, err = x.Search(q, hits[:0])
				require.NoError(b, err)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(len(hits)), "hits")
		})
	}
}

// BenchmarkSearchNothing asks for words that nothing has, each once.
func BenchmarkSearchNothing(b *testing.B) {
	x, p := benchIndex(b), NewParser()
	for _, letters := range []int{6, 12, wordRunesMax} {
		b.Run(fmt.Sprint(letters), func(b *testing.B) {
			b.ReportAllocs()
			random := rand.New(rand.NewPCG(2026, 11))
			text := make([]byte, letters)
			found := 0
			before := cpuTime(b)
			for b.Loop() {
				for i := range text {
					text[i] = byte('a' + random.IntN('z'-'a'+1))
				}
				q, err := p.Parse(string(text))
				require.NoError(b, err)
				hits, err := x.Search(q, nil)
				require.NoError(b, err)
				found += len(hits)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(found)/float64(b.N), "hits")
		})
	}
}

// BenchmarkSuggest completes words.
func BenchmarkSuggest(b *testing.B) {
	x, p := benchIndex(b), NewParser()
	for _, text := range []string{"k", "ke", "kett", "이", "이어", "cast iron p", "무선 이", "nordic ch", "cas-0000", "zzz"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			var hits []Hit
			before := cpuTime(b)
			for b.Loop() {
				q, err := p.ParseStart(text)
				require.NoError(b, err)
				hits, err = x.Suggest(q, hits[:0])
				require.NoError(b, err)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(len(hits)), "hits")
		})
	}
}

// BenchmarkUpdate changes one product of 100,000.
func BenchmarkUpdate(b *testing.B) {
	x := benchIndex(b)
	i := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 7919) % benchProducts
		require.NoError(b, x.Update([]uint32{i}, noPause))
	}
	_, segments := x.Documents()
	b.ReportMetric(float64(segments), "segments")
}
