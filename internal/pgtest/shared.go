package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// DatabaseVariable names the URL of a server on which Shared makes its databases, instead of
// starting one. Its role needs CREATEDB, its database is only connected to.
const DatabaseVariable = "PENSTOCK_TEST_DATABASE_URL"

const (
	startPatience    = 10 * time.Minute // PostgreSQL may have to be installed
	databasePatience = time.Minute
)

// T is what Shared needs of a test; testing.TB has it.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Shared is the PostgreSQL that all tests of one package have in common, each with a database of its
// own. It starts when the first test asks for one. The zero value is ready; TestMain owns it:
//
//	var shared pgtest.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
type Shared struct {
	Options Options // of the server, when one is started

	once   sync.Once
	server *Server // nil when the server is not ours
	admin  *maintenance
	err    error

	mu struct {
		sync.Mutex
		templates map[string]*template
	}
}

// template is a database that others are copies of.
type template struct {
	once sync.Once
	name string
	err  error
}

// Main runs the tests of a package and closes what they shared. It returns the exit code.
func (s *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		return max(code, 1)
	}
	return code
}

// Database returns the URL of a new, empty database, which is dropped when the test ends. Both
// together take about 0.1 s, most of it for the disk to sync: a third of that when TMPDIR is in memory.
func (s *Shared) Database(t T) string {
	t.Helper()
	return s.newDatabase(t, func(ctx context.Context, name string) error {
		return s.admin.CreateDatabase(ctx, name)
	})
}

// From returns the URL of a new database that is a copy of the one prepared under that name, and
// is dropped when the test ends. prepare fills an empty database; it is called once for each name.
func (s *Shared) From(t T, name string, prepare func(ctx context.Context, url string) error) string {
	t.Helper()
	return s.newDatabase(t, func(ctx context.Context, database string) error {
		tmpl := s.template(name)
		tmpl.once.Do(func() { tmpl.err = s.prepare(tmpl, prepare) })
		if tmpl.err != nil {
			return fmt.Errorf("prepare template %s: %w", name, tmpl.err)
		}
		return s.admin.CloneDatabase(ctx, database, tmpl.name)
	})
}

// Close ends the server, or drops what was made on one that is not ours. No test may still run.
func (s *Shared) Close() error {
	if s.server != nil {
		return s.server.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), databasePatience)
	defer cancel()
	for _, tmpl := range s.mu.templates {
		if err := s.admin.DropDatabase(ctx, tmpl.name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shared) newDatabase(t T, create func(ctx context.Context, name string) error) string {
	t.Helper()
	s.once.Do(s.start)
	if s.err != nil {
		t.Fatalf("pgtest: %v", s.err)
		return ""
	}
	name := newName()
	url, err := s.admin.database(name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), databasePatience)
	defer cancel()
	if err := create(ctx, name); err != nil {
		t.Fatalf("pgtest: %v", err)
		return ""
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), databasePatience)
		defer cancel()
		if err := s.admin.DropDatabase(ctx, name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return url
}

// start finds the server or starts one. It is not bounded by the test that happens to be first.
func (s *Shared) start() {
	if url := os.Getenv(DatabaseVariable); url != "" {
		s.admin = &maintenance{url: url}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	if s.server, s.err = Start(ctx, s.Options); s.err == nil {
		s.admin = s.server.maintenance
	}
}

func (s *Shared) template(name string) *template {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.templates == nil {
		s.mu.templates = make(map[string]*template)
	}
	tmpl := s.mu.templates[name]
	if tmpl == nil {
		tmpl = &template{name: newName()}
		s.mu.templates[name] = tmpl
	}
	return tmpl
}

func (s *Shared) prepare(tmpl *template, prepare func(ctx context.Context, url string) error) error {
	url, err := s.admin.database(tmpl.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), databasePatience)
	defer cancel()
	if err := s.admin.CreateDatabase(ctx, tmpl.name); err != nil {
		return err
	}
	if err := prepare(ctx, url); err != nil {
		return err
	}
	return s.admin.FreezeDatabase(ctx, tmpl.name)
}
