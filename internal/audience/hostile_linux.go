package audience

import (
	"net"
	"syscall"
)

// TCP states of Linux in which the other side has ended the connection.
const (
	tcpEstablished = 1
	tcpInfoLevel   = syscall.SOL_TCP
)

// reset reports whether the other side has ended a connection, without reading from it.
func reset(conn net.Conn) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	state := tcpEstablished
	err = raw.Control(func(fd uintptr) {
		info, err := syscall.GetsockoptInt(int(fd), tcpInfoLevel, syscall.TCP_INFO)
		if err != nil {
			state = 0
			return
		}
		state = info & 0xff
	})
	return err != nil || state != tcpEstablished
}
