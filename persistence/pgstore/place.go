package pgstore

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Place says where a database is and who asks for it: what may be shown and logged. It holds no
// password.
type Place struct {
	Host     string // a name, an address, or the folder of a socket
	Port     uint16
	Database string
	User     string
	// URL leads to the database again. What was secret in the URL it came from is left out; Secret
	// says that there was something.
	URL    string
	Secret bool
}

// String returns the place for people: shop on db.example:5432.
func (p Place) String() string {
	if strings.HasPrefix(p.Host, "/") {
		return fmt.Sprintf("%s on %s (port %d)", p.Database, p.Host, p.Port)
	}
	return p.Database + " on " + net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port)))
}

// PlaceOf reads a connection string, and what the environment adds to it (PGHOST and so on). It connects
// to nothing. The error repeats nothing of the string that may be a password.
func PlaceOf(connection string) (Place, error) {
	config, err := parseURL(connection)
	if err != nil {
		return Place{}, err
	}
	place := Place{Host: config.Host, Port: config.Port, Database: config.Database, User: config.User}
	if place.Database == "" {
		place.Database = place.User // the server's own default
	}
	place.URL, place.Secret = withoutSecrets(connection, place)
	return place, nil
}

// withoutSecrets returns the connection string without passwords, as a URL.
func withoutSecrets(connection string, place Place) (safe string, secret bool) {
	u, err := url.Parse(connection)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return place.buildURL(), strings.Contains(connection, "password")
	}
	if _, has := u.User.Password(); has {
		secret = true
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			secret = true
			query.Del(name)
			u.RawQuery = query.Encode()
		}
	}
	return u.String(), secret
}

// buildURL writes the place as a URL.
func (p Place) buildURL() string {
	u := url.URL{Scheme: "postgres", Path: "/" + p.Database, User: url.User(p.User)}
	port := strconv.Itoa(int(p.Port))
	if strings.HasPrefix(p.Host, "/") {
		u.RawQuery = url.Values{"host": {p.Host}, "port": {port}}.Encode()
	} else {
		u.Host = net.JoinHostPort(p.Host, port)
	}
	return u.String()
}
