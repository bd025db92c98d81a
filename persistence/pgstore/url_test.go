package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWrongConnectionStringIsNotRepeated(t *testing.T) {
	t.Parallel()
	for connection, want := range map[string]string{
		"postgres://ann:hunter2@zebra@127.0.0.1/shop":             "%40",
		"postgres://ann:hunter2/zebra@127.0.0.1/shop":             "written with %",
		"postgres://ann:hunter2%zebra@db/shop":                    "written with %",
		"host=db password=hunter2 zebra dbname=shop":              "single quotes",
		"host=db password='hunter2 zebra":                         "neither a URL nor keywords",
		"mysql:x:hunter2@zebra":                                   "neither a URL nor keywords",
		"jdbc:postgresql://db/shop?user=zebra&password=hunter2":   "neither with postgres:// nor with postgresql://",
		"postgres://ann:hunter2@zebra/shop?sslmode=never":         "the value of sslmode",
		"postgres://ann:hunter2@zebra/s?target_session_attrs=all": "the value of target_session_attrs",
		"host=zebra port=many password=hunter2":                   "a port is not a number",
		"postgres://ann:hunter2@db/shop?zebra+crossing=1":         "the name of a parameter",
	} {
		_, err := PlaceOf(connection)
		require.ErrorContains(t, err, want, connection)
		require.Equal(t, BadURL, ObstacleOf(err))
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "zebra")
	}
}
