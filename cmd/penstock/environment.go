package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// variablePrefix begins the name of every variable of the environment that is meant for penstock.
const variablePrefix = "PENSTOCK_"

// variableOf returns the variable that says the same as a flag.
func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fileSuffix ends the name of a variable that says where the value of the variable without it stands: secrets
// are handed to containers as files.
const fileSuffix = "_FILE"

// valueFileMax bounds such a file, in bytes.
const valueFileMax = 64 << 10

// environment resolves flags that are not on the command line. It implements kong.Resolver.
type environment struct {
	values map[string]string // only those with the prefix
	given  []string          // flags that were resolved by it
}

func newEnvironment(environ []string) *environment {
	e := &environment{values: make(map[string]string)}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && strings.HasPrefix(name, variablePrefix) {
			e.values[name] = value
		}
	}
	return e
}

// Validate implements kong.Resolver; check does it earlier.
func (e *environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. A flag on the command line also overrules the variable of a
// flag that excludes it.
func (e *environment) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || !e.sets(flag.Name) {
		return nil, nil //nolint:nilnil // kong's way to say that there is no value
	}
	for _, path := range ctx.Path {
		if path.Flag != nil && !path.Resolved && path.Flag != flag && overlap(path.Flag.Xor, flag.Xor) {
			return nil, nil //nolint:nilnil // as above
		}
	}
	if !slices.Contains(e.given, flag.Name) {
		e.given = append(e.given, flag.Name)
	}
	return e.value(flag.Name)
}

// sets reports whether the environment says anything of a flag.
func (e *environment) sets(flag string) bool {
	_, ok := e.values[variableOf(flag)]
	_, inFile := e.values[variableOf(flag)+fileSuffix]
	return ok || inFile
}

// value returns what the environment says of a flag, itself or in a file.
func (e *environment) value(flag string) (string, error) {
	name := variableOf(flag)
	value, ok := e.values[name]
	path, inFile := e.values[name+fileSuffix]
	switch {
	case ok && inFile:
		return "", &exitError{
			code: exitConfig, err: fmt.Errorf("both %s and %s are set", name, name+fileSuffix), hint: "Unset one of them: they may say different things.",
		}
	case ok:
		return value, nil
	}
	text, err := readValue(path)
	if err != nil {
		return "", &exitError{
			code: exitConfig, err: fmt.Errorf("%s: %w", name+fileSuffix, err), hint: "It names a file that holds the value of " + name + " and nothing else.",
		}
	}
	return text, nil
}

// readValue reads a file that holds one value, without the line break that editors put at its end.
func readValue(path string) (string, error) {
	text, err := readSmall(path, valueFileMax)
	return strings.TrimRight(text, "\r\n"), err
}

// readSmall reads a file of at most so many bytes.
func readSmall(path string, max int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(file, max+1))
	if err != nil {
		return "", err
	}
	if int64(len(text)) > max {
		return "", fmt.Errorf("%s is too long: it is longer than %d bytes", path, max)
	}
	return string(text), nil
}

// blame names the variable whose value parsing did not like: kong names the flag, which nobody has
// written. Other errors are left as they are.
func (e *environment) blame(err error) error {
	var told *exitError
	if errors.As(err, &told) {
		return told
	}
	words := strings.FieldsFunc(err.Error(), func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	for _, flag := range e.given {
		if slices.Contains(words, "--"+flag) {
			return &exitError{code: exitConfig, err: fmt.Errorf("%s: %w", variableOf(flag), err)}
		}
	}
	return err
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// check refuses variables that no flag of any command answers to: a misspelt one would otherwise
// be a setting silently left at its default. The key of clients, which must never be a flag, and those of
// planted bugs and of tests are not options.
func (e *environment) check(root *kong.Node) error {
	known := make(map[string]bool)
	err := kong.Visit(root, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Name != "help" {
			known[variableOf(flag.Name)] = true
		}
		return next(nil)
	})
	if err != nil {
		return fmt.Errorf("list the options: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if known[name] || known[strings.TrimSuffix(name, fileSuffix)] || name == variableKey || name == "PENSTOCK_PLANT" || strings.HasPrefix(name, "PENSTOCK_TEST_") {
			continue
		}
		return &exitError{
			code: exitConfig,
			err:  fmt.Errorf("the environment sets %s, which is no option", name),
			hint: fmt.Sprintf("Did you mean %s? Unset it, or see \"penstock config\".", closest(name, slices.Sorted(maps.Keys(known)))),
		}
	}
	return nil
}

// closest returns the name that takes the fewest edits. REQUIRES: names is not empty.
func closest(name string, names []string) string {
	best, least := "", -1
	for _, candidate := range names {
		if d := distance(name, candidate); least < 0 || d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two names, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
