package torture_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/internal/torture"
)

// scenarios are the harness in small: each finds nothing in a good server, in a few seconds.
func scenarios() map[string]func(t *testing.T, server *torture.Server) *torture.Faults {
	return map[string]func(t *testing.T, server *torture.Server) *torture.Faults{
		"crash": func(t *testing.T, server *torture.Server) *torture.Faults {
			campaign := &torture.Campaign{Start: server.Start, Seed: seed(t), Kills: 2, Orders: 300, Products: 20}
			report, err := campaign.Run(t.Context())
			require.NoError(t, err)
			return &report.Faults
		},
		"drill": func(t *testing.T, server *torture.Server) *torture.Faults {
			var faults torture.Faults
			drill := &torture.Drill{Address: start(t, server), Seed: seed(t)}
			require.NoError(t, drill.Run(t.Context(), &faults))
			return &faults
		},
		"flash sale": func(t *testing.T, server *torture.Server) *torture.Faults {
			sale := &torture.FlashSale{
				Address: start(t, server), Seed: seed(t), Connections: 50, Orders: 500, Units: []int64{40, 30},
			}
			report, err := sale.Run(t.Context())
			require.NoError(t, err)
			return &report.Faults
		},
		"histories": func(t *testing.T, server *torture.Server) *torture.Faults {
			var faults torture.Faults
			address := start(t, server)
			traders := &torture.Traders{Seed: seed(t), Products: stockShelf(t, address), Operations: 1200}
			for range 10 {
				traders.Shops = append(traders.Shops, connect(t, address))
			}
			recorder := traders.Run(t.Context(), &faults)
			torture.CheckLinearizable(traders.Products, recorder, patience, &faults)
			return &faults
		},
	}
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

// TestPlantedBugsAreFound runs the harness against servers with one promise broken each. A harness
// that never fails proves nothing. The bug commit-without-sync is not here, because kill -9 leaves
// the page cache: the conformance suite of the stores finds it on a clone that drops unsynced bytes.
func TestPlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	binary, err := torture.Build(t.Context(), t.TempDir(), "planted")
	require.NoError(t, err)
	server := func(t *testing.T, bug planted.Bug) *torture.Server {
		return &torture.Server{
			Binary: binary, Data: t.TempDir(), Env: []string{"PENSTOCK_PLANT=" + string(bug)},
			Flags: []string{"--engine-command-timeout", "1s"},
		}
	}
	for name, scenario := range scenarios() {
		t.Run("no bug, "+name, func(t *testing.T) {
			t.Parallel()
			faults := scenario(t, server(t, ""))
			require.Zero(t, faults.Total(), faults)
		})
	}
	for _, c := range []struct {
		bug      planted.Bug
		scenario string
		kinds    []torture.FaultKind // any of them
	}{
		{planted.AnswerBeforeCommit, "crash", []torture.FaultKind{torture.FaultLost, torture.FaultReplay}},
		{planted.DeltaTwice, "crash", []torture.FaultKind{torture.FaultVerify}},
		{planted.DeltaTwice, "drill", []torture.FaultKind{torture.FaultVerify, torture.FaultStock}},
		{planted.DeltaOfRefused, "crash", []torture.FaultKind{torture.FaultVerify}},
		{planted.KeyNotBound, "crash", []torture.FaultKind{torture.FaultDoubled, torture.FaultReplay}},
		{planted.KeyNotBound, "drill", []torture.FaultKind{torture.FaultDoubled}},
		{planted.RetryAfterSellOut, "drill", []torture.FaultKind{torture.FaultReplay}},
		{planted.RetryAfterSellOut, "flash sale", []torture.FaultKind{torture.FaultReplay}},
		{planted.GrantNotGivenBack, "drill", []torture.FaultKind{torture.FaultSlow, torture.FaultRefusal}},
		{planted.RefuseUncommitted, "histories", []torture.FaultKind{torture.FaultHistory}},
	} {
		t.Run(string(c.bug)+", "+c.scenario, func(t *testing.T) {
			t.Parallel()
			faults := scenarios()[c.scenario](t, server(t, c.bug))
			found := false
			for _, kind := range c.kinds {
				found = found || faults.Has(kind)
			}
			require.True(t, found, "want a fault of kind %v, got %s", c.kinds, faults)
			t.Log(faults)
		})
	}
}
