package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestObstaclesOfOpen(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := free.Addr().String()
	require.NoError(t, free.Close())
	url := newDatabase(t)
	tests := map[string]struct {
		url  string
		want Obstacle
		says string
	}{
		"nobody answers":           {"postgres://ann:secret@" + nobody + "/shop", NoServer, "connection refused"},
		"no such database":         {another(t, url, "nowhere"), NoDatabase, `database "nowhere" does not exist`},
		"no such role":             {url + "&user=nobody_at_all", NotLetIn, ""},
		"a parameter that is none": {url + "&colour=red", BadURL, `unrecognized configuration parameter "colour"`},
		"a value that is none":     {url + "&synchronous_commit=maybe", BadURL, `"synchronous_commit"`},
		"no URL":                   {"postgres://%zz", BadURL, ""},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), Options{URL: tt.url})
			require.Equal(t, tt.want, ObstacleOf(err), "%v", err)
			require.Contains(t, Plain(err), tt.says)
			require.NotContains(t, Plain(err), "\n")
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// another returns the URL of another database on the same server.
func another(t *testing.T, url, database string) string {
	t.Helper()
	place, err := PlaceOf(url)
	require.NoError(t, err)
	return strings.Replace(url, "/"+place.Database, "/"+database, 1)
}

func TestObstacleOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want Obstacle
	}{
		{nil, NoObstacle},
		{errors.New("what"), NoObstacle},
		{context.Canceled, NoObstacle},
		{&SchemaError{Want: 1}, OtherSchema},
		{fmt.Errorf("open: %w: fsync is off", ErrUnsuitable), Unsuitable},
		{fmt.Errorf("open: %w", ErrHalfCopied), HalfCopied},
		{&pgconn.PgError{Code: "28P01"}, NotLetIn},
		{&pgconn.PgError{Code: "42501"}, NotAllowed},
		{&pgconn.PgError{Code: "53300"}, Busy},
		{&pgconn.PgError{Code: "57P03"}, NotReady},
		{&pgconn.PgError{Code: "23505"}, NoObstacle},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, ObstacleOf(tt.err), "%v", tt.err)
	}
}
