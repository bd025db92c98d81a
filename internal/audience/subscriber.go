package audience

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/subscriber"
	"github.com/penstock-dev/penstock/internal/torture"
)

// The kinds of faults beside torture's.
const (
	FaultGap    torture.FaultKind = "gap"    // an event was left out
	FaultRepeat torture.FaultKind = "repeat" // an event came twice
	FaultClosed torture.FaultKind = "closed" // a good subscriber was closed, or a hostile one was not
	FaultFinal  torture.FaultKind = "final"  // the last event seen is not the order's last
)

// dial connects from one of the loopback's addresses. One address has some 28,000 ports, and the server
// counts subscribers by address.
func dial(ctx context.Context, address string, source int) (net.Conn, error) {
	dialer := net.Dialer{
		Timeout: subscriber.OpenPatience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+source))},
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", subscriber.ErrGone, err)
	}
	return conn, nil
}

// subscribe opens a WebSocket from one of the loopback's addresses.
func subscribe(ctx context.Context, address string, source int, path string) (*subscriber.Subscriber, error) {
	conn, err := dial(ctx, address, source)
	if err != nil {
		return nil, err
	}
	return subscriber.Open(conn, path)
}

// inOrder notes when a message is not about the event that follows the last one.
func inOrder(faults *torture.Faults, order commerce.ID, last uint64, m *subscriber.Message) bool {
	err := m.Follows(order.String(), last)
	if err == nil {
		return true
	}
	kind := torture.FaultAnswer
	switch {
	case errors.Is(err, subscriber.ErrRepeat):
		kind = FaultRepeat
	case errors.Is(err, subscriber.ErrGap):
		kind = FaultGap
	}
	faults.Add(kind, "%v", err)
	return false
}

func updatesOf(order commerce.ID) string { return subscriber.UpdatesOf(order.String()) }
