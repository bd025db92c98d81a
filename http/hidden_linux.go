package http

import (
	"syscall"
	"time"
)

// sleepUntil returns at a time, some 50 µs late. It takes a thread meanwhile.
func sleepUntil(moment time.Time) {
	for wait := time.Until(moment); wait > 0; wait = time.Until(moment) {
		left := syscall.NsecToTimespec(int64(wait))
		_ = syscall.Nanosleep(&left, nil) // a signal ends it early
	}
}
