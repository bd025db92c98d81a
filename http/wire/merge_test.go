package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// merge applies a patch of attributes as a request would.
func merge(t *testing.T, current, attributes string) *string {
	t.Helper()
	var patch wire.ProductPatch
	require.NoError(t, wire.NewDecoder().ProductPatch([]byte(`{"attributes":`+attributes+`}`), &patch))
	product, _ := sampleProduct()
	product.Attributes = current
	cmd, err := patch.Apply(product, commerce.Trusted("kim"))
	require.NoError(t, err)
	require.Equal(t, product.Version, cmd.Version)
	return cmd.Attributes
}

// The cases are those of RFC 7396, appendix A, whose documents are objects.
func TestProductPatch_MergesAttributes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ current, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, ``},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{``, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"a":1}`, `null`, ``},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{``, `{}`, ``},
		{`{"é":1}`, `{"\u00e9":{"\n":"\""}}`, `{"é":{"\n":"\""}}`},
	} {
		got := merge(t, c.current, c.patch)
		require.NotNil(t, got)
		require.Equal(t, c.want, *got, "%s + %s", c.current, c.patch)
	}
}

func TestProductPatch_EmptiesWithNull(t *testing.T) {
	t.Parallel()
	var patch wire.ProductPatch
	require.NoError(t, wire.NewDecoder().ProductPatch(
		[]byte(`{"description":null,"category":null,"sku":null,"price":7,"name":"Pot"}`), &patch))
	product, _ := sampleProduct()
	cmd, err := patch.Apply(product, commerce.Trusted("kim"))
	require.NoError(t, err)
	empty, name, price := "", "Pot", int64(7)
	require.Equal(t, &commerce.UpdateProduct{
		Caller: commerce.Trusted("kim"), Product: product.ID, Version: 12, Name: &name, Description: &empty, Category: &empty, SKU: &empty,
		Price: &price,
	}, cmd)
}

// Two texts that are short enough can make one that is not.
func TestProductPatch_RefusesAMergeThatIsTooLong(t *testing.T) {
	t.Parallel()
	half := make([]byte, commerce.AttributesMax-100)
	for i := range half {
		half[i] = 'x'
	}
	var patch wire.ProductPatch
	require.NoError(t, wire.NewDecoder().ProductPatch([]byte(`{"attributes":{"b":"`+string(half)+`"}}`), &patch))
	product, _ := sampleProduct()
	product.Attributes = `{"a":"` + string(half) + `"}`
	_, err := patch.Apply(product, commerce.Trusted("kim"))
	require.Equal(t, "/attributes", requireRefusal(t, err).Violations[0].Pointer)
}
