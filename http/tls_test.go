package http

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair is the files of a certificate and its key.
type pair struct{ cert, key string }

// newPair writes a certificate for this machine.
func newPair(t testing.TB, name string) pair {
	t.Helper()
	dir := t.TempDir()
	p := pair{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	p.renew(t, name)
	return p
}

// renew overwrites the files with a new certificate of a name.
func (p pair) renew(t testing.TB, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"penstock.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: cert}, p.key: {Type: "PRIVATE KEY", Bytes: der}} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
}

// setupTLS serves on a port of the loopback interface, encrypted. Its client does not check who answers.
func setupTLS(t testing.TB, change func(*Config)) (*testBundle, pair) {
	t.Helper()
	p := newPair(t, "first")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	dial := func() (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own server
	}
	return serve(t, ln, dial, func(c *Config) {
		c.TLSCert, c.TLSKey = p.cert, p.key
		if change != nil {
			change(c)
		}
	}), p
}

// addr returns where the server listens.
func (b *testBundle) addr(t testing.TB) string {
	t.Helper()
	var addr string
	require.Eventually(t, func() bool {
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		if len(b.server.mu.listeners[doorPublic]) == 0 {
			return false
		}
		addr = b.server.mu.listeners[doorPublic][0].Addr().String()
		return true
	}, 10*time.Second, time.Millisecond)
	return addr
}

func TestTLS_AnswersAndTellsBrowsersToComeEncryptedOnly(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, nil)
	c := connect(t, b)
	for range 3 {
		c.send(t, liveRequest)
		answer := c.receive(t)
		require.Equal(t, 200, answer.StatusCode())
		require.Equal(t, strictTransport, string(answer.Header.Peek("Strict-Transport-Security")))
	}
	state := c.Conn.(*tls.Conn).ConnectionState()
	require.EqualValues(t, tls.VersionTLS13, state.Version)
	plain := setupTCP(t, nil)
	require.Empty(t, plain.do(t, call{"GET", "/livez", "", nil}).field("Strict-Transport-Security"))
}

func TestTLS_SpeaksNothingOlderThan12(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, nil)
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", b.addr(t), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}) //nolint:gosec // that is tested
		require.Equal(t, ok, err == nil, "%x: %v", version, err)
		if err == nil {
			require.NoError(t, conn.Close())
		}
	}
	conn, err := tls.Dial("tcp", b.addr(t), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}) //nolint:gosec // a test's own server
	require.NoError(t, err)
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	require.NoError(t, conn.Close())
}

func TestTLS_SaysSoToWhoSpeaksPlainHTTP(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, nil)
	conn, err := net.Dial("tcp", b.addr(t))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, liveRequest)
	require.NoError(t, err)
	back, _ := io.ReadAll(conn) // cut off by a reset, perhaps, as what was sent has not been read
	require.Contains(t, string(back), "write https://")
	require.Empty(t, b.log.String(), "a handshake that failed is no request")
}

func TestTLS_AHandshakeThatDoesNotEndLosesItsPlace(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, func(c *Config) { c.ConnectionsMax, c.ReadTimeout = 1, 300*time.Millisecond })
	conn, err := net.Dial("tcp", b.addr(t))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte{22, 3, 1, 0, 200, 1})
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	begun := time.Now()
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.Less(t, time.Since(begun), 5*time.Second)
	require.Eventually(t, func() bool { return b.server.connections.count() == 0 }, 10*time.Second, time.Millisecond)
	c := connect(t, b)
	c.send(t, liveRequest)
	require.Equal(t, 200, c.receive(t).StatusCode())
	require.Empty(t, b.log.String()[:strings.Index(b.log.String()+"{", "{")])
}

// TestTLS_TakesARenewedPair waits for the second that must lie between two looks at the files.
func TestTLS_TakesARenewedPair(t *testing.T) {
	t.Parallel()
	b, p := setupTLS(t, nil)
	name := func() string {
		conn, err := b.dial()
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	require.Equal(t, "first", name())
	p.renew(t, "second")
	require.Eventually(t, func() bool { return name() == "second" }, 10*time.Second, 50*time.Millisecond)
	require.Contains(t, b.log.String(), "the certificate has been renewed")

	require.NoError(t, os.WriteFile(p.key, []byte("broken"), 0o600))
	require.Eventually(t, func() bool {
		require.Equal(t, "second", name(), "the old one stays")
		return strings.Contains(b.log.String(), "the new certificate cannot be used")
	}, 10*time.Second, 50*time.Millisecond)
	require.Contains(t, b.log.String(), `"level":"ERROR"`)
	p.renew(t, "third")
	require.Eventually(t, func() bool { return name() == "third" }, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, 1, strings.Count(b.log.String(), "cannot be used"), "a fault is told once")
}

func TestNew_RefusesACertificateThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	good, other := newPair(t, "a"), newPair(t, "b")
	for fault, p := range map[string]pair{
		"must be given together":     {cert: good.cert},
		"read the certificate:":      {cert: good.cert + "x", key: good.key},
		"read the certificate's key": {cert: good.cert, key: good.key + "x"},
		"use the certificate":        {cert: good.cert, key: other.key},
	} {
		_, err := New(Config{
			Engine: newFakeEngine(), Logger: slog.New(slog.DiscardHandler), Registerer: noRegisterer{},
			Gatherer: setup(t, nil).registry, TLSCert: p.cert, TLSKey: p.key,
		})
		require.ErrorContains(t, err, fault)
	}
}

// Whoever does not read, or is silent, does not delay the end of an encrypted server.
func TestTLS_ShutdownDoesNotWaitForClients(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, nil)
	silent, err := net.Dial("tcp", b.addr(t))
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	used := connect(t, b)
	used.send(t, liveRequest)
	require.Equal(t, 200, used.receive(t).StatusCode())
	begun := time.Now()
	require.NoError(t, b.server.Shutdown(context.Background()))
	require.Less(t, time.Since(begun), 2*time.Second)
}

// What a refused request still sends is read for a while, encrypted as it is, so that the answer arrives.
func TestTLS_ARefusalArrivesWhole(t *testing.T) {
	t.Parallel()
	b, _ := setupTLS(t, nil)
	conn, err := b.dial()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = io.WriteString(conn, "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n")
		sendMany(conn, make([]byte, 16<<10), 4_000_000)
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, " 413 ")
}
