package pgserver

import (
	"os"
	"os/exec"
)

// janitorScript waits for the end of its input, which comes when the test's process has ended,
// however that came about. Then it removes a directory. It tries for a while, because a server that
// is still ending may still write there.
const janitorScript = `read -r line
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  rm -rf -- "$1" 2>/dev/null && exit 0
  sleep 0.5
done
exit 1`

// janitor is a process that removes a directory when this process has ended without doing so: one
// that was killed, or ran into the time limit of its tests.
type janitor struct {
	cmd   *exec.Cmd
	input *os.File
}

func startJanitor(who owner, dir string) (*janitor, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := who.command("/bin/sh", "-c", janitorScript, "sh", dir)
	cmd.Dir = "/"
	cmd.Stdin = read
	err = cmd.Start()
	_ = read.Close() // the child has its own copy, or there is none
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	return &janitor{cmd: cmd, input: write}, nil
}

// finish lets the janitor do its work, and waits for it.
func (j *janitor) finish() error {
	_ = j.input.Close()
	return j.cmd.Wait()
}
