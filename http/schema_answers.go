package http

import "maps"

func answerSchemas() map[string]schema {
	all := map[string]schema{
		"Problem": problemSchema(),
		"Product": productSchema(),
		"ProductPage": answerObject(schema{
			"products": listSchema("Product"),
			"page":     plainSchema("integer", "Which page this is."),
			"per_page": plainSchema("integer", "How many products a page has at most."),
			"total":    plainSchema("integer", "How many products were selected in all."),
		}),
		"Suggestions": answerObject(schema{"suggestions": listSchema("Suggestion")}),
		"Suggestion": answerObject(schema{
			"text":       plainSchema("string", "The name of a product."),
			"product_id": idSchema("The product; the best one, if several have that name."),
		}),
		"Stock": answerObject(schema{
			"on_hand":   plainSchema("integer", "Units in the building."),
			"allocated": plainSchema("integer", "Those of them that belong to orders not yet shipped."),
			"available": plainSchema("integer", "What may still be sold."),
		}),
		"Movement":     movementSchema(),
		"MovementPage": answerObject(schema{"movements": listSchema("Movement"), "next_cursor": cursorSchema()}),
		"Order":        orderSchema(),
		"OrderPage":    answerObject(schema{"orders": listSchema("Order"), "next_cursor": cursorSchema()}),
		"Item": answerObject(schema{
			"product_id": idSchema("Which product."),
			"name":       plainSchema("string", "Its name at the moment of sale."),
			"sku":        plainSchema("string", "Its SKU at the moment of sale."),
			"quantity":   plainSchema("integer", "How many units."),
			"unit_price": plainSchema("integer", "What one cost at the moment of sale, in minor units."),
			"line_total": plainSchema("integer", "quantity times unit_price."),
		}),
		"Tracking": answerObject(schema{
			"order_id":        idSchema("Which order."),
			"status":          statusSchema("Its state."),
			"carrier":         plainSchema("string", "Who carries it."),
			"tracking_number": plainSchema("string", "How the carrier calls it."),
			"events":          listSchema("Event"),
		}),
		"Event": answerObject(schema{
			"seq":             plainSchema("integer", "Its number, from 1 without a gap."),
			"type":            plainSchema("string", "What happened, like order.paid."),
			"status":          statusSchema("The state that was reached."),
			"at":              timeSchema("When."),
			"note":            plainSchema("string", "What was noted."),
			"reason":          plainSchema("string", "Why."),
			"carrier":         plainSchema("string", "Who carries it."),
			"tracking_number": plainSchema("string", "How the carrier calls it."),
			"actor":           plainSchema("string", "Who asked for it; empty for the engine itself."),
		}),
	}
	maps.Copy(all, operatorSchemas())
	maps.Copy(all, analyticsSchemas())
	maps.Copy(all, transitionOutcomeSchemas())
	return all
}

func operatorSchemas() map[string]schema {
	return map[string]schema{
		"Health": answerObject(schema{
			"status":         schema{"type": "string", "enum": []string{"ok", "draining", "unavailable"}},
			"ready":          plainSchema("boolean", "Whether requests can be served."),
			"store":          plainSchema("string", "ok, or what is wrong with the store."),
			"writer":         schema{"type": "string", "description": "ok, stalled, fenced or stopped."},
			"draining":       plainSchema("boolean", "Whether the process is being stopped."),
			"quarantined":    plainSchema("integer", "Products whose books did not add up."),
			"version":        plainSchema("string", "Of the program."),
			"uptime_seconds": plainSchema("integer", "Since the process started."),
		}),
		"Status": answerObject(schema{
			"status": schema{"type": "string", "enum": []string{"ok", "draining", "unavailable"}},
		}),
		"Report": answerObject(schema{
			"ok":           plainSchema("boolean", "Whether every sum is right."),
			"products":     plainSchema("integer", "Products checked."),
			"orders":       plainSchema("integer", "Orders checked."),
			"movements":    plainSchema("integer", "Ledger lines checked."),
			"events":       plainSchema("integer", "Events checked."),
			"keys":         plainSchema("integer", "Idempotency keys checked."),
			"faults_total": plainSchema("integer", "Faults found."),
			"faults": schema{"type": "array", "description": "The first of them.", "items": answerObject(schema{
				"kind": plainSchema("string", "Which sum is wrong."), "entity": plainSchema("string", "Where."),
				"detail": plainSchema("string", "How."),
			})},
			"at": timeSchema("When it was looked at."),
		}),
		"Document": plainSchema("object", "An OpenAPI 3.1 document."),
	}
}

