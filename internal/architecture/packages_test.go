package architecture_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileLinesMax is the longest a file may be.
const fileLinesMax = 500

// pkg is one folder of Go files of this module.
type pkg struct {
	path    string // below the module
	imports []imported
	source  bool // it has files beside tests
	comment bool
	files   []file
}

type imported struct {
	path  string
	place string // file:line
}

type file struct {
	path  string
	lines int
}

// packages reads every package of the module from its files, whatever their build tags, so that no
// rule holds only on one platform. Imports are those of the package itself, not of its tests.
func packages(t *testing.T) []*pkg {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	byPath := make(map[string]*pkg)
	var all []*pkg
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(root, path, entry.Name())
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		p := byPath[folder]
		if p == nil {
			p = &pkg{path: filepath.ToSlash(folder)}
			byPath[folder] = p
			all = append(all, p)
		}
		return p.read(root, path)
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// skipFolder leaves out what the go tool leaves out, and modules of their own.
func skipFolder(root, path, name string) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func (p *pkg) read(root, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	p.files = append(p.files, file{path: name, lines: bytes.Count(source, []byte("\n"))})
	if strings.HasSuffix(path, "_test.go") {
		return nil
	}
	p.source = true
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, path, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	p.comment = p.comment || isPackageComment(parsed.Doc)
	for _, spec := range parsed.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		p.imports = append(p.imports, imported{
			path: target, place: name + ":" + strconv.Itoa(set.Position(spec.Pos()).Line),
		})
	}
	return nil
}

func isPackageComment(doc *ast.CommentGroup) bool {
	text := doc.Text()
	return strings.HasPrefix(text, "Package ") || strings.HasPrefix(text, "Command ")
}

func TestFilesFitInAHead(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, f := range p.files {
			if f.lines > fileLinesMax {
				t.Errorf("%s has %d lines; at most %d: split it by concept", f.path, f.lines, fileLinesMax)
			}
		}
	}
}

func TestEveryPackageSaysWhatBelongsInIt(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.source && !p.comment {
			t.Errorf("%s has no package comment", p.path)
		}
	}
}
