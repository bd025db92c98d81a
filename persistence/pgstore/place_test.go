package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		connection string
		text, url  string
		secret     bool
	}{
		"a URL": {
			"postgres://ann@db:5433/shop?sslmode=require",
			"shop on db:5433", "postgres://ann@db:5433/shop?sslmode=require", false,
		},
		"a URL with a password": {
			"postgresql://ann:s%40crt@db/shop", "shop on db:5432", "postgresql://ann@db/shop", true,
		},
		"a password as a parameter": {
			"postgres://ann@db/shop?password=secret&sslmode=disable",
			"shop on db:5432", "postgres://ann@db/shop?sslmode=disable", true,
		},
		"keywords": {
			"host=db port=5433 user=ann password=secret dbname=shop sslmode=disable",
			"shop on db:5433", "postgres://ann@db:5433/shop", true,
		},
		"a socket": {
			"host=/run/pg user=ann dbname=shop",
			"shop on /run/pg (port 5432)", "postgres://ann@/shop?host=%2Frun%2Fpg&port=5432", false,
		},
		"several hosts": {
			"postgres://ann:secret@a:1,b:2/shop?target_session_attrs=read-write",
			"shop on a:1", "postgres://ann@a:1,b:2/shop?target_session_attrs=read-write", true,
		},
		"no database": {"postgres://ann@db:5432", "ann on db:5432", "postgres://ann@db:5432", false},
		"an address of the sixth version": {
			"postgres://ann@[::1]:5432/shop", "shop on [::1]:5432", "postgres://ann@[::1]:5432/shop", false,
		},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			place, err := PlaceOf(tt.connection)
			require.NoError(t, err)
			require.Equal(t, tt.text, place.String())
			require.Equal(t, tt.url, place.URL)
			require.Equal(t, tt.secret, place.Secret)
			again, err := PlaceOf(place.URL)
			require.NoError(t, err)
			require.Equal(t, place.String(), again.String(), "the URL leads to the same place")
		})
	}
}

func TestAWrongURLIsTold(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://ann:secret@db/shop?sslmode=never", "postgres://ann:secret@db:port/shop", "ann:secret@db/shop",
	} {
		_, err := PlaceOf(url)
		require.Error(t, err)
		require.Equal(t, BadURL, ObstacleOf(err))
		require.NotContains(t, err.Error(), "secret")
	}
}
