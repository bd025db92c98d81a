package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// newKey is the flags that make a key for an administrator.
func newKey(more ...string) []string {
	return append([]string{"keys", "create", "--name", "an admin", "--subject", "root", "--scope", "admin", "--scope", "orders:read,orders:any"}, more...)
}

func TestKeysOfAnEmbeddedStore(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "shop")
	keys := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		got, stdout, stderr := runCommand(t, nil, append(args, "--data", data)...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout, stderr
	}
	_, stderr := keys(exitNoInput, "keys", "list")
	require.Contains(t, stderr, "no store in this directory")

	stdout, stderr := keys(exitOK, newKey("--expires", "90d")...)
	require.Regexp(t, `^pk_[0-9a-f]{32}_[a-z2-7]{32}\n$`, stdout, "the key and nothing else")
	require.Contains(t, stderr, "acts as root and may do this: orders:read, orders:any, admin.")
	require.Contains(t, stderr, time.Now().Add(90*24*time.Hour).UTC().Format("2006-01-02"))
	require.NotContains(t, stderr, strings.TrimSpace(stdout))
	id, _, err := access.ParseKey(strings.TrimSpace(stdout))
	require.NoError(t, err)

	rotated, stderr := keys(exitOK, "keys", "rotate", id.String(), "--grace", "7d")
	require.NotEqual(t, stdout, rotated)
	require.Contains(t, stderr, "the one before ends at "+time.Now().Add(7*24*time.Hour).UTC().Format("2006-01-02"))
	list, _ := keys(exitOK, "keys", "list")
	require.Regexp(t, `(?m)^`+id.String()+`  rotating  root     an admin  \S+Z  orders:read orders:any admin$`, list)
	_, stderr = keys(exitOK, "keys", "rotate", id.String(), "--grace", "0s")
	require.Contains(t, stderr, "ended at once")

	revoked, _ := keys(exitOK, "keys", "revoke", id.String())
	require.Contains(t, revoked, id.String()+" (an admin) was revoked at ")
	again, _ := keys(exitOK, "keys", "revoke", id.String())
	require.Equal(t, revoked, again)
	_, stderr = keys(exitFailed, "keys", "rotate", id.String())
	require.Contains(t, stderr, "the key has been revoked")

	var all keyList
	list, _ = keys(exitOK, "keys", "list", "--json")
	require.NoError(t, json.Unmarshal([]byte(list), &all))
	require.Len(t, all.Keys, 1)
	require.EqualValues(t, 4, all.Keys[0].Version)
	require.NotNil(t, all.Keys[0].RevokedAt)
}

func TestKeysOfARunningServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	code, admin, stderr := runCommand(t, nil, append(newKey(), "--data", data)...)
	require.Equal(t, exitOK, code, stderr)
	admin = strings.TrimSpace(admin)
	server := startServer(t, data, "--auth", "on")
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(admin+"\n"), 0o600))

	code, _, stderr = runCommand(t, nil, "keys", "list", "--data", data)
	require.Equal(t, exitUnavailable, code)
	require.Contains(t, stderr, "A server uses this store. Ask it to do this: give --target, and a key with the scope admin")

	code, _, stderr = runCommand(t, nil, "keys", "list", "--target", server.target)
	require.Equal(t, exitNotAllowed, code, stderr)
	require.Contains(t, stderr, "PENSTOCK_KEY")
	code, _, stderr = runCommand(t, []string{"PENSTOCK_KEY=" + admin}, "keys", "list", "--target", server.target, "--key-file", file)
	require.Equal(t, exitConfig, code, stderr)
	require.NotContains(t, stderr, admin)

	code, made, stderr := runCommand(t, []string{"PENSTOCK_KEY=" + admin}, "keys", "create", "--target", server.target,
		"--name", "a till", "--subject", "till-1", "--scope", "orders:write", "--expires", "12h")
	require.Equal(t, exitOK, code, stderr)
	id, _, err := access.ParseKey(strings.TrimSpace(made))
	require.NoError(t, err)
	require.Contains(t, stderr, "acts as till-1 and may do this: orders:write.")

	withFile := func(args ...string) (int, string, string) {
		return runCommand(t, []string{"PENSTOCK_TARGET=" + server.target}, append(args, "--key-file", file)...)
	}
	code, rotated, stderr := withFile("keys", "rotate", id.String())
	require.Equal(t, exitOK, code, stderr)
	require.NotEqual(t, made, rotated)
	code, list, stderr := withFile("keys", "list")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `rotating  till-1   a till`, list)
	code, _, stderr = runCommand(t, []string{"PENSTOCK_KEY=" + strings.TrimSpace(rotated)}, "keys", "list", "--target", server.target)
	require.Equal(t, exitNotAllowed, code, "it lacks the scope")
	require.Contains(t, stderr, "403")
	code, gone, stderr := withFile("keys", "revoke", id.String())
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, gone, "was revoked at")
	code, _, stderr = runCommand(t, []string{"PENSTOCK_KEY=" + strings.TrimSpace(rotated)}, "keys", "list", "--target", server.target)
	require.Equal(t, exitNotAllowed, code)
	require.Contains(t, stderr, "401")
	code, _, stderr = withFile("keys", "revoke", commerce.IDFloor(time.UnixMilli(1)).String())
	require.Equal(t, exitFailed, code, stderr)
	code, _, stderr = withFile("keys", "create", "--name", "x", "--subject", "has space", "--scope", "admin")
	require.Equal(t, exitUsage, code, stderr)

	require.Equal(t, exitOK, server.stop(t))
	require.NotContains(t, server.logs.String(), strings.TrimSpace(made)[36:])
	require.NotContains(t, server.logs.String(), admin[36:])
}

