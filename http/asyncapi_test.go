package http

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// asyncapi is what the tests read of the document of messages.
type asyncapi struct {
	AsyncAPI string `json:"asyncapi"`
	Channels map[string]struct {
		Address  string                       `json:"address"`
		Messages map[string]map[string]string `json:"messages"`
		Servers  []map[string]string          `json:"servers"`
	} `json:"channels"`
	Operations map[string]struct {
		Action   string              `json:"action"`
		Channel  map[string]string   `json:"channel"`
		Messages []map[string]string `json:"messages"`
	} `json:"operations"`
	Components struct {
		Messages map[string]struct {
			Payload map[string]string `json:"payload"`
		} `json:"messages"`
		Schemas map[string]map[string]any `json:"schemas"`
	} `json:"components"`
}

func readMessages(t *testing.T, b *testBundle) (doc asyncapi) {
	t.Helper()
	a := b.do(t, call{"GET", "/asyncapi.json", "", nil})
	require.Equal(t, 200, a.status)
	golden(t, "asyncapi.json", a.body+"\n")
	require.NoError(t, json.Unmarshal([]byte(a.body), &doc))
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &all))
	for _, reference := range regexp.MustCompile(`"\$ref": "#/([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		at := any(all)
		for _, name := range strings.Split(reference[1], "/") {
			object, ok := at.(map[string]any)
			require.True(t, ok, reference[1])
			at = object[name]
			require.NotNil(t, at, reference[1])
		}
	}
	return doc
}

// conforms checks a value against the part of JSON Schema that the document uses.
func (doc *asyncapi) conforms(s map[string]any, value any, at string) error {
	if reference, ok := s["$ref"].(string); ok {
		return doc.conforms(doc.Components.Schemas[reference[strings.LastIndexByte(reference, '/')+1:]], value, at)
	}
	if want, ok := s["const"]; ok && value != want {
		return fmt.Errorf("%s is %v, not %v", at, value, want)
	}
	if words, ok := s["enum"].([]any); ok && !slices.Contains(words, value) {
		return fmt.Errorf("%s is %v, not one of %v", at, value, words)
	}
	switch s["type"] {
	case "object":
		return doc.object(s, value, at)
	case "array":
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is no array: %v", at, value)
		}
		for i := range list {
			if err := doc.conforms(s["items"].(map[string]any), list[i], fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
	case "integer":
		if n, ok := value.(float64); !ok || n != float64(int64(n)) {
			return fmt.Errorf("%s is no integer: %v", at, value)
		}
	case "string":
		return textConforms(s, value, at)
	}
	return nil
}

func (doc *asyncapi) object(s map[string]any, value any, at string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no object: %v", at, value)
	}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := object[name.(string)]; !there {
			return fmt.Errorf("%s has no %s", at, name)
		}
	}
	for name, v := range object {
		described, ok := properties[name].(map[string]any)
		if !ok {
			return fmt.Errorf("%s/%s is not described", at, name)
		}
		if err := doc.conforms(described, v, at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func textConforms(s map[string]any, value any, at string) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s is no string: %v", at, value)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		return fmt.Errorf("%s is %q, which does not match %s", at, text, pattern)
	}
	var err error
	switch s["format"] {
	case "uuid":
		_, err = commerce.ParseID(text)
	case "date-time":
		_, err = time.Parse(time.RFC3339Nano, text)
	}
	return err
}

// What the server really sends is what the document says, message by message.
func TestAsyncAPI_DescribesTheMessagesThatAreSent(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	doc := readMessages(t, s.testBundle)
	require.Equal(t, "3.0.0", doc.AsyncAPI)
	o := s.place(t, "kim")
	path := pathOrders + "/" + o.ID.String()
	single, all := s.follow(t, path+"/updates"), s.follow(t, pathOrders+"/updates")
	first := []message{single.next(), all.next()}
	stream := s.open(t, "GET "+path+"/events HTTP/1.1\r\nHost: x\r\n\r\n")
	stream.header()
	s.move(t, o.ID, commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted)
	got := map[string][]string{"followOrder": {string(first[0].raw)}, "followOrders": {string(first[1].raw)}}
	for range 5 {
		got["followOrder"] = append(got["followOrder"], string(single.next().raw))
		got["followOrders"] = append(got["followOrders"], string(all.next().raw))
	}
	for len(got["orderEvents"]) < 6 {
		line, err := stream.r.ReadString('\n')
		require.NoError(t, err)
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			got["orderEvents"] = append(got["orderEvents"], data)
		}
	}
	require.Len(t, doc.Channels, len(got))
	for operation, texts := range got {
		require.Equal(t, "send", doc.Operations[operation].Action)
		require.Equal(t, "#/channels/"+operation, doc.Operations[operation].Channel["$ref"])
		used := make(map[string]bool)
		for _, text := range texts {
			var value any
			require.NoError(t, json.Unmarshal([]byte(text), &value))
			var errs []string
			for name := range doc.Channels[operation].Messages {
				payload := doc.Components.Messages[name].Payload["$ref"]
				if err := doc.conforms(map[string]any{"$ref": payload}, value, name); err != nil {
					errs = append(errs, err.Error())
					continue
				}
				used[name] = true
			}
			require.Len(t, errs, len(doc.Channels[operation].Messages)-1, "%s: one description fits: %v", text, errs)
		}
		require.Len(t, used, len(doc.Channels[operation].Messages), "every message that is described is sent")
	}
}

// Each channel is a route of the API, and each route that stays open is a channel.
func TestAsyncAPI_ChannelsAreRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	doc := readMessages(t, b)
	for _, r := range b.server.routes {
		channel, described := doc.Channels[r.Operation]
		require.Equal(t, r.Tag == "live", described, r.Operation)
		if described {
			require.Equal(t, r.Path, channel.Address)
		}
	}
}
