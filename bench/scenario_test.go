package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

type orderBody struct {
	Items []struct {
		Product  string `json:"product_id"`
		Quantity int    `json:"quantity"`
	} `json:"items"`
	Address map[string]string `json:"shipping_address"`
}

func TestOrdersAreDifferentAndRepeatable(t *testing.T) {
	t.Parallel()
	catalog := &bench.Catalog{Products: []string{"a", "b", "c"}, Hot: "hot"}
	for _, name := range []string{"order", "order-hot"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario, err := bench.ScenarioNamed(name)
			require.NoError(t, err)
			keys := make(map[string]bool)
			for connection := range 3 {
				stream := bench.Stream{Seed: 7, Name: name, Round: 1, Connection: connection}
				source, again := scenario.Source(catalog, stream), scenario.Source(catalog, stream)
				for range 50 {
					raw := source(nil)
					require.Equal(t, raw, again(nil))
					request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
					require.NoError(t, err)
					keys[request.Header.Get("Idempotency-Key")] = true
					var body orderBody
					require.NoError(t, json.NewDecoder(request.Body).Decode(&body))
					require.Len(t, body.Items, 2)
					require.NotEqual(t, body.Items[0].Product, body.Items[1].Product)
					require.Equal(t, name == "order-hot", body.Items[1].Product == "hot")
					require.Positive(t, body.Items[0].Quantity)
					require.NotEmpty(t, body.Address["postal_code"])
				}
			}
			require.Len(t, keys, 150)
		})
	}
}

func TestAnUnknownScenarioNamesTheKnownOnes(t *testing.T) {
	t.Parallel()
	_, err := bench.ScenarioNamed("nonsense")
	require.ErrorContains(t, err, "order-hot")
}
