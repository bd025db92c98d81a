package http

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestNew_NamesEveryFaultOfItsConfiguration(t *testing.T) {
	t.Parallel()
	_, err := New(Config{AccessLog: "some", BodyMax: 1, HeaderMax: -1, ConnectionsMax: -1, QueryTimeout: -1})
	for _, part := range []string{
		"Engine", "Logger", "Gatherer", "Registerer", "AccessLog", "BodyMax", "HeaderMax", "ConnectionsMax", "QueryTimeout",
	} {
		require.ErrorContains(t, err, part)
	}
	registry := prometheus.NewRegistry()
	cfg := Config{
		Engine: newFakeEngine(), Logger: slog.New(slog.DiscardHandler), Gatherer: registry, Registerer: registry,
	}
	_, err = New(cfg)
	require.NoError(t, err)
	_, err = New(cfg)
	require.ErrorContains(t, err, "register the metrics")
}

func TestNew_BoundsTheProductCache(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-1, 1<<16 - 1, 1<<36 + 1, math.MaxInt} {
		_, err := New(Config{Engine: newFakeEngine(), Logger: slog.New(slog.DiscardHandler), ProductCacheMax: size})
		require.ErrorContains(t, err, "ProductCacheMax is")
	}
}

// What the tags say of a default is what EnsureDefaults fills in.
func TestConfig_TagsTellTheDefaults(t *testing.T) {
	t.Parallel()
	var cfg Config
	cfg.EnsureDefaults()
	values := reflect.ValueOf(cfg)
	described := 0
	for i := range values.NumField() {
		field := values.Type().Field(i)
		tag, ok := field.Tag.Lookup("default")
		if !ok {
			continue
		}
		described++
		require.NotEmpty(t, field.Tag.Get("doc"), field.Name)
		want, got := tag, fmt.Sprint(values.Field(i).Interface())
		if d, isDuration := values.Field(i).Interface().(time.Duration); isDuration {
			parsed, err := time.ParseDuration(tag)
			require.NoError(t, err)
			want, got = parsed.String(), d.String()
		}
		require.Equal(t, want, got, field.Name)
	}
	require.Equal(t, 23, described)
}
