package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

const (
	// memoryPercent is the part of the memory there is that the Go runtime may take before it
	// collects more often. The rest is for what it does not count: the store's cache and memtables,
	// and the page cache.
	memoryPercent = 70
	// memoryLimitMin is the least --memory-limit: with less the process would only collect garbage.
	memoryLimitMin = 64 << 20
)

// limitMemory sets the soft memory limit of the Go runtime to asked bytes. When that is 0 it leaves
// a limit that the environment sets (GOMEMLIMIT), or else takes a part of the memory there is.
func limitMemory(asked int64, log *slog.Logger) error {
	limit, source := asked, "--memory-limit"
	if asked == 0 {
		if value, ok := os.LookupEnv("GOMEMLIMIT"); ok {
			log.Info("memory limit", "logger", "penstock", "source", "GOMEMLIMIT", "value", value)
			return nil
		}
		machine, err := mem.VirtualMemory()
		if err != nil {
			return fmt.Errorf("read the size of the memory: %w", err)
		}
		limit, source = int64(machine.Total), "machine"
		if group := cgroupMemory(os.DirFS("/")); group > 0 && group < limit {
			limit, source = group, "cgroup"
		}
		limit = limit / 100 * memoryPercent
	}
	debug.SetMemoryLimit(limit)
	log.Info("memory limit", "logger", "penstock", "source", source, "bytes", limit)
	return nil
}

// cgroupMemory returns the least memory limit of this process's control group (version 2) and those
// above it, in bytes, or 0 when there is none. What cannot be read is no limit: there may be no
// control groups at all.
func cgroupMemory(root fs.FS) int64 {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var group string
	for line := range strings.Lines(string(membership)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			group = name
		}
	}
	const top = "sys/fs/cgroup"
	var least int64
	for dir := path.Join(top, path.Join("/", group)); strings.HasPrefix(dir, top); dir = path.Dir(dir) {
		text, err := fs.ReadFile(root, path.Join(dir, "memory.max"))
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // or the word max
		if err == nil && limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}
