package pgstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Obstacle is a kind of thing that stands between a program and a database: what is to be done about it
// differs.
type Obstacle int

// The obstacles. NoObstacle is an error of another kind.
const (
	NoObstacle  Obstacle = iota
	BadURL               // the connection string is wrong, or names a parameter that does not exist
	NoServer             // nobody answers there
	NotLetIn             // the role, its password, or where it comes from
	NoDatabase           // there is no database of that name
	NotAllowed           // the role lacks a privilege
	Busy                 // every connection is taken
	NotReady             // the server is starting, stopping or recovering
	OtherSchema          // a *SchemaError
	Unsuitable           // ErrUnsuitable
	HalfCopied           // ErrHalfCopied
	NoTLS                // the server has no TLS, or a certificate that is not believed
	WrongServer          // target_session_attrs fits none of the servers
	Locked               // somebody held a lock for longer than is waited for
	StrayRows            // ErrStrayRows
)

// ObstacleOf tells what kind of obstacle an error speaks of.
func ObstacleOf(err error) Obstacle {
	schema, isSchema := errors.AsType[*SchemaError](err)
	failure, isServer := errors.AsType[*pgconn.PgError](err)
	_, isUnread := errors.AsType[*pgconn.ParseConfigError](err)
	_, isWrong := errors.AsType[*urlError](err)
	switch {
	case err == nil:
		return NoObstacle
	case isSchema && schema != nil:
		return OtherSchema
	case errors.Is(err, ErrUnsuitable):
		return Unsuitable
	case errors.Is(err, ErrHalfCopied):
		return HalfCopied
	case errors.Is(err, ErrStrayRows):
		return StrayRows
	case isUnread || isWrong:
		return BadURL
	case isServer:
		return obstacleOfCode(failure.Code)
	case errors.Is(err, context.Canceled):
		return NoObstacle
	case isUntrusted(err):
		return NoTLS
	case isMisfit(err):
		return WrongServer
	case isLost(err):
		return NoServer
	default:
		return NoObstacle
	}
}

// isUntrusted reports whether TLS is what kept a connection from being made.
func isUntrusted(err error) bool {
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	return isCertificate || strings.Contains(err.Error(), "server refused TLS connection") // pgx has only words for it
}

// isMisfit reports whether all servers answered and target_session_attrs fits none of them.
func isMisfit(err error) bool {
	if _, network := errors.AsType[net.Error](err); network {
		return false
	}
	for _, misfit := range []error{
		pgconn.ErrReadOnlyConnection, pgconn.ErrReadWriteConnection, pgconn.ErrPrimaryConnection, pgconn.ErrStandbyConnection,
	} {
		if errors.Is(err, misfit) {
			return true
		}
	}
	return false
}

func obstacleOfCode(code string) Obstacle {
	switch {
	case code == "42704" || code == "22023": // undefined object, invalid value: of a connection's parameters
		return BadURL
	case strings.HasPrefix(code, "28"):
		return NotLetIn
	case code == "3D000":
		return NoDatabase
	case code == "42501":
		return NotAllowed
	case code == codeConnections:
		return Busy
	case code == codeLockTimeout:
		return Locked
	case strings.HasPrefix(code, classOperator):
		return NotReady
	default:
		return NoObstacle
	}
}

// Plain writes an error for people, in one line. Where a server refused a connection its words stand for all
// that was tried; where none was reached each attempt is told once.
func Plain(err error) string {
	if _, isUnread := errors.AsType[*pgconn.ParseConfigError](err); isUnread {
		return "the connection string cannot be read" // pgx repeats it, and cannot always tell where a password ends
	}
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	failure, isServer := errors.AsType[*pgconn.PgError](err)
	if isConnect && isServer {
		return "the server says: " + failure.Message
	}
	var attempts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(attempts, line) {
			attempts = append(attempts, line)
		}
	}
	return strings.Join(attempts, " ")
}
