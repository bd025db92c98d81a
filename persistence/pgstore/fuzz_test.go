package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// FuzzDocuments: what stands in columns as JSON or packed is read or refused, whatever it is.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`{"items":[{"product":"019f5fda-c2fb-7000-8000-000000000002","name":"a","quantity":2,"unit_price":3}],"address":{"street":"s"},"note":"n"}`))
	f.Add([]byte(`{"reason":"r","product":{"name":"a","currency":"KRWX","attributes":{"a":1}}}`))
	f.Add([]byte(`[{"kind":1,"available":7},{}]`))
	f.Add(make([]byte, 2*secretBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		var order commerce.Order
		if readOrderDetail(&order, b) == nil {
			for i := range order.Items {
				require.NotEmpty(t, order.Items[i].Product.String())
			}
		}
		var event commerce.Event
		_ = readEvent(&event, b)
		_, _ = decodeOutcomes(nil, b, 2)
		if secrets, err := decodeSecrets(b); err == nil {
			require.Len(t, secrets, len(b)/secretBytes)
			require.Len(t, appendSecrets(nil, secrets), len(b))
		}
	})
}

// FuzzParseURL: a connection string is understood or refused, and what is said of it never holds the password.
func FuzzParseURL(f *testing.F) {
	f.Add("postgres://u:secret@localhost:5432/db?sslmode=disable")
	f.Add("host=localhost password='sec ret' dbname=x")
	f.Add("postgres://u:p@ss@h/db")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseURL(text); err != nil {
			require.NotEmpty(t, err.Error())
		}
	})
}
