package main

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestCgroupMemory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claim string
		files map[string]string
		want  int64
	}{
		{"no control groups", nil, 0},
		{"a container's", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 536870912},
		{"no limit", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		{"a service's", map[string]string{
			"proc/self/cgroup": "1:cpu:/x\n0::/system.slice/penstock.service\n",
			"sys/fs/cgroup/system.slice/penstock.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max":                  "1000\n",
		}, 1000},
		{"the least one counts", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "10\n", "sys/fs/cgroup/a/memory.max": "7\n",
		}, 7},
		{"a group outside of what can be seen", map[string]string{"proc/self/cgroup": "0::/../x\n"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			require.Equal(t, tt.want, cgroupMemory(root))
		})
	}
}
