package access_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
)

func TestASecretHidesItself(t *testing.T) {
	t.Parallel()
	const text = "pk_hush"
	secret := access.NewSecret(text)
	within := struct {
		Key access.Secret
		Ptr *access.Secret
		own access.Secret // fmt cannot call methods of this one
	}{secret, &secret, secret}

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%20s", "%!"} {
		require.NotContains(t, fmt.Sprintf(verb, secret), text, verb)
		require.NotContains(t, fmt.Sprintf(verb, &secret), text, verb)
		require.NotContains(t, fmt.Sprintf(verb, within), text, verb)
		require.NotContains(t, fmt.Sprintf(verb, within), fmt.Sprintf("%x", text), verb)
	}
	require.NotContains(t, fmt.Sprint(secret)+fmt.Sprintln(within)+secret.String(), text)

	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("made", "key", secret, "in", within, "both", []access.Secret{secret})
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "key", secret, "in", within, "ptr", &secret)
	require.NotContains(t, logged.String(), text)
	require.Contains(t, logged.String(), "[redacted]")

	for _, value := range []any{secret, &secret, within, map[string]access.Secret{"k": secret}} {
		one, err := json.Marshal(value)
		require.NoError(t, err)
		two, err := jsonv2.Marshal(value)
		require.NoError(t, err)
		require.NotContains(t, string(one)+string(two), text)
	}

	require.Equal(t, text, secret.Reveal())
	require.False(t, secret.IsZero())
	require.True(t, access.NewSecret("").IsZero())
	require.True(t, access.Secret{}.IsZero())
}
