//go:build !linux

package audience

import (
	"errors"
	"net"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

// reset cannot tell here without reading or writing; a write that fails tells as well.
func reset(conn net.Conn) bool {
	_, err := conn.Write([]byte{0})
	return err != nil && errors.Is(subscriber.Gone(err), subscriber.ErrGone)
}
