package pgstore

import (
	"context"
	"errors"
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
)

// ObstacleOf tells what kind of obstacle an error speaks of.
func ObstacleOf(err error) Obstacle {
	schema, isSchema := errors.AsType[*SchemaError](err)
	failure, isServer := errors.AsType[*pgconn.PgError](err)
	_, isURL := errors.AsType[*pgconn.ParseConfigError](err)
	switch {
	case err == nil:
		return NoObstacle
	case isSchema && schema != nil:
		return OtherSchema
	case errors.Is(err, ErrUnsuitable):
		return Unsuitable
	case errors.Is(err, ErrHalfCopied):
		return HalfCopied
	case isURL:
		return BadURL
	case isServer:
		return obstacleOfCode(failure.Code)
	case errors.Is(err, context.Canceled):
		return NoObstacle
	case isLost(err):
		return NoServer
	default:
		return NoObstacle
	}
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
	case code == "53300":
		return Busy
	case strings.HasPrefix(code, classOperator):
		return NotReady
	default:
		return NoObstacle
	}
}

// Plain writes an error for people, in one line. Where a server refused a connection its words stand for all
// that was tried; where none was reached each attempt is told once.
func Plain(err error) string {
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
