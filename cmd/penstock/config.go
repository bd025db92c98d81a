package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// configCommand prints the reference of all options. docs/configuration.md is its output.
type configCommand struct{}

// Run prints the reference.
func (c *configCommand) Run(p *process, parser *kong.Kong) error {
	_, err := io.WriteString(p.stdout, reference(parser.Model.Node))
	return err
}

const referenceIntroduction = `# Configuration

This page is what ` + "`penstock config`" + ` prints; a test compares the two.

Every option can be given as a flag or in the environment. A flag wins. Unknown flags are refused, and so are unknown variables that begin with ` + "`PENSTOCK_`" + `: a misspelt setting must not be silently left at its default. Durations are written like ` + "`1ms`, `5s`, `15m`, `24h`" + `.

` + "`GOMAXPROCS`" + ` and ` + "`GOMEMLIMIT`" + ` work as for every Go program; ` + "`--memory-limit`" + ` wins over the latter.
`

// reference writes the options of every command as Markdown.
func reference(root *kong.Node) string {
	var b strings.Builder
	b.WriteString(referenceIntroduction)
	writeFlags(&b, "Every command", "", root.Flags)
	for _, leaf := range root.Leaves(true) {
		writeFlags(&b, "`"+usageOf(leaf)+"`", leaf.Help, leaf.Flags)
	}
	fmt.Fprintf(&b, "\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, code := range strings.Split(strings.TrimSuffix(exitCodes, "."), "; ") {
		number, meaning, _ := strings.Cut(code, " ")
		fmt.Fprintf(&b, "| %s | %s |\n", number, meaning)
	}
	return b.String()
}

// usageOf writes a command with its arguments, without the program's flags.
func usageOf(leaf *kong.Node) string {
	usage := leaf.FullPath()
	for _, argument := range leaf.Positional {
		usage += " " + argument.Summary()
	}
	return usage
}

func writeFlags(b *strings.Builder, title, help string, flags []*kong.Flag) {
	fmt.Fprintf(b, "\n## %s\n", title)
	if help != "" {
		fmt.Fprintf(b, "\n%s\n", help)
	}
	header := "\n| flag | environment | default | |\n|---|---|---|---|\n"
	for _, flag := range flags {
		if flag.Name == "help" || flag.Hidden {
			continue
		}
		fmt.Fprintf(b, "%s| `--%s` | `%s` | %s | %s |\n",
			header, flag.Name, variableOf(flag.Name), defaultOf(flag), flag.Help)
		header = ""
	}
}

func defaultOf(flag *kong.Flag) string {
	if !flag.HasDefault {
		return ""
	}
	return "`" + flag.Default + "`"
}
