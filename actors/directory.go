package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// directory tells which partition actor serves a product, and under which epoch it grants. On one
// node all partitions are local and never move; a cluster brings an implementation that follows
// its leases, and the grains stay as they are.
type directory interface {
	// locate returns where a partition is served now. It never waits.
	locate(partition int) location
}

// location is where a partition is served.
type location struct {
	pid   *actor.PID // its partition actor
	epoch uint64     // of its ownership; grants carry it, and the store refuses an old one
}

// localDirectory serves every partition on this node, under the epoch of the store's writer.
type localDirectory struct {
	locations [commerce.PartitionsMax]location
}

// locate implements directory.
func (d *localDirectory) locate(partition int) location { return d.locations[partition] }

// spawnPartitions starts the partition actors.
func spawnPartitions(e *Engine, epoch uint64) *localDirectory {
	props := actor.PropsFromProducer(func() actor.Actor { return &partition{engine: e} },
		actor.WithMailbox(ownMailbox))
	d := new(localDirectory)
	for i := range d.locations {
		d.locations[i] = location{pid: e.root.Spawn(props), epoch: epoch}
	}
	return d
}
