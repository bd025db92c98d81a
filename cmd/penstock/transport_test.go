package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// freeAddress returns an address of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestServeOperatorsAtTheirOwnAddress(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	s := startServer(t, t.TempDir(), "--operations-listen", address)
	for path, want := range map[string][2]int{
		"/metrics": {404, 200}, "/health": {404, 200}, "/livez": {200, 200}, "/api/v2/products": {200, 404}, "/debug/pprof/heap": {404, 200},
	} {
		status, _ := get(t, s.target+path)
		require.Equal(t, want[0], status, path)
		status, _ = get(t, "http://"+address+path)
		require.Equal(t, want[1], status, path)
	}
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	code, _, stderr := runCommand(t, nil, "serve", "--operations-listen", "0.0.0.0:0", "--data", t.TempDir())
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "--operations-listen")
}

func TestServeEncrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key)
	s := startServer(t, t.TempDir(), "--http-tls-cert", cert, "--http-tls-key", key)
	require.True(t, strings.HasPrefix(s.target, "https://"), s.target)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a test's own server
	defer client.CloseIdleConnections()
	response, err := client.Get(s.target + "/livez")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)
	require.NotEmpty(t, response.Header.Get("Strict-Transport-Security"))
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	for _, arguments := range [][]string{
		{"--http-tls-cert", cert},
		{"--http-tls-cert", cert, "--http-tls-key", cert},
		{"--http-tls-cert", cert, "--http-tls-key", key, "--benchmarks", "on"},
	} {
		code, _, _ := runCommand(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, arguments...)...)
		require.Equal(t, exitConfig, code, arguments)
	}
}

func writeCertificate(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
}
