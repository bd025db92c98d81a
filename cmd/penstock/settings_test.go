package main

import (
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

type gate struct {
	Name  func()        // wired by hand
	Width int           `default:"3" doc:"how wide it is"`
	Delay time.Duration `default:"5s" doc:"how long it waits"`
}

func TestSettings(t *testing.T) {
	t.Parallel()
	parse := func(t *testing.T, args ...string) gate {
		t.Helper()
		var options struct {
			Gate any `embed:"" prefix:"gate-"`
		}
		options.Gate = flagsOf(gate{})
		parser, err := kong.New(&options)
		require.NoError(t, err)
		_, err = parser.Parse(args)
		require.NoError(t, err)
		var config gate
		copyFlags(&config, options.Gate)
		return config
	}
	require.Equal(t, gate{Width: 3, Delay: 5 * time.Second}, parse(t))
	require.Equal(t, gate{Width: 7, Delay: time.Minute}, parse(t, "--gate-width=7", "--gate-delay", "1m"))
	require.Equal(t, "How wide it is.", sentence("how wide it is"))
}
