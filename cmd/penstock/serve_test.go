package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())

	status, body := get(t, s.target+"/readyz")
	require.Equal(t, 200, status, body)
	status, body = get(t, s.target+"/metrics")
	require.Equal(t, 200, status)
	for _, metric := range []string{"go_goroutines", "process_open_fds", "penstock_"} {
		require.Contains(t, body, metric)
	}
	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	require.Contains(t, s.output.String(), "this address can be reached from this machine only")
	for _, message := range []string{"memory limit", "serving", "draining", "stopped"} {
		require.Equal(t, 1, strings.Count(s.logs.String(), `"message":"`+message+`"`), s.logs.String())
	}
	for _, line := range strings.Split(strings.TrimSpace(s.logs.String()), "\n") {
		require.True(t, json.Valid([]byte(line)), line)
	}
}

func TestServeDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data, "--demo")
	_, body := get(t, s.target+"/api/v2/products?per_page=1")
	require.Contains(t, body, `"total":200`)
	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	require.Contains(t, s.output.String(), "making 200 demo products")

	s = startServer(t, data, "--demo")
	status, answer := send(t, demoOrder(t, s))
	require.Equal(t, 201, status, answer)
	_, body = get(t, s.target+"/api/v2/products?per_page=1")
	require.Contains(t, body, `"total":200`)
	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	require.NotContains(t, s.output.String(), "demo products", "the store was not empty any more")

	code, stdout, stderr := runCommand(t, nil, "verify", "--data", data)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "checked 200 products, 1 orders")
}

// demoOrder reads the curl that a server printed, and makes the request it makes.
func demoOrder(t *testing.T, s *testServer) *http.Request {
	t.Helper()
	<-s.demoShown
	text := s.demo
	body := regexp.MustCompile(`(?s)-d '(\{.*?\})'`).FindStringSubmatch(text)
	require.Len(t, body, 2, text)
	url := regexp.MustCompile(`curl -i (\S+)`).FindStringSubmatch(text)
	require.Len(t, url, 2, text)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url[1], strings.NewReader(body[1]))
	require.NoError(t, err)
	for _, header := range regexp.MustCompile(`-H '([^:]+): ([^']+)'`).FindAllStringSubmatch(text, 3) {
		request.Header.Set(header[1], header[2])
	}
	require.NotEmpty(t, request.Header.Get("Idempotency-Key"))
	return request
}

func TestServeProfilesOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	s := startServer(t, t.TempDir(), "--pprof", address)
	status, body := get(t, "http://"+address+"/debug/pprof/cmdline")
	require.Equal(t, 200, status, body)
	status, _ = get(t, s.target+"/debug/pprof/cmdline")
	require.Equal(t, 404, status)
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	code, _, stderr := runCommand(t, nil, "serve", "--pprof", "0.0.0.0:0", "--data", t.TempDir())
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "Profiles are served on loopback only.")
}

func TestServeSaysWhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	busy := startServer(t, t.TempDir())
	tests := []struct {
		claim string
		args  []string
		code  int
		want  string
	}{
		{"an address that others can reach", []string{"--listen", "0.0.0.0:0"}, exitConfig, "Make a key first: penstock keys create"},
		{"such an address, and nobody to prove anything", []string{"--listen", "0.0.0.0:0", "--auth", "off"}, exitConfig, "can be reached from other machines"},
		{"proof for some and for nobody", []string{"--auth", "on", "--insecure-no-auth"}, exitConfig, "contradict each other"},
		{"an --auth that is none", []string{"--auth", "sometimes"}, exitConfig, "--auth must be auto, on or off"},
		{"an issuer that cannot be trusted", []string{"--auth-issuer", "http://login.example", "--auth-audience", "shop"}, exitConfig, "must begin with https://"},
		{"a rate that is none", []string{"--rate-read", "2000000000"}, exitConfig, "the rate of read is 2000000000"},
		{"an address that is in use", []string{"--listen", strings.TrimPrefix(busy.target, "http://")}, exitUnavailable, "Another process serves on this address."},
		{"an address that is none", []string{"--listen", "127.0.0.1:99999"}, exitConfig, "Give --listen another HOST:PORT"},
		{"a store that is none", []string{"--store", "oracle"}, exitConfig, `there is no store "oracle"`},
		{"a database that is not said", []string{"--store", "postgres"}, exitConfig, "--store postgres needs a database"},
		{"a database that would not be used", []string{"--database-url", "postgres://db/shop"}, exitConfig, "a database is given, but --store is pebble"},
		{"too many connections", []string{"--postgres-connections=21"}, exitConfig, "--postgres-connections must be from 2 to 20"},
		{"a timeout of no time", []string{"--postgres-read-timeout=0s"}, exitConfig, "--postgres-read-timeout must be more than nothing"},
		{"settings that are wrong, all of them", []string{"--engine-batch-max", "0", "--engine-commands-max=-1"}, exitConfig, "commands max"},
		{"a memtable that is too small", []string{"--store-mem-table-size=5"}, exitConfig, "--store-mem-table-size must be from"},
		{"a cache of less than nothing", []string{"--store-cache-size=-1"}, exitConfig, "--store-cache-size must not"},
		{"a drain of less than no time", []string{"--drain-timeout=-1s"}, exitConfig, "--drain-timeout must not be negative"},
		{"too little memory", []string{"--memory-limit=1000"}, exitConfig, "--memory-limit must be 0 or at least"},
		{"a setting of the HTTP server that is wrong", []string{"--http-access-log", "some"}, exitConfig, "all, errors or off"},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, tt.args...)
			code, stdout, stderr := runCommand(t, nil, args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.want)
			require.NotContains(t, stdout, "listening")
		})
	}
}

func TestServeRefusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	startServer(t, data)
	code, _, stderr := runCommand(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", data)
	require.Equal(t, exitUnavailable, code, stderr)
	require.Contains(t, stderr, "Another process uses this directory.")
	code, _, stderr = runCommand(t, nil, "verify", "--data", data)
	require.Equal(t, exitUnavailable, code, stderr)
	require.Contains(t, stderr, "a running server is verified with --target")
}

func TestServeRefusesADirectoryThatIsAFile(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.WriteFile(data, nil, 0o600))
	code, _, stderr := runCommand(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", data)
	require.Equal(t, exitIO, code, stderr)
	require.Contains(t, stderr, "open the store in "+data)
}

func TestServeRefusesADirectoryOfSomethingElse(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "letter.txt"), nil, 0o600))
	code, _, stderr := runCommand(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", data)
	require.Equal(t, exitIO, code, stderr)
	require.Contains(t, stderr, "choose the directory of a store, or an empty or new one")
}

func TestVerifyMakesNoStore(t *testing.T) {
	t.Parallel()
	letters := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(letters, "letter.txt"), nil, 0o600))
	for claim, data := range map[string]string{
		"an empty directory": t.TempDir(), "something else's": letters, "none": filepath.Join(t.TempDir(), "none"),
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			before, _ := os.ReadDir(data) // of a directory that is not there: nothing
			code, stdout, stderr := runCommand(t, nil, "verify", "--data", data)
			require.Equal(t, exitNoInput, code, stderr)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "There is no store in this directory, and none was made")
			after, _ := os.ReadDir(data)
			require.Len(t, after, len(before))
		})
	}
}

func TestADamagedStoreIsAnInputOutputError(t *testing.T) {
	t.Parallel()
	damages := map[string]struct {
		pattern string
		damage  func(name string) error
		want    string
	}{
		"a manifest is gone": {"MANIFEST-*", os.Remove, "A file of the store is missing."},
		"a table is gone":    {"*.sst", os.Remove, "A file of the store is missing."},
		"a table is overwritten": {
			"*.sst", func(name string) error { return os.WriteFile(name, make([]byte, 4096), 0o600) }, "store",
		},
	}
	for claim, tt := range damages {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			for range 2 { // the second start writes the first tables
				require.Equal(t, exitOK, startServer(t, data).stop(t))
			}
			names, err := filepath.Glob(filepath.Join(data, tt.pattern))
			require.NoError(t, err)
			require.NotEmpty(t, names)
			for _, name := range names {
				require.NoError(t, tt.damage(name))
			}
			for _, args := range [][]string{{"verify", "--data", data}, {"serve", "--listen", "127.0.0.1:0", "--data", data}} {
				code, _, stderr := runCommand(t, nil, args...)
				require.Equal(t, exitIO, code, stderr)
				require.Contains(t, stderr, tt.want)
			}
		})
	}
}

func TestANodeThatMustNotGoOnEnds(t *testing.T) {
	t.Parallel()
	options := newOptions()
	parser, err := newParser(options, newEnvironment(nil), io.Discard)
	require.NoError(t, err)
	_, err = parser.Parse([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()})
	require.NoError(t, err)
	p := &process{stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	n, err := options.Serve.open(t.Context(), p)
	require.NoError(t, err)

	n.fail(persistence.ErrFenced)
	n.fail(persistence.ErrClosed) // the first reason is the one to tell
	err = n.run(t.Context())
	require.ErrorIs(t, err, persistence.ErrFenced)
	code, hint := judge(err)
	require.Equal(t, exitNotAllowed, code)
	require.ErrorContains(t, err, "another penstock has taken over ")
	require.Contains(t, hint, "Nothing that was acknowledged is lost, and nothing is sold twice.")
}