func TestCommandsShowAServerTheirKey(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	code, key, stderr := runCommand(t, nil, "keys", "create", "--name", "a loader", "--subject", "loader", "--data", data,
		"--scope", "products:write,stock:write,orders:write,orders:read,admin")
	require.Equal(t, exitOK, code, stderr)
	server := startServer(t, data, "--auth", "on")
	products, orders := write(t, "products.csv", productsCSV), write(t, "orders.csv", ordersCSV)
	for _, command := range [][]string{{"import", "products", products}, {"replay", orders}, {"verify"}} {
		with := append(command, "--target", server.target)
		code, stdout, stderr := runCommand(t, nil, with...)
		require.NotEqual(t, exitOK, code, stdout+stderr)
		code, stdout, stderr = runCommand(t, []string{"PENSTOCK_KEY=" + strings.TrimSpace(key)}, with...)
		require.Equal(t, exitOK, code, stdout+stderr)
	}
}

func TestKeysOfADatabaseThatAServerUses(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	environ := []string{"PENSTOCK_STORE=postgres", "PENSTOCK_DATABASE_URL=" + url}
	server := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url, "--auth", "auto")

	code, made, stderr := runCommand(t, environ, newKey()...)
	require.Equal(t, exitOK, code, stderr)
	made = strings.TrimSpace(made)
	id, _, err := access.ParseKey(made)
	require.NoError(t, err)
	asAdmin := func() int {
		code, _, _ := runCommand(t, []string{"PENSTOCK_KEY=" + made}, "keys", "list", "--target", server.target)
		return code
	}
	require.Eventually(t, func() bool { return asAdmin() == exitOK }, startTimeout, 50*time.Millisecond)
	require.Equal(t, 201, makeProduct(t, server), "the server is the writer still")

	code, _, stderr = runCommand(t, environ, "keys", "revoke", id.String())
	require.Equal(t, exitOK, code, stderr)
	begun := time.Now()
	require.Eventually(t, func() bool { return asAdmin() == exitNotAllowed }, startTimeout, 20*time.Millisecond)
	t.Logf("a revocation beside the server was heeded after %s", time.Since(begun))
}

func TestWrongUseOfKeys(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	words := filepath.Join(t.TempDir(), "words")
	require.NoError(t, os.WriteFile(words, []byte("two words"), 0o600))
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	long := filepath.Join(t.TempDir(), "long")
	require.NoError(t, os.WriteFile(long, make([]byte, 10_000), 0o600))
	id := commerce.IDFloor(time.UnixMilli(1)).String()
	const target = "http://127.0.0.1:1"
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a scope that there is not": {newKey("--scope", "orders:eat"), exitUsage, `there is no scope "orders:eat"; there are orders:read`},
		"no name":                   {[]string{"keys", "create", "--subject", "a", "--scope", "admin"}, exitUsage, "missing flags: --name"},
		"a subject with a space":    {newKey("--subject", "a b", "--data", filepath.Join(t.TempDir(), "x")), exitUsage, "subject must be 1 to 128 visible ASCII"},
		"days that are none":        {newKey("--expires", "manyd"), exitUsage, "no number of days"},
		"a negative span":           {newKey("--expires=-3h"), exitUsage, "no span of time"},
		"a grace that is too long":  {[]string{"keys", "rotate", id, "--grace", "31days"}, exitUsage, "no span of time"},
		"an id that is none":        {[]string{"keys", "revoke", "1"}, exitUsage, "the key's id must be a UUID"},
		"the key itself":            {[]string{"keys", "revoke", "pk_0"}, exitUsage, "that is the key itself"},
		"an unknown store":          {[]string{"keys", "list", "--store", "redis"}, exitConfig, "there is no store"},
		"no database":               {[]string{"keys", "list", "--store", "postgres"}, exitConfig, "needs a database"},
		"no key file":               {[]string{"keys", "list", "--target", target, "--key-file", none}, exitNoInput, "read the key"},
		"a file of words":           {[]string{"keys", "list", "--target", target, "--key-file", words}, exitNoInput, "holds more than a key"},
		"an empty file":             {[]string{"keys", "list", "--target", target, "--key-file", empty}, exitNoInput, "is empty"},
		"a long file":               {[]string{"keys", "list", "--target", target, "--key-file", long}, exitNoInput, "too long"},
		"a target that is none":     {[]string{"keys", "list", "--target", "shop"}, exitUsage, "a target looks like"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runCommand(t, nil, tt.args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.says)
			require.Empty(t, stdout)
		})
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "0": 0, "0d": 0} {
		var s span
		require.NoError(t, s.UnmarshalText([]byte(text)))
		require.Equal(t, want, time.Duration(s), text)
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "99999999d", "-1h", "h"} {
		var s span
		require.Error(t, s.UnmarshalText([]byte(text)), text)
	}
}
