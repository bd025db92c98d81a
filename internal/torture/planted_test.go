package torture_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/internal/torture"
)

// scenario is a piece of the harness in small: it finds nothing in a good server, in a few seconds.
type scenario struct {
	on  []kind // the stores that it makes sense with
	run func(t *testing.T, server *torture.Server) *torture.Faults
}

func scenarios() map[string]scenario {
	both := []kind{onPebble, onPostgres}
	return map[string]scenario{
		"crash":      {both, crash},
		"takeover":   {[]kind{onPostgres}, takeover}, // an embedded store's directory belongs to one process
		"cuts":       {[]kind{onPostgres}, cuts},
		"drill":      {both, drill},
		"flash sale": {both, flashSale},
		"histories":  {both, histories},
		"replay":     {both, replayBeside},
	}
}

func crash(t *testing.T, server *torture.Server) *torture.Faults {
	campaign := &torture.Campaign{Start: server.Start, Seed: seed(t), Kills: 2, Orders: 300, Products: 20}
	report, err := campaign.Run(t.Context())
	require.NoError(t, err)
	return &report.Faults
}

func takeover(t *testing.T, server *torture.Server) *torture.Faults {
	campaign := &torture.Takeover{
		Start: server.Start, Seed: seed(t), Rounds: 1, Older: torture.OlderIdle, Orders: 300, Products: 20,
	}
	report, err := campaign.Run(t.Context())
	require.NoError(t, err)
	return &report.Faults
}

func cuts(t *testing.T, server *torture.Server) *torture.Faults {
	proxy := cutter(t, server.Database)
	server.Database = proxy.URL()
	campaign := &torture.Outages{Start: server.Start, Seed: seed(t), Orders: 50, AuditEvery: 4, Products: 20}
	for mode := pgtest.CutBeforeRequest; mode <= pgtest.CutDuringAnswer; mode++ {
		campaign.Outages = append(campaign.Outages, times(2, commitCut(proxy, mode))...)
	}
	report, err := campaign.Run(t.Context())
	require.NoError(t, err)
	return &report.Faults
}

func drill(t *testing.T, server *torture.Server) *torture.Faults {
	var faults torture.Faults
	drill := &torture.Drill{Address: start(t, server), Seed: seed(t)}
	require.NoError(t, drill.Run(t.Context(), &faults))
	return &faults
}

func flashSale(t *testing.T, server *torture.Server) *torture.Faults {
	sale := &torture.FlashSale{
		Address: start(t, server), Seed: seed(t), Connections: 50, Orders: 500, Units: []int64{40, 30},
	}
	report, err := sale.Run(t.Context())
	require.NoError(t, err)
	return &report.Faults
}

func histories(t *testing.T, server *torture.Server) *torture.Faults {
	var faults torture.Faults
	address := start(t, server)
	traders := &torture.Traders{Seed: seed(t), Products: stockShelf(t, address), Operations: 1200}
	for range 10 {
		traders.Shops = append(traders.Shops, connect(t, address))
	}
	recorder := traders.Run(t.Context(), &faults)
	torture.CheckLinearizable(traders.Products, recorder, patience, &faults)
	return &faults
}

// replayBeside replays orders on the server and on a good one with the embedded store.
func replayBeside(t *testing.T, server *torture.Server) *torture.Faults {
	var faults torture.Faults
	products, orders := madeUpFiles(t, 20, 40)
	good := &torture.Server{Binary: server.Binary, Data: t.TempDir()}
	one := replay(t, good, products, orders)
	two, err := tryReplay(t, server, products, orders)
	if err != nil { // it can fail at what the bug left behind, and then it differs from the good one, which did not
		faults.Add(torture.FaultDiffers, "%v", err)
		return &faults
	}
	for _, difference := range one.Portrait.Differences(two.Portrait) {
		faults.Add(torture.FaultDiffers, "%s", difference)
	}
	return &faults
}

// start starts the server until the test ends, and returns its address.
func start(t *testing.T, server *torture.Server) string {
	t.Helper()
	process, err := server.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process.Address
}

