package pgstore

import (
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// urlError says what is wrong with a connection string. It repeats nothing of it that is not a name we
// know: what could not be read may be a password.
type urlError struct{ reason string }

// Error implements error.
func (e *urlError) Error() string { return "the connection string cannot be used: " + e.reason }

// parseURL reads a connection string, and what the environment adds to it. Every error is a *urlError.
func parseURL(connection string) (*pgx.ConnConfig, error) {
	if before, _, is := strings.Cut(connection, "://"); is && !isURL(connection) && !strings.ContainsAny(before, "= ") {
		return nil, &urlError{"it begins neither with postgres:// nor with postgresql://"}
	}
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, &urlError{whyUnread(connection, err)}
	}
	hosts := []string{config.Host}
	for _, f := range config.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		if strings.Contains(host, "@") && !strings.HasPrefix(host, "@") { // one that begins with it is an abstract socket
			return nil, &urlError{"its host has an @: write an @ in the user or the password as %40"}
		}
	}
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)
	for parameter := range config.RuntimeParams {
		if !name.MatchString(parameter) {
			return nil, &urlError{"the name of a parameter has a character that no name has: a value with a space or a = stands in single quotes, or in a URL is written with %"}
		}
	}
	return config, nil
}

func isURL(connection string) bool {
	return strings.HasPrefix(connection, "postgres://") || strings.HasPrefix(connection, "postgresql://")
}

// whyUnread says in words of our own why a connection string could not be read.
func whyUnread(connection string, err error) string {
	if file, isFile := errors.AsType[*fs.PathError](err); isFile {
		return "a file that it names cannot be read: " + file.Err.Error()
	}
	if isURL(connection) {
		if _, bad := url.Parse(connection); bad != nil && !strings.Contains(connection, ",") { // of several hosts url knows nothing
			return "it is no URL: characters like @ : / ? # % and spaces in the user or the password are written with %, an @ as %40; and a port is a number"
		}
	}
	for _, parameter := range []string{
		"sslmode", "target_session_attrs", "connect_timeout", "channel_binding", "min_protocol_version", "max_protocol_version",
		"require_auth", "sslcertmode", "sslrootcert", "sslcert", "sslkey", "service",
	} {
		if strings.Contains(connection, parameter+"=") && strings.Contains(tail(err), parameter) {
			return "the value of " + parameter + " is none that it may have"
		}
	}
	if strings.Contains(tail(err), "invalid port") {
		return "a port is not a number from 1 to 65535"
	}
	return "it is neither a URL nor keywords and values, like host=… dbname=…; a value with a space stands in single quotes"
}

// tail is what an error of pgx says after the connection string that it repeats.
func tail(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, "`: ")+1:]
}
