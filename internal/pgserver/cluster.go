package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// The ports that are tried lie below those that systems give to clients' ends of connections.
	// Otherwise a client that dials a server which is down may be given the very port it dials: it
	// is then connected with itself, and the server cannot come back.
	portMin, portMax = 15_000, 30_000

	// portTries is how many ports are tried.
	portTries = 100

	outputLinesMax = 30       // of a log or of a command's output that go into an error
	tailBytesMax   = 64 << 10 // of a log that are read for its last lines
)

// makeDir makes the server's directory, which belongs to the server's user.
func (s *Server) makeDir() error {
	if s.options.Dir != "" {
		dir, err := filepath.Abs(s.options.Dir)
		if err != nil {
			return err
		}
		s.dir = dir
		return errors.Join(os.MkdirAll(s.dir, 0o755), s.owner.give(s.dir))
	}
	dir, err := os.MkdirTemp("", "penstock-postgres-")
	if err != nil {
		return err
	}
	s.dir = dir
	if err := s.owner.give(s.dir); err != nil {
		return errors.Join(err, os.Remove(s.dir))
	}
	s.janitor, err = startJanitor(s.owner, s.dir)
	if err != nil {
		return errors.Join(fmt.Errorf("start janitor: %w", err), os.Remove(s.dir))
	}
	return nil
}

// makeCluster makes the files of a new cluster, unless there are such. It takes about 0.6 s, once a
// server; a copy would take 0.1 s, and is not worth the code.
func (s *Server) makeCluster(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.Data(), "PG_VERSION")); err == nil {
		return nil
	}
	err := s.initdb(ctx, "C.UTF-8")
	if err != nil && ctx.Err() == nil {
		err = s.initdb(ctx, "C") // there are systems without the other one
	}
	return err
}

func (s *Server) initdb(ctx context.Context, locale string) error {
	cmd := s.owner.command(s.options.Binaries.path("initdb"), "--pgdata", s.Data(), "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", locale, "--no-sync")
	cmd.Dir = s.dir
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := runUnder(ctx, cmd); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, lastLines(output.Bytes()))
	}
	return nil
}

// runUnder runs a command that was prepared without a context, and kills it when the context ends.
func runUnder(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // fails only when it has ended
	defer stop()
	return cmd.Wait()
}

// configure writes our settings into the file that PostgreSQL reads last but for ALTER SYSTEM's.
func (s *Server) configure() error {
	main := filepath.Join(s.Data(), "postgresql.conf")
	before, err := os.ReadFile(main)
	if err != nil {
		return err
	}
	const include = "include 'ours.conf'"
	if !bytes.Contains(before, []byte(include)) {
		if err := os.WriteFile(main, append(before, "\n"+include+"\n"...), 0o600); err != nil {
			return err
		}
	}
	ours := filepath.Join(s.Data(), "ours.conf")
	err = os.WriteFile(ours, []byte(configuration(s.options.settings(s.port))), 0o600)
	return errors.Join(err, s.owner.give(ours))
}

// freePort returns a port of the loopback address on which nobody listens.
func freePort() (int, error) {
	var last error
	for range portTries {
		port := portMin + rand.IntN(portMax-portMin)
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("look for a free port: %w", last)
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// LogTail returns the last lines of the server's log, for the message of whoever fails.
func (s *Server) LogTail() string {
	file, err := os.Open(s.logFile())
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > tailBytesMax {
		if _, err := file.Seek(-tailBytesMax, io.SeekEnd); err != nil {
			return ""
		}
	}
	tail, err := io.ReadAll(file)
	if err != nil {
		return ""
	}
	return lastLines(tail)
}

func (s *Server) tailForError() string {
	if tail := s.LogTail(); tail != "" {
		return "; its log ends with\n" + tail
	}
	return ""
}

// lastLines returns the lines of a text that an error can hold.
func lastLines(text []byte) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-outputLinesMax):], "\n")
}
