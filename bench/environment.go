package bench

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
)

// Environment says where figures come from: without it they cannot be compared.
type Environment struct {
	At          time.Time `json:"at"`
	CPU         string    `json:"cpu"`
	Cores       int       `json:"cores"`
	MemoryBytes uint64    `json:"memory_bytes"`
	OS          string    `json:"os"`
	Go          string    `json:"go"`
	Revision    string    `json:"revision,omitempty"` // of the source, where the build knows it
	Stores      []string  `json:"stores"`
	// FsyncsPerSecond is the median of probes in the same run, on the store's disk.
	FsyncsPerSecond float64 `json:"fsyncs_per_second"`

	Connections     int     `json:"connections"`
	Rounds          int     `json:"rounds"`
	DurationSeconds float64 `json:"duration_seconds"` // of each round
	Products        int     `json:"products"`
	Seed            uint64  `json:"seed"`
}

// fingerprint looks at the machine. What cannot be read stays empty.
func fingerprint() Environment {
	e := Environment{At: time.Now().UTC(), Cores: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if infos, err := cpu.Info(); err == nil && len(infos) > 0 {
		e.CPU = infos[0].ModelName
	}
	if memory, err := mem.VirtualMemory(); err == nil {
		e.MemoryBytes = memory.Total
	}
	if info, err := host.Info(); err == nil {
		e.OS = info.Platform + " " + info.PlatformVersion + ", " + info.OS + " " + info.KernelVersion
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			if setting.Key == "vcs.revision" {
				e.Revision = setting.Value
			}
		}
	}
	return e
}
