package pgstore

import (
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// lender is a pooler in transaction mode: whoever says something is lent a session of the server until no
// transaction is open. It understands the simple protocol, and nothing but.
type lender struct {
	config  *pgx.ConnConfig
	inTurn  bool // the session that was given back first is lent first
	refuses bool // transactions, as a pooler in statement mode does

	mu   sync.Mutex
	idle []net.Conn
}

// startLender returns the URL of a lender with so many sessions.
func startLender(t *testing.T, l *lender, sessions int) string {
	t.Helper()
	var err error
	l.config, err = pgx.ParseConfig(newDatabase(t))
	require.NoError(t, err)
	for range sessions {
		conn, err := pgx.ConnectConfig(t.Context(), l.config)
		require.NoError(t, err)
		hijacked, err := conn.PgConn().Hijack()
		require.NoError(t, err)
		l.idle = append(l.idle, hijacked.Conn)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { l.serve(client) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		serving.Wait()
		for _, session := range l.idle {
			require.NoError(t, session.Close())
		}
	})
	return "postgres://" + l.config.User + "@" + listener.Addr().String() + "/" + l.config.Database + "?sslmode=disable"
}

// serve lends sessions to a client until it leaves.
func (l *lender) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the client has gone
	client := pgproto3.NewBackend(conn, conn)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return
	}
	client.Send(&pgproto3.AuthenticationOk{})
	client.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"}) // for the simple protocol
	client.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if client.Flush() != nil {
		return
	}
	var session net.Conn
	for {
		message, err := client.Receive()
		query, isQuery := message.(*pgproto3.Query)
		if err != nil || !isQuery {
			return
		}
		if l.refuses && query.String == "begin" {
			client.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "0A000", Message: "no transactions here"})
			client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			if client.Flush() != nil {
				return
			}
			continue
		}
		if session == nil {
			session = l.lend()
		}
		ready, err := relay(client, session, query)
		if err != nil {
			return
		}
		// As a pooler does it: the session is free before the client can know that its query has ended.
		if ready.TxStatus == 'I' {
			l.giveBack(session)
			session = nil
		}
		client.Send(ready)
		if client.Flush() != nil {
			return
		}
	}
}

// relay asks a session and passes its answers on, all but the last, which it returns.
func relay(client *pgproto3.Backend, session net.Conn, query *pgproto3.Query) (*pgproto3.ReadyForQuery, error) {
	server := pgproto3.NewFrontend(session, session)
	server.Send(query)
	if err := server.Flush(); err != nil {
		return nil, err
	}
	for {
		answer, err := server.Receive()
		if err != nil {
			return nil, err
		}
		if ready, isReady := answer.(*pgproto3.ReadyForQuery); isReady {
			return ready, nil
		}
		client.Send(answer)
		if err := client.Flush(); err != nil {
			return nil, err
		}
	}
}

func (l *lender) lend() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := len(l.idle) - 1
	if l.inTurn {
		at = 0
	}
	session := l.idle[at]
	l.idle = append(l.idle[:at:at], l.idle[at+1:]...)
	return session
}

func (l *lender) giveBack(session net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, session)
}

func TestOpenRefusesAPoolerOfTransactions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lender   *lender
		sessions int
		says     string
	}{
		"that lends what came back last":        {&lender{}, 3, "pool_mode = session"},
		"with a single session":                 {&lender{}, 1, "pool_mode = session"},
		"that lends in turn":                    {&lender{inTurn: true}, 3, "pool_mode = session"},
		"that lends two in turn":                {&lender{inTurn: true}, 2, "pool_mode = session"},
		"that pools statements, not even those": {&lender{refuses: true}, 1, "no transactions here"},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			url := startLender(t, tt.lender, tt.sessions)
			_, err := Open(t.Context(), Options{URL: url})
			require.ErrorIs(t, err, ErrUnsuitable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestOpenTakesAServer(t *testing.T) {
	t.Parallel()
	config, err := connConfig(newDatabase(t), "test")
	require.NoError(t, err)
	require.NoError(t, checkPooler(t.Context(), config))
}
