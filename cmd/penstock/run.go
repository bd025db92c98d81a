package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/http"
)

// process is what a command may use of the process it runs in.
type process struct {
	stdout io.Writer // results
	stderr io.Writer // logs, progress and what went wrong
	level  slog.Level
	log    *slog.Logger
	key    access.Secret // PENSTOCK_KEY
}

func (p *process) printf(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }

// run is the whole program: it reads args and the environment ("NAME=value" each), does what they
// say until that is done or ctx ends, and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	results := &output{w: stdout}
	serving, err := runTo(ctx, args, environ, results, stderr)
	// What a server prints is a greeting, and it goes on without.
	if !serving {
		err = results.judge(err)
	}
	return report(stderr, err)
}

// runTo does what args and the environment say. It reports whether that was to serve.
func runTo(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (serving bool, err error) {
	if err := refusePasswords(args); err != nil {
		return false, err
	}
	options := newOptions()
	environment := newEnvironment(environ)
	parser, err := newParser(options, environment, stdout)
	if err != nil {
		return false, err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return false, environment.blame(err)
	}
	p := &process{
		stdout: stdout,
		stderr: stderr,
		level:  options.LogLevel,
		log:    http.NewLogger(stderr, options.LogLevel),
		key:    access.NewSecret(environment.values[variableKey]),
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Command() == "serve", command.Run(p)
}

func newParser(options *options, environment *environment, stdout io.Writer) (*kong.Kong, error) {
	parser, err := kong.New(options,
		kong.Name("penstock"),
		kong.Description(description),
		kong.NoDefaultHelp(), // ours ends parsing by an error instead of ending the process
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(stdout, io.Discard),
		kong.ValueFormatter(helpOf),
		kong.Resolvers(environment),
	)
	if err != nil {
		return nil, fmt.Errorf("describe the command line: %w", err)
	}
	if err := environment.check(parser.Model.Node); err != nil {
		return nil, err
	}
	return parser, nil
}

// errHelp ends parsing after the help has been printed.
var errHelp = errors.New("help has been printed")

// helpFlag prints the help of the command it stands with.
type helpFlag bool

// BeforeReset is called by kong as soon as the flag has been seen, before anything is missing.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return fmt.Errorf("print the help: %w", err)
	}
	return errHelp
}
