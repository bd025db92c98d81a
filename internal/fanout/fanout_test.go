package fanout_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/fanout"
)

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestEachDoesEveryJobOnce(t *testing.T) {
	t.Parallel()
	var sum atomic.Int64
	err := fanout.Each(t.Context(), 7, slices.Values(numbers(1000)), func(_ context.Context, n int) error {
		sum.Add(int64(n))
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 499_500, sum.Load())
}

func TestEachKeepsToItsWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		err := fanout.Each(t.Context(), 3, slices.Values(numbers(30)), func(ctx context.Context, _ int) error {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			select { // a job of one second, in the bubble's time
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			now.Add(-1)
			return nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 3, most.Load())
	})
}

func TestEachEndsAtTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	begun := 0
	err := fanout.Each(t.Context(), 1, slices.Values(numbers(1000)), func(_ context.Context, n int) error {
		begun++
		if n == 3 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
	require.LessOrEqual(t, begun, 6, "the jobs in the queue may still be done, no more")
}

func TestEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	endless := func(yield func(int) bool) {
		for yield(0) {
		}
	}
	err := fanout.Each(ctx, 2, endless, func(context.Context, int) error {
		cancel(enough)
		return nil
	})
	require.ErrorIs(t, err, enough)
}
