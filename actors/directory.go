package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// Directory tells which partition actor serves a product, and under which epoch it grants. On one
// node all partitions are local and never move; a cluster brings an implementation that follows
// its leases, and the grains stay as they are.
type Directory interface {
	// Locate returns where a partition is served now. It never waits.
	Locate(partition int) Location
}

// Location is where a partition is served.
type Location struct {
	PID   *actor.PID // its partition actor
	Epoch uint64     // of its ownership; grants carry it, and the store refuses an old one
}

// localDirectory serves every partition on this node, under the epoch of the store's writer.
type localDirectory struct {
	locations [commerce.PartitionsMax]Location
}

// Locate implements Directory.
func (d *localDirectory) Locate(partition int) Location { return d.locations[partition] }

// spawnPartitions starts the partition actors.
func spawnPartitions(e *Engine, epoch uint64) *localDirectory {
	props := actor.PropsFromProducer(func() actor.Actor { return &partition{engine: e} },
		actor.WithMailbox(ownMailbox))
	d := new(localDirectory)
	for i := range d.locations {
		d.locations[i] = Location{PID: e.root.Spawn(props), Epoch: epoch}
	}
	return d
}
