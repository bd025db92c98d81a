package main

import (
	"fmt"
	"maps"
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
	value, ok := e.values[variableOf(flag.Name)]
	if !ok || flag.Name == "help" {
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
	return value, nil
}

// blame names the variable whose value parsing did not like: kong names the flag, which nobody has
// written. Other errors are left as they are.
func (e *environment) blame(err error) error {
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
		if known[name] || name == variableKey || name == "PENSTOCK_PLANT" || strings.HasPrefix(name, "PENSTOCK_TEST_") {
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
