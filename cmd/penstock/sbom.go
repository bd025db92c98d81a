package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
)

// sbom is what a binary is made of, as CycloneDX 1.6 (ECMA-424) writes it: the modules that the Go toolchain
// has noted in it, the standard library included. It holds no time and no random number, so that the same
// binary always prints the same.
type sbom struct {
	Format      string          `json:"bomFormat"`
	SpecVersion string          `json:"specVersion"`
	Version     int             `json:"version"`
	Metadata    sbomMetadata    `json:"metadata"`
	Components  []sbomComponent `json:"components"`
}

type sbomMetadata struct {
	Component sbomComponent `json:"component"`
}

type sbomComponent struct {
	Type    string     `json:"type"`
	Ref     string     `json:"bom-ref"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	PURL    string     `json:"purl"`
	Hashes  []sbomHash `json:"hashes,omitempty"`
}

type sbomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// readSBOM tells what this binary is made of.
func readSBOM() (*sbom, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, fmt.Errorf("this binary does not tell what it was built from: build it with Go modules")
	}
	return newSBOM(info)
}

func newSBOM(info *debug.BuildInfo) (*sbom, error) {
	main, err := newComponent("application", &info.Main)
	if err != nil {
		return nil, err
	}
	made := &sbom{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: sbomMetadata{Component: *main}}
	library := &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
	for _, module := range append([]*debug.Module{library}, info.Deps...) {
		if module.Replace != nil {
			module = module.Replace
		}
		component, err := newComponent("library", module)
		if err != nil {
			return nil, err
		}
		made.Components = append(made.Components, *component)
	}
	return made, nil
}

// newComponent describes a module. Its sum is that of go.sum: a SHA-256 over the hashes of its files.
func newComponent(kind string, module *debug.Module) (*sbomComponent, error) {
	purl := "pkg:golang/" + module.Path + "@" + url.PathEscape(module.Version)
	component := &sbomComponent{Type: kind, Ref: purl, Name: module.Path, Version: module.Version, PURL: purl}
	if sum, found := strings.CutPrefix(module.Sum, "h1:"); found {
		digest, err := base64.StdEncoding.DecodeString(sum)
		if err != nil {
			return nil, fmt.Errorf("read the sum of module %s: %w", module.Path, err)
		}
		component.Hashes = []sbomHash{{Algorithm: "SHA-256", Content: hex.EncodeToString(digest)}}
	}
	return component, nil
}