func connect(t *testing.T, address string) *torture.Client {
	t.Helper()
	client, err := torture.NewClient(t.Context(), address, "torture")
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// stockShelf makes three scarce products through the API.
func stockShelf(t *testing.T, address string) []commerce.Stock {
	t.Helper()
	client := connect(t, address)
	var shelf []commerce.Stock
	for _, row := range scarce() {
		answer, err := client.CreateProduct(&commerce.CreateProduct{
			Name: "Scarce", OnHand: row.OnHand, Price: commerce.Money{Amount: 1, Currency: commerce.DefaultCurrency()},
		})
		require.NoError(t, err)
		shelf = append(shelf, answer.Stock)
	}
	return shelf
}

// findAttempts is how often a scenario is run until it finds a bug. A scenario is small and strikes at
// random moments: about one run in ten strikes none in which the bug shows.
const findAttempts = 6

// TestPlantedBugsAreFound runs the harness against servers with one promise broken each. A harness
// that never fails proves nothing. The bug commit-without-sync is not here, because kill -9 leaves
// the page cache: the conformance suite of the stores finds it on a clone that drops unsynced bytes.
func TestPlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	binary := build(t, "planted")
	server := func(t *testing.T, on kind, bug planted.Bug) *torture.Server {
		s := on.server(t, binary)
		s.Env, s.Flags = []string{"PENSTOCK_PLANT=" + string(bug)}, []string{"--engine-command-timeout", "2s"}
		return s
	}
	for name, scenario := range scenarios() {
		for _, on := range scenario.on {
			t.Run(fmt.Sprintf("no bug, %s, %s", name, on), func(t *testing.T) {
				t.Parallel()
				faults := scenario.run(t, server(t, on, ""))
				require.Zero(t, faults.Total(), faults)
			})
		}
	}
	for _, c := range []struct {
		on       kind // where the bug is, or one of them when it is in front of the store
		bug      planted.Bug
		scenario string
		kinds    []torture.FaultKind // any of them
	}{
		{onPebble, planted.AnswerBeforeCommit, "crash", []torture.FaultKind{torture.FaultLost, torture.FaultReplay}},
		{onPostgres, planted.AnswerBeforeCommit, "crash", []torture.FaultKind{torture.FaultLost, torture.FaultReplay}},
		// What was acknowledged and is not there can also make the server stumble over itself.
		{onPostgres, planted.AnswerBeforeCommit, "cuts", []torture.FaultKind{torture.FaultLost, torture.FaultReplay, torture.FaultServer}},
		{onPostgres, planted.UnknownAsRefused, "cuts", []torture.FaultKind{torture.FaultServer}},
		{onPebble, planted.DeltaTwice, "crash", []torture.FaultKind{torture.FaultVerify}},
		{onPebble, planted.DeltaTwice, "drill", []torture.FaultKind{torture.FaultVerify, torture.FaultStock}},
		{onPebble, planted.DeltaTwice, "replay", []torture.FaultKind{torture.FaultDiffers}},
		{onPebble, planted.DeltaOfRefused, "crash", []torture.FaultKind{torture.FaultVerify}},
		{onPostgres, planted.DeltaOfRefused, "crash", []torture.FaultKind{torture.FaultVerify}},
		// An order that was acknowledged and is gone is lost, or cannot be moved on: whoever looks first.
		{onPostgres, planted.ForeignBatch, "takeover", []torture.FaultKind{torture.FaultLost, torture.FaultAnswer}},
		{onPebble, planted.KeyNotBound, "crash", []torture.FaultKind{torture.FaultDoubled, torture.FaultReplay}},
		{onPostgres, planted.KeyNotBound, "crash", []torture.FaultKind{torture.FaultDoubled, torture.FaultReplay}},
		{onPebble, planted.KeyNotBound, "drill", []torture.FaultKind{torture.FaultDoubled}},
		{onPebble, planted.RetryAfterSellOut, "drill", []torture.FaultKind{torture.FaultReplay}},
		{onPebble, planted.RetryAfterSellOut, "flash sale", []torture.FaultKind{torture.FaultReplay}},
		{onPebble, planted.GrantNotGivenBack, "drill", []torture.FaultKind{torture.FaultSlow, torture.FaultRefusal}},
		{onPebble, planted.RefuseUncommitted, "histories", []torture.FaultKind{torture.FaultHistory}},
	} {
		t.Run(fmt.Sprintf("%s, %s, %s", c.bug, c.scenario, c.on), func(t *testing.T) {
			t.Parallel()
			for attempt := 1; ; attempt++ {
				faults := scenarios()[c.scenario].run(t, server(t, c.on, c.bug))
				if slices.ContainsFunc(c.kinds, faults.Has) {
					t.Logf("found at attempt %d: %s", attempt, faults)
					return
				}
				require.Less(t, attempt, findAttempts, "want a fault of kind %v, got %s", c.kinds, faults)
			}
		})
	}
}
