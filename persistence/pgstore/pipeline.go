package pgstore

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/penstock-dev/penstock/commerce"
)

// pipeline is statements that are sent together and answered together: one round trip. It speaks the
// protocol itself, into a buffer that stays from batch to batch: a batch made anew each time would grow its
// buffer anew, which was half of all that a server allocated for an order.
type pipeline struct {
	conn   *pgconn.PgConn
	buf    []byte
	binary []int16
	queued int
	moves  int // the place of stmtMoves among the statements, from 1 on
	err    error

	stock []commerce.Stock // what stmtMoves answered
}

// pipelineKeep is the size beyond which a buffer is given back.
const pipelineKeep = 1 << 20

func (w *writer) newPipeline() *pipeline {
	p := &w.pipeline
	if cap(p.buf) > pipelineKeep {
		p.buf = nil
	}
	*p = pipeline{conn: w.conn.PgConn(), buf: p.buf[:0], binary: append(p.binary[:0], 1), stock: p.stock[:0]}
	return p
}

// add adds a prepared statement.
func (p *pipeline) add(name string, params [][]byte) {
	p.bind(name, params)
	if p.queued++; name == stmtMoves {
		p.moves = p.queued
	}
}

// addTable adds an array statement, unless it would do nothing.
func (p *pipeline) addTable(name string, t *table, same ...[]byte) {
	if t.rows() > 0 {
		p.add(name, t.all(same...))
	}
}

// addText adds a statement that has not been prepared.
func (p *pipeline) addText(sql string, params [][]byte) {
	p.encode(&pgproto3.Parse{Query: sql})
	p.bind("", params)
	p.queued++
}

func (p *pipeline) bind(name string, params [][]byte) {
	p.encode(&pgproto3.Bind{
		PreparedStatement: name, ParameterFormatCodes: p.binary, Parameters: params, ResultFormatCodes: p.binary,
	})
	p.encode(&pgproto3.Execute{})
}

func (p *pipeline) encode(message pgproto3.FrontendMessage) {
	if p.err == nil {
		p.buf, p.err = message.Encode(p.buf)
	}
}

// send sends the pipeline and waits for its end. sent tells that the server has got all of it: without the
// last byte it commits nothing. What has been sent is waited for without a limit; the writer's watchdog
// closes the socket when it takes too long.
func (p *pipeline) send() (sent bool, err error) {
	if p.conn.IsClosed() {
		return false, pgconn.ErrConnClosed
	}
	p.encode(&pgproto3.Sync{})
	if p.err != nil {
		return false, p.err
	}
	if err := p.conn.SyncConn(context.Background()); err != nil {
		return false, err
	}
	if _, err := p.conn.Conn().Write(p.buf); err != nil {
		return false, err
	}
	return true, p.receive()
}

// receive reads the answers to the end of the pipeline, and returns the first error among them.
func (p *pipeline) receive() error {
	var failure error
	for at := 1; ; {
		message, err := p.conn.ReceiveMessage(context.Background())
		if err != nil {
			if failure != nil && refusal(failure) == nil {
				return failure // why the connection ended
			}
			return err // a refusal stands when the server is ready for more, not before
		}
		switch m := message.(type) {
		case *pgproto3.ReadyForQuery:
			return failure
		case *pgproto3.ErrorResponse:
			if failure == nil {
				failure = pgconn.ErrorResponseToPgError(m)
			}
		case *pgproto3.CommandComplete:
			at++
		case *pgproto3.DataRow:
			if at == p.moves {
				if err := p.adopt(m.Values); err != nil {
					// The batch may be committed, and nobody here could say what it did.
					panic("store: the answer to a batch cannot be read: " + err.Error())
				}
			}
		}
	}
}

// adopt reads a row of the answer to stmtMoves.
func (p *pipeline) adopt(row [][]byte) error {
	if len(row) != 4 || len(row[0]) != 16 || len(row[1]) != 8 || len(row[2]) != 8 || len(row[3]) != 8 {
		return errors.New("a stock row has the wrong shape")
	}
	p.stock = append(p.stock, commerce.Stock{
		Product:   commerce.ID(row[0]),
		OnHand:    int64(binary.BigEndian.Uint64(row[1])),
		Allocated: int64(binary.BigEndian.Uint64(row[2])),
		Version:   binary.BigEndian.Uint64(row[3]),
	})
	return nil
}
