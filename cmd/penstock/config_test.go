package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigurationPageIsWhatTheBinaryPrints(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	code, stdout, stderr := runCommand(t, nil, "config")
	require.Equal(t, exitOK, code, stderr)
	if string(page) != stdout {
		t.Fatal(`docs/configuration.md is not what "penstock config" prints: run "make docs"`)
	}
}

func TestEverySettingOfThePackagesIsAnOption(t *testing.T) {
	t.Parallel()
	_, stdout, _ := runCommand(t, nil, "config")
	for _, flag := range []string{"--engine-command-timeout", "--engine-grains-max", "--http-body-max", "--store-cache-size"} {
		require.Contains(t, stdout, "| `"+flag+"` |")
	}
}
