package pgstore

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		severity, code string
		want           bool
	}{
		"the transaction is taken back":    {"ERROR", "23505", true},
		"the connection has ended":         {"FATAL", "57P01", false},
		"a commit may have been cancelled": {"ERROR", codeCanceled, false},
		"a proxy has lost the server":      {"ERROR", "08P01", false},
		"a proxy that gives no code":       {"ERROR", "", false},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			failure := &pgconn.PgError{Severity: tt.severity, Code: tt.code}
			require.Equal(t, tt.want, refusal(failure) != nil)
			require.False(t, tt.code == "" && (needsCare(failure) || isOutside(failure)))
		})
	}
}
