package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
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
	Kernel      string    `json:"kernel,omitempty"`
	Go          string    `json:"go"`
	Version     string    `json:"version,omitempty"`  // of the program that was measured
	Revision    string    `json:"revision,omitempty"` // of its source, where its build knows it
	Modified    bool      `json:"modified,omitempty"` // the source had changes
	Stores      []string  `json:"stores"`
	Peers       []string  `json:"peers,omitempty"`
	// Postgres and Redis are the versions and those settings that figures depend on.
	Postgres map[string]string `json:"postgres,omitempty"`
	Redis    map[string]string `json:"redis,omitempty"`
	// FsyncsPerSecond is the median of probes in the same run, on the store's disk.
	FsyncsPerSecond float64 `json:"fsyncs_per_second"`

	Connections     int     `json:"connections"`
	Rate            float64 `json:"rate,omitempty"` // of an open loop, requests a second
	Rounds          int     `json:"rounds"`
	DurationSeconds float64 `json:"duration_seconds"` // of each round
	WarmUpSeconds   float64 `json:"warm_up_seconds"`
	Products        int     `json:"products"`
	Orders          int     `json:"orders"`                // that were stored before
	Subscribers     int     `json:"subscribers,omitempty"` // of the scenario fan-out
	Seed            uint64  `json:"seed"`
}

// Machine looks at the machine that this process runs on. What cannot be read stays empty.
func Machine() Environment {
	e := Environment{At: time.Now().UTC(), Cores: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if infos, err := cpu.Info(); err == nil && len(infos) > 0 {
		e.CPU = infos[0].ModelName
	}
	if memory, err := mem.VirtualMemory(); err == nil {
		e.MemoryBytes = memory.Total
	}
	if info, err := host.Info(); err == nil {
		e.OS, e.Kernel = info.Platform+" "+info.PlatformVersion+", "+info.OS+"/"+runtime.GOARCH, info.KernelVersion
	}
	return e
}

// fingerprint looks at the machine, and at the program that is measured. What cannot be read stays empty.
func fingerprint(ctx context.Context, cfg *Config) Environment {
	e := Machine()
	e.Stores, e.Peers, e.Connections, e.Rate, e.Rounds = cfg.Stores, cfg.Peers, cfg.Connections, cfg.Rate, cfg.Rounds
	e.DurationSeconds, e.WarmUpSeconds = cfg.Duration.Seconds(), cfg.WarmUp.Seconds()
	e.Products, e.Orders, e.Subscribers, e.Seed = cfg.Products, cfg.Orders, cfg.Subscribers, cfg.Seed
	var version struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Modified bool   `json:"modified"`
		Go       string `json:"go"`
	}
	output, err := exec.CommandContext(ctx, cfg.Executable, "version", "--json").Output()
	if err == nil && json.Unmarshal(output, &version) == nil {
		e.Version, e.Revision, e.Modified, e.Go = version.Version, version.Revision, version.Modified, version.Go
	}
	return e
}

// write prints the environment for a person.
func (e *Environment) write(w io.Writer) {
	revision := e.Revision
	if e.Modified {
		revision += " with changes"
	}
	fmt.Fprintf(w, "%s, %d cores, %.0f GB, %s %s; %s, penstock %s %s\n",
		e.CPU, e.Cores, float64(e.MemoryBytes)/(1<<30), e.OS, e.Kernel, e.Go, e.Version, revision)
	loop := "closed loop"
	if e.Rate > 0 {
		loop = fmt.Sprintf("open loop at %.0f/s", e.Rate)
	}
	audience := ""
	if e.Subscribers > 0 {
		audience = fmt.Sprintf("; %d subscribers in fan-out", e.Subscribers)
	}
	fmt.Fprintf(w, "%.0f fsyncs/s; %d connections, %s, %d rounds of %g s; %d products, %d orders stored before%s\n",
		e.FsyncsPerSecond, e.Connections, loop, e.Rounds, e.DurationSeconds, e.Products, e.Orders, audience)
	for _, s := range []struct {
		name     string
		settings map[string]string
	}{{"PostgreSQL", e.Postgres}, {"Redis", e.Redis}} {
		if len(s.settings) == 0 {
			continue
		}
		var list []string
		for _, name := range slices.Sorted(maps.Keys(s.settings)) {
			list = append(list, name+" "+s.settings[name])
		}
		fmt.Fprintf(w, "%s: %s\n", s.name, strings.Join(list, ", "))
	}
}
