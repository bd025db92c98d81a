package access_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
)

func TestABucketHoldsTwoSeconds(t *testing.T) {
	t.Parallel()
	for class, perSecond := range map[access.Class]int{
		access.ClassRead: 1000, access.ClassWrite: 200, access.ClassExport: 1, access.ClassAnalytics: 5, access.ClassRefused: 10,
	} {
		t.Run(class.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := access.NewLimiter(access.Rates{})
				for i := range 2 * perSecond {
					d := l.Take("ann", class)
					require.True(t, d.Allowed)
					require.Equal(t, perSecond, d.Limit)
					require.Equal(t, 2*perSecond-1-i, d.Remaining)
					require.InDelta(t, time.Duration(i+1)*time.Second/time.Duration(perSecond), d.Reset, 10)
					require.Zero(t, d.RetryAfter)
				}
				d := l.Take("ann", class)
				require.False(t, d.Allowed)
				require.Zero(t, d.Remaining)
				require.InDelta(t, time.Second/time.Duration(perSecond), d.RetryAfter, 10)
				require.InDelta(t, 2*time.Second, d.Reset, 10)
				require.True(t, l.Take("kim", class).Allowed, "callers are apart")

				time.Sleep(d.RetryAfter) //nolint:forbidigo // the bubble's clock
				require.True(t, l.Take("ann", class).Allowed, "who waits that long has waited long enough")
				require.False(t, l.Take("ann", class).Allowed)
				time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
				require.Equal(t, 2*perSecond-1, l.Take("ann", class).Remaining)
			})
		})
	}
}

func TestClassesAreApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := access.NewLimiter(access.Rates{})
		for l.Take("ann", access.ClassExport).Allowed {
		}
		require.True(t, l.Take("ann", access.ClassRead).Allowed)
	})
}

func TestWhatHasNoRateIsNotLimited(t *testing.T) {
	t.Parallel()
	l := access.NewLimiter(access.Rates{Export: -1})
	for range 100 {
		for _, class := range []access.Class{access.ClassNone, access.ClassExport, access.ClassRefused + 1} {
			require.Equal(t, access.Decision{Allowed: true}, l.Take("ann", class))
		}
	}
}

func TestCallersAreForgottenTheLongestIdleFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := access.NewLimiter(access.Rates{Export: 1, CallersMax: 3})
		drain := func(caller string) {
			for l.Take(caller, access.ClassExport).Allowed {
			}
		}
		for _, caller := range []string{"a", "b", "c", "a", "d"} {
			drain(caller)
		}
		require.False(t, l.Take("a", access.ClassExport).Allowed)
		require.True(t, l.Take("b", access.ClassExport).Allowed, "it was idle for the longest time")
	})
}

func TestRatesAreChecked(t *testing.T) {
	t.Parallel()
	rates := access.Rates{Read: -1, CallersMax: 1}
	rates.EnsureDefaults()
	require.NoError(t, rates.Validate())
	rates = access.Rates{Write: 2_000_000_000, CallersMax: -1}
	rates.EnsureDefaults()
	err := rates.Validate()
	require.ErrorContains(t, err, "write")
	require.ErrorContains(t, err, "CallersMax")
}

func BenchmarkLimiter(b *testing.B) {
	for _, callers := range []int{1, 10_000, 200_000} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l := access.NewLimiter(access.Rates{})
			names := make([]string, callers)
			for i := range names {
				names[i] = fmt.Sprintf("caller-%d", i)
				l.Take(names[i], access.ClassRead)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				l.Take(names[i], access.ClassRead)
				if i++; i == len(names) {
					i = 0
				}
			}
		})
	}
}
