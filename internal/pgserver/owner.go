package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// owner is the user that a cluster belongs to. PostgreSQL refuses to run as root, so that root
// starts it as another user; anybody else as himself.
type owner struct {
	credential *syscall.Credential // nil is the user of this process
}

func findOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return owner{}, fmt.Errorf("look up user %s: %w", name, err)
		}
		return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return owner{}, errors.New("look for a user to run PostgreSQL as: root may not, and there is no user postgres or nobody")
}

// command prepares a command that runs as the owner, in a session of its own: an interrupt from the
// terminal is for this process, which then ends its servers in order.
func (o owner) command(path string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(path, arguments...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential, Setsid: true}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") { // PGDATA, PGPORT, … are of another server
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// give makes the owner the owner of a file or directory.
func (o owner) give(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}
