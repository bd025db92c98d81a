package pgstore

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

func TestOpenRefusesASchemaItDoesNotKnow(t *testing.T) {
	t.Parallel()
	newest, err := newestMigration()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		prepare func(t *testing.T, url string)
		found   int64
	}{
		"none": {func(*testing.T, string) {}, 0},
		"older": {func(t *testing.T, url string) {
			t.Helper()
			require.NoError(t, migrate(t.Context(), url))
			execute(t, url, `DELETE FROM penstock_schema WHERE version_id > 1`)
		}, 1},
		"newer": {func(t *testing.T, url string) {
			t.Helper()
			require.NoError(t, migrate(t.Context(), url))
			execute(t, url, `INSERT INTO penstock_schema (version_id, is_applied) VALUES ($1, true)`, newest+1)
		}, newest + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := shared.Database(t)
			c.prepare(t, url)
			_, err := Open(t.Context(), Options{URL: url})
			failure, ok := errors.AsType[*SchemaError](err)
			require.True(t, ok, err)
			require.Equal(t, SchemaError{Found: c.found, Want: newest}, *failure)
		})
	}
}

func TestMigrateIsDoneOnceAndTold(t *testing.T) {
	t.Parallel()
	url := shared.Database(t)
	before, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	taken, err := Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Len(t, taken, len(before))
	after, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	for i := range after {
		require.False(t, before[i].Applied)
		require.True(t, after[i].Applied)
	}
	taken, err = Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Empty(t, taken)
}

func TestMigrateRefusesBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	newer := newDatabase(t)
	execute(t, newer, `INSERT INTO penstock_schema (version_id, is_applied) VALUES (1000, true)`)
	_, err := Migrate(t.Context(), newer)
	require.Equal(t, OtherSchema, ObstacleOf(err))
	_, err = MigrationStatus(t.Context(), newer)
	require.Equal(t, OtherSchema, ObstacleOf(err))
	_, err = Migrate(t.Context(), shared.Database(t)+"&search_path=nope")
	require.ErrorIs(t, err, ErrUnsuitable)
	require.ErrorContains(t, err, "no schema of the search_path (nope) exists")
}

func TestMigrateTellsOfRowsThatAreInTheWay(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	month := monthOf(time.Now().UTC())
	execute(t, url, "DROP TABLE order_events_"+month.suffix)
	execute(t, url, `INSERT INTO order_events VALUES ($1, 1, 1, now(), '', NULL, 1, 1)`, month.from)
	_, err := Migrate(t.Context(), url)
	require.ErrorIs(t, err, ErrStrayRows)
	require.Equal(t, StrayRows, ObstacleOf(err))
}

func TestOpenRefusesAServerThatLosesWhatItHasAcknowledged(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{"fsync": "fsync = on", "full_page_writes": "full_page_writes = on"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			server, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{setting: "off"}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, server.Close()) })
			_, err = Open(t.Context(), Options{URL: server.URL("postgres")})
			require.ErrorIs(t, err, ErrUnsuitable)
			require.ErrorContains(t, err, want)
		})
	}
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		_, err := Open(t.Context(), Options{URL: newDatabase(t) + "&default_transaction_read_only=on"})
		require.ErrorIs(t, err, ErrUnsuitable)
		require.ErrorContains(t, err, "read-only")
	})
}
