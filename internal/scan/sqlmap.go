package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/internal/apifuzz"
)

const (
	// sqlmapsMax is how many sqlmaps run at a time.
	sqlmapsMax = 2
	// sqlmapTimeMin is what one request gets at least, in the time that all of them have together.
	sqlmapTimeMin = 20 * time.Second
	// confirmTime is what sqlmap gets to prove what it believes to have found.
	confirmTime = 3 * time.Minute
)

// verdict is what sqlmap says of one request.
type verdict struct {
	sample   apifuzz.Sample
	found    bool // and something could be read through it
	believed bool // what sqlmap took for an injection, but could read nothing through
	finished bool
	output   string
}

// sqlmap tries every parameter, header field and field of a body of every operation that has one.
func sqlmap(ctx context.Context, t *target, dir string, patience time.Duration, out io.Writer) (found int, err error) {
	var asked []apifuzz.Sample
	for _, s := range t.samples {
		if s.Inputs > 0 && !endless(s.Operation) {
			asked = append(asked, s)
		}
	}
	each := max(sqlmapTimeMin, patience*sqlmapsMax/time.Duration(len(asked)))
	verdicts := make([]verdict, len(asked))
	places := make(chan struct{}, sqlmapsMax)
	var running sync.WaitGroup
	started := time.Now()
	for i, s := range asked {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			verdicts[i] = attack(ctx, t, s, filepath.Join(dir, fmt.Sprintf("sqlmap-%02d-%s", i, s.Operation)), each)
		})
	}
	running.Wait()
	inputs, unfinished, believed := 0, 0, 0
	for _, v := range verdicts {
		inputs += v.sample.Inputs
		if !v.finished {
			unfinished++
			fmt.Fprintf(out, "sqlmap did not get to the end of %s in %s\n", v.sample.Operation, each)
		}
		if v.believed && !v.found {
			believed++
			fmt.Fprintf(out, "sqlmap took something of %s for an injection, and could read nothing through it\n", v.sample.Operation)
		}
		if v.found {
			found++
			fmt.Fprintf(out, "sqlmap: %s\n%s\n", v.sample.Operation, v.output)
		}
	}
	all, _, err := t.requests(ctx)
	fmt.Fprintf(out, "sqlmap: %d operations with %d inputs, %d requests in %s; %d found, %d only believed, %d not to the end\n",
		len(asked), inputs, all, time.Since(started).Round(time.Second), found, believed, unfinished)
	return found, err
}

// sqlmapRisk leaves out what only the highest risk tries: it would change rows.
const sqlmapRisk = 2

// endless reports whether an operation answers for as long as somebody listens, or loads the server.
func endless(operation string) bool { return operation == "orderEvents" || operation == "runBenchmark" }

// attack runs sqlmap on one request. Its own asterisks mark what it would not try by itself: the id in the
// path, and header fields.
func attack(ctx context.Context, t *target, s apifuzz.Sample, dir string, patience time.Duration) verdict {
	v := verdict{sample: s}
	if v.output = prepare(t, s, dir); v.output != "" {
		v.found = true // it must not pass unseen
		return v
	}
	arguments := []string{
		"-r", filepath.Join(dir, "request"), "--batch", "--ignore-stdin", "--level", strconv.Itoa(t.level), "--risk", strconv.Itoa(min(t.level, sqlmapRisk)), "--threads", "4", "--timeout", "10", "--retries", "1",
		"--answers", "continue=Y", // a value with a quotation mark makes it ask whether we are sure
		"--time-sec", "3", "--ignore-code", "*", "--disable-coloring", "--output-dir", dir,
	}
	if t.server.Database != "" {
		arguments = append(arguments, "--dbms", "postgresql")
	}
	v.output = ask(ctx, patience, append(slices.Clone(arguments), "--flush-session"))
	v.believed = strings.Contains(v.output, "identified the following injection point") || strings.Contains(v.output, "is vulnerable")
	v.finished = v.believed || strings.Contains(v.output, "all tested parameters do not appear to be injectable") ||
		strings.Contains(v.output, "no parameter(s) found for testing") // at a level that leaves header fields alone
	if v.believed {
		// Answers differ for many reasons. An injection is one when the database calculates for us.
		// It has time of its own, and what does not come to an end counts as found.
		text := ask(ctx, confirmTime, append(slices.Clone(arguments), "--sql-query", "SELECT 7*191"))
		v.output += text
		v.found = strings.Contains(text, "'1337'") || !strings.Contains(text, "[*] ending @")
	}
	if err := os.WriteFile(filepath.Join(dir, "output"), []byte(v.output), 0o600); err != nil {
		v.output += err.Error()
	}
	return v
}

// ask runs sqlmap for as long as it may take, and returns what it says: that tells more than its exit code.
func ask(ctx context.Context, patience time.Duration, arguments []string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, _ := exec.CommandContext(ctx, "sqlmap", arguments...).CombinedOutput()
	return string(text)
}

// prepare writes the request as sqlmap reads it.
func prepare(t *target, s apifuzz.Sample, dir string) (fault string) {
	const mark = "*"
	path, query, _ := strings.Cut(s.Path, "?")
	if strings.Count(path, "-") >= 4 { // an id
		at := strings.LastIndexByte(path, '-') + 13
		path = path[:at] + mark + path[at:]
	}
	if query != "" {
		path += "?" + query
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", s.Method, path, t.process.Address, t.key)
	for _, field := range s.Fields {
		fmt.Fprintf(&text, "%s: %s\r\n", field[0], strings.TrimSuffix(field[1], mark)+mark)
	}
	if s.Body != "" {
		fmt.Fprintf(&text, "Content-Type: %s\r\nContent-Length: %d\r\n", s.Media, len(s.Body))
	}
	text.WriteString("\r\n" + s.Body)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err.Error()
	}
	if err := os.WriteFile(filepath.Join(dir, "request"), []byte(text.String()), 0o600); err != nil {
		return err.Error()
	}
	return ""
}
