package http

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func asyncapiRoute() Route {
	return Route{
		Method: "GET", Path: "/asyncapi.json", Operation: "messages", Tag: "operation", AnyQuery: true,
		Policy: anybody(), Class: access.ClassRead,
		Summary: "Describes the messages of subscriptions.",
		Answers: []Answer{{Status: 200, Schema: "Document", Description: "An AsyncAPI 3 document."}},
		Handle:  (*Server).serveAsyncDocument,
	}
}

func (s *Server) serveAsyncDocument(r *request) error {
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answerShared(contentTypeJSON, s.asyncDocument)
	return nil
}

// asyncDocument makes the AsyncAPI 3 document of the routes that stay open. What their requests take is
// the registry's, as in the API document; what they send is messageSchemas'.
func asyncDocument(routes []Route, version string) ([]byte, error) {
	channels, operations := make(map[string]any), make(map[string]any)
	for i := range routes {
		r := &routes[i]
		messages, protocol := messagesOf(r)
		if messages == nil {
			continue
		}
		channel := make(map[string]any)
		var sent []schema
		for _, name := range messages {
			channel[name] = schema{"$ref": "#/components/messages/" + name}
			sent = append(sent, schema{"$ref": "#/channels/" + r.Operation + "/messages/" + name})
		}
		channels[r.Operation] = map[string]any{
			"address": r.Path, "summary": r.Summary, "messages": channel,
			"servers":    []schema{{"$ref": "#/servers/" + protocol}},
			"parameters": channelParameters(r), "bindings": channelBindings(r, protocol),
		}
		operations[r.Operation] = map[string]any{
			"action": "send", "channel": schema{"$ref": "#/channels/" + r.Operation}, "messages": sent,
		}
	}
	server := func(protocol string) map[string]any {
		return map[string]any{"host": "127.0.0.1:8000", "protocol": protocol, "description": "Where this document came from."}
	}
	text, err := json.MarshalIndent(map[string]any{
		"asyncapi": "3.0.0",
		"info": map[string]any{
			"title": "Penstock", "version": version,
			"description": "Committed events of orders, as they happen. An order's events are numbered without a gap; whoever " +
				"comes back says the last number, or the last cursor, and misses nothing. Nothing is to be sent to the server.",
			"license": map[string]any{"name": "Apache-2.0"},
		},
		"defaultContentType": contentTypeJSON,
		"servers":            map[string]any{"ws": server("ws"), "http": server("http")},
		"channels":           channels,
		"operations":         operations,
		"components":         map[string]any{"messages": messageDescriptions(), "schemas": messageSchemas()},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the document of messages: %w", err)
	}
	return text, nil
}

// messagesOf returns the messages that a route sends, nil for one that answers once.
func messagesOf(r *Route) (names []string, protocol string) {
	switch r.Operation {
	case "followOrder":
		return []string{"Order", "Update"}, "ws"
	case "orderEvents":
		return []string{"Order", "Update"}, "http"
	case "followOrders":
		return []string{"Start", "FeedUpdate"}, "ws"
	}
	return nil, ""
}

func channelParameters(r *Route) map[string]any {
	out := make(map[string]any)
	for _, p := range r.Parameters {
		if p.In == InPath {
			out[p.Name] = map[string]any{"description": p.Description}
		}
	}
	return out
}

// channelBindings describes the query of the request that opens a channel.
func channelBindings(r *Route, protocol string) map[string]any {
	properties := make(schema)
	for _, p := range r.Parameters {
		if p.In == InQuery {
			s := p.schema()
			s["description"] = p.Description
			properties[p.Name] = s
		}
	}
	if protocol != "ws" {
		return map[string]any{}
	}
	return map[string]any{"ws": map[string]any{
		"method": r.Method, "query": schema{"type": "object", "properties": properties, "additionalProperties": false},
		"bindingVersion": "0.1.0",
	}}
}

func messageDescriptions() map[string]any {
	message := func(name, summary string) map[string]any {
		return map[string]any{
			"name": name, "summary": summary, "contentType": contentTypeJSON, "payload": reference(name + "Message"),
		}
	}
	return map[string]any{
		"Order":      message("Order", "The order as it is, sent first. Updates follow its seq."),
		"Update":     message("Update", "A committed event of the order."),
		"Start":      message("Start", "Where the updates begin, sent first."),
		"FeedUpdate": message("FeedUpdate", "A committed event of any order."),
	}
}

func messageSchemas() map[string]schema {
	head := func(more schema) schema {
		properties := schema{
			"order_id": idSchema("Which order."),
			"seq":      plainSchema("integer", "The event's number: those of an order are 1, 2, 3 without a gap."),
			"at":       timeSchema("When."),
		}
		maps.Copy(properties, more)
		return answerObject(properties)
	}
	cursor := schema{
		"type": "string", "pattern": "^[A-Za-z0-9_-]+$",
		"description": "Say it as ?cursor= to go on after this message.",
	}
	all := answerSchemas()
	fed := maps.Clone(eventDataProperties())
	fed["customer_id"] = plainSchema("string", "Whose order it is.")
	return map[string]schema{
		"OrderMessage":  head(schema{"type": schema{"const": wire.MessageOrder}, "data": reference("Order")}),
		"UpdateMessage": head(schema{"type": eventTypeSchema(), "data": answerObject(eventDataProperties())}),
		"FeedUpdateMessage": head(schema{
			"type": eventTypeSchema(), "data": answerObject(fed), "cursor": cursor,
		}),
		"StartMessage": answerObject(schema{"type": schema{"const": wire.MessageStart}, "cursor": cursor}),
		"Order":        all["Order"], "Item": all["Item"], "Address": addressSchema(),
	}
}

func eventDataProperties() schema {
	return schema{
		"status":          statusSchema("The state that was reached."),
		"note":            plainSchema("string", "What was noted."),
		"reason":          plainSchema("string", "Why."),
		"carrier":         plainSchema("string", "Who carries it."),
		"tracking_number": plainSchema("string", "How the carrier calls it."),
		"actor":           plainSchema("string", "Who asked for it; empty for the engine itself."),
	}
}

func eventTypeSchema() schema {
	var types []string
	for t := commerce.EventOrderPlaced; t <= commerce.EventOrderCancelled; t++ {
		types = append(types, t.String())
	}
	return schema{"type": "string", "enum": types, "description": "What happened."}
}
