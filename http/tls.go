package http

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificateInterval is how often the files of the certificate are looked at, at most.
const certificateInterval = time.Second

// certificate is the server's certificate and key. Their files are looked at again while the server runs, so
// that a renewed pair is used without a restart.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
	checked           atomic.Int64 // when the files were looked at last, in nanoseconds since 1970
	reading           atomic.Bool  // somebody looks at them

	// Of who is reading: the files as they were the last time, whether they were good or not.
	cert, key []byte
}

// openCertificate reads the pair, which must be good.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if _, err := c.read(); err != nil {
		return nil, err
	}
	c.checked.Store(time.Now().UnixNano())
	return c, nil
}

// read takes over what the files hold. It reports whether that is new.
func (c *certificate) read() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, fmt.Errorf("read the certificate: %w", err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, fmt.Errorf("read the certificate's key: %w", err)
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	c.cert, c.key = cert, key
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return true, fmt.Errorf("use the certificate in %s with the key in %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// get is tls.Config's GetCertificate. One handshake a second looks at the files; the others do not wait for it.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if now := time.Now().UnixNano(); now-c.checked.Load() >= int64(certificateInterval) && c.reading.CompareAndSwap(false, true) {
		changed, err := c.read()
		switch {
		case err != nil:
			c.log.Error("the new certificate cannot be used; the old one stays", "error", err)
		case changed:
			c.log.Info("the certificate has been renewed", "file", c.certFile)
		}
		c.checked.Store(time.Now().UnixNano())
		c.reading.Store(false)
	}
	return c.current.Load(), nil
}

// encryption returns what listeners encrypt with. HTTP/2 is not spoken here.
func (c *certificate) encryption() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}
