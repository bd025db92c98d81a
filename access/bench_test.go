package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
)

func BenchmarkBearer(b *testing.B) {
	keys := newSigners(b)
	s := setup(b, keys)
	for range 999 {
		s.key(time.Time{})
	}
	_, text := s.key(time.Time{})
	token := s.sign(headerOf("RS256", "rsa"), s.claims(), s.rsa)
	for name, credential := range map[string][]byte{"key": []byte(text), "token": token} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Bearer(credential); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	who, err := s.Bearer([]byte(text))
	require.NoError(b, err)
	cookie, _, err := s.OpenSession(who)
	require.NoError(b, err)
	b.Run("session", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Session([]byte(cookie)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("valid", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !s.Valid(who) {
				b.Fatal("it has ended")
			}
		}
	})
}

func BenchmarkFirstToken(b *testing.B) {
	keys := newSigners(b)
	s := setup(b, keys, func(cfg *access.Config) { cfg.TokensMax = 1 })
	for alg, token := range map[string]func(n int) []byte{
		"RS256": func(n int) []byte { return s.sign(headerOf("RS256", "rsa"), with(s.claims(), "jti", n), s.rsa) },
		"ES256": func(n int) []byte { return s.sign(headerOf("ES256", "ec"), with(s.claims(), "jti", n), s.ec) },
		"EdDSA": func(n int) []byte { return s.sign(headerOf("EdDSA", "ed"), with(s.claims(), "jti", n), s.ed) },
	} {
		b.Run(alg, func(b *testing.B) {
			two := [][]byte{token(1), token(2)}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := s.Bearer(two[n%2]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkUnknownKey(b *testing.B) {
	s := setup(b, new(signers), func(cfg *access.Config) { cfg.Issuer, cfg.Audience = "", "" })
	credential := []byte("pk_00000000000000000000000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Bearer(credential); err == nil {
			b.Fatal("it is believed")
		}
	}
}
