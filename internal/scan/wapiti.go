package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// wapitiModules are all of its modules but those that need a list from the internet (nikto, wapp) or a
// machine there that the server would call (ssrf, xxe).
const wapitiModules = "backup,blindsql,buster,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss"

// wapitiReport is what is read of its report.
type wapitiReport struct {
	Vulnerabilities map[string][]wapitiFinding `json:"vulnerabilities"`
	Anomalies       map[string][]wapitiFinding `json:"anomalies"`
}

// accepted says why something that wapiti complains of is meant to be so; "" is that it is not.
func accepted(info string) string {
	switch info {
	case "X-XSS-Protection is not set":
		return "because browsers have dropped it, and it did more harm than good (OWASP HTTP Headers Cheat Sheet)"
	case "X-Frame-Options is not set":
		return "because the page's policy says frame-ancestors 'none', which took its place (CSP level 2)"
	case "Strict-Transport-Security is not set":
		return "because it is only said over TLS (RFC 6797, 7.2), and this server has none"
	}
	return ""
}

type wapitiFinding struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Info   string `json:"info"`
}

// wapiti crawls the server, begins at every path that answers GET, and tries all of its attacks.
func wapiti(ctx context.Context, t *target, dir string, patience time.Duration, out io.Writer) (found int, err error) {
	before, _, err := t.requests(ctx)
	if err != nil {
		return 0, err
	}
	// It judges the header fields of the page that it begins with.
	root := "http://" + t.process.Address
	base, report := root+"/api/v2/benchmarks/dashboard", filepath.Join(dir, "wapiti.json")
	arguments := []string{
		"-u", base, "--scope", "domain", "-H", "Authorization: Bearer " + t.key, "-m", wapitiModules, "-f", "json", "-o", report,
		"--flush-session", "--store-session", filepath.Join(dir, "wapiti"), "--no-bugreport", "-v", "1", "-t", "10",
		"--max-scan-time", strconv.Itoa(int(patience.Seconds())),
	}
	paths := 0
	for _, s := range t.samples {
		if s.Method == "GET" && !endless(s.Operation) {
			paths++
			arguments = append(arguments, "-s", root+s.Path)
		}
	}
	bounded, cancel := context.WithTimeout(ctx, patience+2*time.Minute)
	defer cancel()
	started := time.Now()
	output, failed := exec.CommandContext(bounded, "wapiti", arguments...).CombinedOutput()
	if err := os.WriteFile(filepath.Join(dir, "wapiti.output"), output, 0o600); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(report)
	var read wapitiReport
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		return 0, fmt.Errorf("wapiti left no report: %w\n%s", errors.Join(err, failed), output)
	}
	for _, kind := range []map[string][]wapitiFinding{read.Vulnerabilities, read.Anomalies} {
		for name, all := range kind {
			for _, f := range all {
				if why := accepted(f.Info); why != "" {
					fmt.Fprintf(out, "wapiti: accepted: %s, %s\n", f.Info, why)
					continue
				}
				found++
				fmt.Fprintf(out, "wapiti: %s: %s %s: %s\n", name, f.Method, f.Path, f.Info)
			}
		}
	}
	after, _, err := t.requests(ctx)
	fmt.Fprintf(out, "wapiti: %d paths to begin with, %d requests in %s; %d found\n",
		paths, after-before, time.Since(started).Round(time.Second), found)
	return found, err
}
