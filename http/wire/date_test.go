package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/http/wire"
)

func TestParseDates_TakeTimesAndWholeDays(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 7, 14, 0, 0, 0, 0, time.UTC)
	noon := time.Date(2026, 7, 14, 12, 0, 0, 500_000_000, time.UTC)
	for text, want := range map[string][2]time.Time{
		"2026-07-14":                  {day, day.AddDate(0, 0, 1)},
		"2024-02-29":                  {time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)},
		"2026-07-14T12:00:00.5Z":      {noon, noon},
		"2026-07-14T21:00:00.5+09:00": {noon, noon},
	} {
		start, err := wire.ParseStart(text)
		require.NoError(t, err, text)
		end, err := wire.ParseEnd(text)
		require.NoError(t, err, text)
		require.Equal(t, want, [2]time.Time{start, end}, text)
	}
}

func TestParseDates_RefuseTheRest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "2026", "2026-7-14", "2026-02-30", "14.07.2026", "2026-07-14T12:00:00", "2026-07-14 12:00:00Z",
		"2026-07-14T12:00:00,5Z", "2026-07-14T1:00:00.00Z", "2026-07-14T25:00:00Z", "0000-01-01", "1969-12-31", "9999-01-01",
		"2026-07-14T12:00:00Z ", "yesterday!", "1789000000",
	} {
		_, err := wire.ParseStart(text)
		require.Error(t, err, text)
		_, err = wire.ParseEnd(text)
		require.Error(t, err, text)
	}
	_, err := wire.ParseEnd("2026-07-14T12:00:00 09:00")
	require.ErrorContains(t, err, "%2B")
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"2026-07-14", "2026-07-14T12:00:00.5+09:00", "2026-07-14T12:00:00Z", "9998-12-31", "-", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start, err := wire.ParseStart(text)
		if err != nil {
			return
		}
		end, err := wire.ParseEnd(text)
		require.NoError(t, err)
		require.False(t, end.Before(start))
		require.LessOrEqual(t, end.Sub(start), 24*time.Hour)
		again, err := wire.ParseStart(start.Format(time.RFC3339Nano))
		require.NoError(t, err)
		require.True(t, start.Equal(again))
	})
}
