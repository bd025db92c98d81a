//go:build !linux

package http

import "time"

// sleepUntil returns at a time. Other systems' timers are exact enough.
func sleepUntil(moment time.Time) { time.Sleep(time.Until(moment)) }
