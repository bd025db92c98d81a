package frontproxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/frontproxy"
)

func TestAProxyPassesRequestsOnAndWritesThemDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []frontproxy.Kind{frontproxy.Nginx, frontproxy.HAProxy} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "from behind: "+r.URL.Path) }))
		t.Cleanup(server.Close)
		proxy := frontproxy.Start(t, kind, strings.TrimPrefix(server.URL, "http://"))
		response, err := http.Get("http://" + proxy.Address + "/some/path?x=1")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "from behind: /some/path", string(body), kind)
		require.Eventually(t, func() bool { return len(proxy.Forwarded()) == 1 }, 10*time.Second, time.Millisecond, kind)
		require.Equal(t, []string{"GET /some/path?x=1"}, proxy.Forwarded(), kind)
	}
}
