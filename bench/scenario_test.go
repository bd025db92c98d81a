package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
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

func catalog() *bench.Catalog {
	c := &bench.Catalog{Hot: "hot", Categories: []string{"home & garden"}, Words: []string{"Teapot", "찻주전자"}}
	for _, id := range "abcdefghijklmnopqrstuvwxyz" {
		c.Products = append(c.Products, string(id))
	}
	return c
}

func parseRequest(t *testing.T, raw []byte) *http.Request {
	t.Helper()
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	require.NoError(t, err, string(raw))
	return request
}

func TestOrdersAreDifferentAndRepeatable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order", "order-hot", "order-zipf"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario, err := bench.ScenarioNamed(name)
			require.NoError(t, err)
			keys := make(map[string]bool)
			for connection := range 3 {
				stream := bench.Stream{Seed: 7, Name: name, Round: 1, Connection: connection}
				requests, again := scenario.Requests(catalog(), stream), scenario.Requests(catalog(), stream)
				for range 50 {
					raw, kind := requests(nil)
					same, _ := again(nil)
					require.Equal(t, raw, same)
					require.Zero(t, kind)
					request := parseRequest(t, raw)
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

func TestZipfWantsFewProductsMuch(t *testing.T) {
	t.Parallel()
	scenario, err := bench.ScenarioNamed("order-zipf")
	require.NoError(t, err)
	requests := scenario.Requests(catalog(), bench.Stream{Seed: 1})
	wanted := make(map[string]int)
	for range 2000 {
		raw, _ := requests(nil)
		var body orderBody
		require.NoError(t, json.NewDecoder(parseRequest(t, raw).Body).Decode(&body))
		wanted[body.Items[0].Product]++
	}
	most, least := 0, 2000
	for _, n := range wanted {
		most, least = max(most, n), min(least, n)
	}
	require.Greater(t, most, 400)
	require.Less(t, least, 40)
}

func TestEveryScenarioMakesRequestsOfItsKinds(t *testing.T) {
	t.Parallel()
	for _, scenario := range bench.Scenarios() {
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			percents := 0
			for _, share := range scenario.Mix {
				percents += share.Percent
			}
			require.Equal(t, 100, percents)
			require.NotEmpty(t, scenario.About)
			kinds := scenario.Kinds()
			if scenario.Followed { // its requests are an audience's
				require.Len(t, kinds, 1)
				require.Nil(t, kinds[0].Source)
				return
			}
			met := make([]int, len(kinds))
			requests := scenario.Requests(catalog(), bench.Stream{Seed: 3, Name: scenario.Name})
			for range 2000 {
				raw, kind := requests(nil)
				met[kind]++
				request, k := parseRequest(t, raw), kinds[kind]
				require.Equal(t, k.Method, request.Method)
				if strings.HasSuffix(k.Path, "/") {
					require.True(t, strings.HasPrefix(request.URL.Path, k.Path), request.URL.Path)
				} else {
					require.Equal(t, k.Path, request.URL.Path)
				}
			}
			for i, share := range scenario.Mix {
				require.InDelta(t, 20*share.Percent, met[i], 100, kinds[i].Name)
			}
		})
	}
}

func TestQueriesAreEscaped(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, name := range []string{"product-list", "search"} {
		scenario, err := bench.ScenarioNamed(name)
		require.NoError(t, err)
		requests := scenario.Requests(catalog(), bench.Stream{Seed: 3})
		for range 200 {
			raw, _ := requests(nil)
			query := parseRequest(t, raw).URL.Query()
			seen[query.Get("category")], seen[query.Get("q")] = true, true
		}
	}
	for _, want := range []string{"home & garden", "Teapot", "Tea", "찻주전자", "찻주", "Teapot 찻주전자"} {
		require.True(t, seen[want], want)
	}
}

func TestAnUnknownScenarioNamesTheKnownOnes(t *testing.T) {
	t.Parallel()
	_, err := bench.ScenarioNamed("nonsense")
	require.ErrorContains(t, err, "order-hot")
}
