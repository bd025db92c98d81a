package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what this binary was built from.
type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	SBOM bool `name:"sbom" help:"Print what this binary is made of, as CycloneDX JSON: a software bill of materials."`
}

// version is what a binary was built from, as the Go toolchain noted it.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified"`       // the work tree had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readVersion() version {
	v := version{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String writes the version in one line.
func (v version) String() string {
	return fmt.Sprintf("penstock %s (%s, %s)", v.Version, v.Go, v.Platform)
}

// Run prints the version.
func (c *versionCommand) Run(p *process) error {
	if c.SBOM {
		made, err := readSBOM()
		if err != nil {
			return err
		}
		return p.printJSON(made)
	}
	if c.JSON {
		return p.printJSON(readVersion())
	}
	p.printf("%s\n", readVersion())
	return nil
}

// printJSON prints a result for a script: one line.
func (p *process) printJSON(result any) error {
	line, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	p.printf("%s\n", line)
	return nil
}
