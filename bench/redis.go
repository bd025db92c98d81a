package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	redisReadyTimeout = 10 * time.Second
	redisReadyRetry   = 10 * time.Millisecond
)

// redisServer is the Redis that a run stands on: the one that was given, or one of its own.
type redisServer struct {
	url     string
	client  *redis.Client
	process *Process // nil when it was given
	pid     int
	empty   bool // it was, when the run began: what is there now may be removed
}

// CPU implements account.
func (r *redisServer) CPU() (time.Duration, error) { return cpuOf(r.pid) }

// startRedis finds the server of the run, or starts one.
func startRedis(ctx context.Context, cfg *Config, dir string) (*redisServer, error) {
	r := &redisServer{url: cfg.RedisURL}
	if r.url == "" {
		if err := r.start(ctx, cfg, dir); err != nil {
			return nil, err
		}
	}
	options, err := redis.ParseURL(r.url)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the URL of Redis: %w", err), r.close())
	}
	r.client = redis.NewClient(options)
	if err := r.look(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// start starts a server that syncs each command before it answers.
func (r *redisServer) start(ctx context.Context, cfg *Config, dir string) error {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("no Redis is given, and there is none on this machine to start: " +
			"give --redis-url, or install one (Debian: apt-get install redis-server)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		return fmt.Errorf("look for a port for Redis: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err := errors.Join(err, listener.Close()); err != nil {
		return fmt.Errorf("look for a port for Redis: %w", err)
	}
	data := filepath.Join(dir, "redis")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("make a folder for Redis: %w", err)
	}
	cfg.Logger.Info("starting Redis", "port", port)
	r.process, err = launch(ctx, nil, binary, "--bind", "127.0.0.1", "--port", port, "--dir", data, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err != nil {
		return err
	}
	r.url = "redis://127.0.0.1:" + port
	return nil
}

// look waits until the server answers, and refuses one that cannot be measured: it must be on this machine, and
// empty.
func (r *redisServer) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisReadyTimeout)
	defer cancel()
	retry := time.NewTicker(redisReadyRetry)
	defer retry.Stop()
	for {
		err := r.client.Ping(ctx).Err()
		if err == nil {
			break
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for Redis: %w", err)
		}
	}
	keys, err := r.client.DBSize(ctx).Result()
	if err != nil {
		return fmt.Errorf("look into Redis: %w", err)
	}
	if keys > 0 && r.process == nil {
		return fmt.Errorf("the database of Redis holds %d keys; the run needs an empty one, which it empties again", keys)
	}
	r.empty = true
	info, err := r.info(ctx)
	if err != nil {
		return err
	}
	if r.pid, err = strconv.Atoi(info["process_id"]); err != nil {
		return fmt.Errorf("ask for the process of Redis: %w", err)
	}
	stat, err := statOf(r.pid)
	if err != nil || !strings.HasPrefix(stat.Comm, "redis") && !strings.HasPrefix(stat.Comm, "valkey") {
		return errors.Join(errors.New("the CPU of Redis cannot be told: it is on another machine"), err)
	}
	return nil
}

// info returns what the server says of itself.
func (r *redisServer) info(ctx context.Context) (map[string]string, error) {
	text, err := r.client.Info(ctx, "server").Result()
	if err != nil {
		return nil, fmt.Errorf("ask Redis about itself: %w", err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info, nil
}

// fill fills the server without syncing each command, and has it sync again afterwards.
func (r *redisServer) fill(ctx context.Context, fill func() error) error {
	before, err := r.client.ConfigGet(ctx, "appendfsync").Result()
	if err != nil {
		return fmt.Errorf("read the settings of Redis: %w", err)
	}
	if err := r.client.ConfigSet(ctx, "appendfsync", "no").Err(); err != nil {
		return fmt.Errorf("set up Redis: %w", err)
	}
	err = fill()
	return errors.Join(err, r.client.ConfigSet(context.WithoutCancel(ctx), "appendfsync", before["appendfsync"]).Err())
}

// settings returns the server's version and the settings that figures depend on.
func (r *redisServer) settings(ctx context.Context) (map[string]string, error) {
	info, err := r.info(ctx)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"version": info["redis_version"]}
	for _, name := range []string{"appendonly", "appendfsync", "save", "io-threads"} {
		found, err := r.client.ConfigGet(ctx, name).Result()
		if err != nil {
			return nil, fmt.Errorf("read the settings of Redis: %w", err)
		}
		settings[name] = found[name]
	}
	if settings["appendonly"] != "yes" || settings["appendfsync"] != "always" {
		return nil, fmt.Errorf("redis loses what it has acknowledged: appendonly is %q and must be yes, appendfsync is %q and must be always",
			settings["appendonly"], settings["appendfsync"])
	}
	return settings, nil
}

// close ends a server of the run's own; another one is emptied.
func (r *redisServer) close() error {
	var errs []error
	if r.client != nil {
		if r.process == nil && r.empty {
			ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
			defer cancel()
			errs = append(errs, r.client.FlushDB(ctx).Err())
		}
		errs = append(errs, r.client.Close())
	}
	if r.process != nil {
		r.process.Kill()
	}
	return errors.Join(errs...)
}