func productSchema() schema {
	return answerObject(schema{
		"id":          idSchema("Its id."),
		"name":        plainSchema("string", "What it is called."),
		"description": plainSchema("string", "What it is."),
		"price":       plainSchema("integer", "Of one unit, in minor units."),
		"currency":    currencySchema(),
		"category":    plainSchema("string", "Where it belongs."),
		"sku":         plainSchema("string", "The merchant's name for it."),
		"attributes":  plainSchema("object", "What else is to be said of it."),
		"archived":    plainSchema("boolean", "Whether it is no longer sold."),
		"version":     plainSchema("integer", "Counts changes of the product, not of its stock."),
		"stock":       reference("Stock"),
		"created_at":  timeSchema("When it was made."),
		"updated_at":  timeSchema("When it was last changed."),
	})
}

func movementSchema() schema {
	return answerObject(schema{
		"product_id":      idSchema("Which product."),
		"version":         plainSchema("integer", "The line's number in the ledger, from 1 without a gap."),
		"on_hand_delta":   plainSchema("integer", "Units that came into the building, or left it."),
		"allocated_delta": plainSchema("integer", "Units that were set aside for an order, or given back."),
		"reason":          plainSchema("string", "Why, like order_placed."),
		"order_id":        idSchema("The order that caused it, if one did."),
		"actor":           plainSchema("string", "Who asked for it; empty for the engine itself."),
		"at":              timeSchema("When."),
		"stock":           reference("Stock"),
	}, "order_id")
}

func orderSchema() schema {
	return answerObject(schema{
		"id":               idSchema("Its id."),
		"status":           statusSchema("Its state."),
		"customer_id":      plainSchema("string", "Who placed it."),
		"items":            listSchema("Item"),
		"total_amount":     plainSchema("integer", "The sum of its items, in minor units."),
		"currency":         currencySchema(),
		"shipping_address": reference("Address"),
		"note":             plainSchema("string", "For whoever packs it."),
		"placed_at":        timeSchema("When it was placed."),
		"updated_at":       timeSchema("When its state last changed."),
		"expires_at":       timeSchema("Until when it waits for its payment; only while it is pending."),
		"carrier":          plainSchema("string", "Who carries it."),
		"tracking_number":  plainSchema("string", "How the carrier calls it."),
		"cancel_reason":    plainSchema("string", "Why it was cancelled."),
		"version":          plainSchema("integer", "Counts its events."),
	}, "expires_at")
}

func problemSchema() schema {
	return answerObject(schema{
		"type":           schema{"type": "string", "format": "uri", "description": "A stable name of the kind of problem."},
		"title":          plainSchema("string", "What kind of problem it is."),
		"status":         plainSchema("integer", "The HTTP status."),
		"detail":         plainSchema("string", "What is wrong this time."),
		"instance":       plainSchema("string", "The path that was asked for."),
		"code":           plainSchema("string", "The kind of problem, to branch on."),
		"correlation_id": plainSchema("string", "The id under which the request is logged."),
		"errors": schema{"type": "array", "description": "Every fault of the request.", "items": answerObject(schema{
			"pointer":   plainSchema("string", "Where in the body: a JSON pointer (RFC 6901)."),
			"parameter": plainSchema("string", "Or which parameter."),
			"header":    plainSchema("string", "Or which header field."),
			"detail":    plainSchema("string", "What would be right."),
		}, "pointer", "parameter", "header")},
		"product_id": idSchema("Which product it is about."),
		"available":  plainSchema("integer", "How many units are left (insufficient_stock)."),
		"price":      plainSchema("integer", "What it costs now, in minor units (price_changed)."),
		"currency":   currencySchema(),
		"order_id":   idSchema("Which order it is about."),
	}, "instance", "errors", "product_id", "available", "price", "currency", "order_id")
}

func statusSchema(description string) schema {
	return schema{"type": "string", "enum": statusWords(), "description": description}
}

func cursorSchema() schema {
	return nullable(plainSchema("string", "For the next page; null on the last one."))
}
