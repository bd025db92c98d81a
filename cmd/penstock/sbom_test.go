package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSBOM(t *testing.T) {
	t.Parallel()
	made, err := newSBOM(&debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "example.org/shop", Version: "v1.2.3+dirty"},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v0.1.0", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
			{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v2.0.0"}},
		},
	})
	require.NoError(t, err)
	require.Equal(t, &sbom{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: sbomMetadata{sbomComponent{
			Type: "application", Ref: "pkg:golang/example.org/shop@v1.2.3+dirty", Name: "example.org/shop", Version: "v1.2.3+dirty",
			PURL: "pkg:golang/example.org/shop@v1.2.3+dirty",
		}},
		Components: []sbomComponent{
			{Type: "library", Ref: "pkg:golang/std@1.26.8", Name: "std", Version: "1.26.8", PURL: "pkg:golang/std@1.26.8"},
			{
				Type: "library", Ref: "pkg:golang/example.org/a@v0.1.0", Name: "example.org/a", Version: "v0.1.0", PURL: "pkg:golang/example.org/a@v0.1.0",
				Hashes: []sbomHash{{"SHA-256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
			},
			{Type: "library", Ref: "pkg:golang/example.org/c@v2.0.0", Name: "example.org/c", Version: "v2.0.0", PURL: "pkg:golang/example.org/c@v2.0.0"},
		},
	}, made)

	_, err = newSBOM(&debug.BuildInfo{Deps: []*debug.Module{{Path: "example.org/a", Sum: "h1:!"}}})
	require.ErrorContains(t, err, "example.org/a")

	code, stdout, stderr := runCommand(t, nil, "version", "--sbom")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, `"pkg:golang/std@`)
}
