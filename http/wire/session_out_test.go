package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func TestSession_SaysWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	who := commerce.Principal{Subject: `de"sk`, Customer: "ann", Scopes: commerce.ScopeOrdersRead | commerce.ScopeAdmin}
	until := time.Date(2026, 7, 14, 9, 0, 0, 123_000_000, time.UTC)
	require.JSONEq(t, `{"subject":"de\"sk","customer":"ann","scopes":["orders:read","admin"],"expires_at":"2026-07-14T09:00:00.123Z"}`,
		string(wire.AppendSession(nil, &who, until)))
	require.JSONEq(t, `{"subject":"","customer":"","scopes":[],"expires_at":null}`,
		string(wire.AppendSession(nil, new(commerce.Principal), time.Time{})))
}

func TestTicket_IsShownWithItsEnd(t *testing.T) {
	t.Parallel()
	text := wire.AppendTicket(nil, "abc", time.Date(2026, 7, 14, 9, 0, 0, 0, time.UTC))
	require.True(t, json.Valid(text))
	require.JSONEq(t, `{"ticket":"abc","expires_at":"2026-07-14T09:00:00.000Z"}`, string(text))
}
