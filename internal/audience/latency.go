package audience

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/torture"
)

// latency is what a histogram of the server tells: bounds within which so many of a hundred lie.
type latency struct {
	Count    int64
	P50, P99 time.Duration
}

// String tells the bounds.
func (l latency) String() string {
	return fmt.Sprintf("p50 <= %s, p99 <= %s of %d", l.P50, l.P99, l.Count)
}

const (
	deliveryMetric = "penstock_commit_to_delivery_seconds"
	// metricsPatience bounds the reading of the metrics.
	metricsPatience = 30 * time.Second
)

// deliveryOf reads the time from commit to delivery from the server's metrics.
func deliveryOf(ctx context.Context, address string) (l latency, err error) {
	text, err := metricsOf(ctx, address)
	if err != nil {
		return l, err
	}
	type bucket struct {
		bound time.Duration
		count int64
	}
	var buckets []bucket
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, deliveryMetric+`_bucket{le="`)
		if !found {
			continue
		}
		bound, count, _ := strings.Cut(rest, `"} `)
		n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
		if err != nil {
			return l, fmt.Errorf("%w: %q", torture.ErrAnswer, line)
		}
		l.Count = n
		if seconds, err := strconv.ParseFloat(bound, 64); err == nil && bound != "+Inf" {
			buckets = append(buckets, bucket{time.Duration(seconds * float64(time.Second)), n})
		}
	}
	within := func(share float64) time.Duration {
		for _, b := range buckets {
			if float64(b.count) >= share*float64(l.Count) {
				return b.bound
			}
		}
		return time.Hour
	}
	l.P50, l.P99 = within(.50), within(.99)
	return l, nil
}

func metricsOf(ctx context.Context, address string) (string, error) {
	conn, err := bench.Dial(ctx, address, metricsPatience)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	var answer bench.Answer
	if err := conn.SetDeadline(time.Now().Add(metricsPatience)); err != nil {
		return "", err
	}
	if err := conn.Do(bench.AppendRequest(nil, &bench.Request{Method: "GET", Path: "/metrics"}), &answer); err != nil {
		return "", err
	}
	return string(answer.Body), nil
}
