// Command scan sets two scanners on a running server of our own and counts what they find: sqlmap on every
// parameter and field of its API document, wapiti on all of its pages and paths. It is what `make scan` runs.
//
//	go run ./internal/scan [-minutes N]                                        on the embedded store
//	go run ./internal/withpg -- go run ./internal/scan -store postgres         on PostgreSQL
//
// Both scanners are Debian's packages. The server lets nobody in without a key, and sets no rates, which would
// only slow the scanners down. The exit code is 1 when anything was found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/penstock-dev/penstock/internal/aptget"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("scan", flag.ContinueOnError)
	flags.SetOutput(stderr)
	store := flags.String("store", "pebble", "pebble, or postgres: in the database that PENSTOCK_DATABASE_URL names")
	minutes := flags.Int("minutes", 15, "how long each scanner may take")
	level := flags.Int("level", 3, "how much sqlmap tries, from 1 to 5: a lower level comes to an end sooner")
	keep := flags.String("keep", "", "folder for the scanners' own reports; they are thrown away when empty")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found, err := scan(ctx, settings{*store, *level, time.Duration(*minutes) * time.Minute, *keep}, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "scan:", err)
		return 1
	case found > 0:
		fmt.Fprintf(stdout, "%d findings\n", found)
		return 1
	}
	fmt.Fprintln(stdout, "nothing found")
	return 0
}

// settings are what the command line says.
type settings struct {
	store    string
	level    int
	patience time.Duration // of each scanner
	keep     string
}

func scan(ctx context.Context, with settings, out io.Writer) (found int, err error) {
	if err := provide(ctx); err != nil {
		return 0, err
	}
	dir := with.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "penstock-scan-"); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	t, err := openTarget(ctx, with.store, filepath.Join(dir, "server"))
	if err != nil {
		return 0, err
	}
	t.level = with.level
	defer t.process.Stop(stopPatience)
	for _, scanner := range []func(context.Context, *target, string, time.Duration, io.Writer) (int, error){sqlmap, wapiti} {
		n, err := scanner(ctx, t, dir, with.patience, out)
		found += n
		if err != nil {
			return found, err
		}
	}
	return found, t.stillWell(ctx, out)
}

// provide installs the scanners that are not there.
func provide(ctx context.Context) error {
	var missing []string
	for _, name := range []string{"sqlmap", "wapiti"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return aptget.Exclusively(ctx, fmt.Sprint(missing), func(ctx context.Context) error {
		updated := aptget.Update(ctx) // without new lists the old ones may do
		if err := aptget.Install(ctx, missing...); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
}
