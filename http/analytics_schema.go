package http

import (
	"maps"

	"github.com/penstock-dev/penstock/commerce"
)

// analyticsSchemas are the answers about sales.
func analyticsSchemas() map[string]schema {
	days := func() schema {
		return schema{
			"start_date": schema{"type": "string", "format": "date", "description": "The first day."},
			"end_date":   schema{"type": "string", "format": "date", "description": "The last day."},
		}
	}
	ranged := func(more schema) schema {
		all := days()
		all["time_zone"] = plainSchema("string", "The time zone of the days.")
		maps.Copy(all, more)
		return answerObject(all)
	}
	interval := schema{"type": "string", "enum": intervalWords(), "description": "How the range is cut."}
	inInterval := func(sums schema) schema {
		all := days()
		all["start_at"] = timeSchema("When the interval begins.")
		all["end_at"] = timeSchema("When it ends.")
		maps.Copy(all, sums)
		return answerObject(all)
	}
	byCurrency := func(of string) schema {
		return answerObject(schema{
			"currency": currencySchema(), "total": reference(of + "Sums"),
			"intervals": schema{"type": "array", "items": reference(of + "Interval"), "description": "All of them, in their order."},
		})
	}
	return map[string]schema{
		"SalesSummary":      ranged(schema{"interval": interval, "currencies": listSchema("SalesCurrency")}),
		"SalesCurrency":     byCurrency("Sales"),
		"SalesSums":         answerObject(salesSumsSchema()),
		"SalesInterval":     inInterval(salesSumsSchema()),
		"ProductSales":      ranged(schema{"product_id": idSchema("Which product."), "interval": interval, "currencies": listSchema("UnitsCurrency")}),
		"UnitsCurrency":     byCurrency("Units"),
		"UnitsSums":         answerObject(unitsSumsSchema()),
		"UnitsInterval":     inInterval(unitsSumsSchema()),
		"TopProducts":       ranged(schema{"by": schema{"type": "string", "enum": []string{"units", "revenue"}}, "currencies": listSchema("TopCurrency")}),
		"TopCurrency":       answerObject(schema{"currency": currencySchema(), "products": listSchema("TopProduct")}),
		"TopProduct":        topProductSchema(),
		"SalesStatusCounts": statusCountsSchema(),
	}
}

func salesSumsSchema() schema {
	return schema{
		"orders":  plainSchema("integer", "Orders placed, cancelled ones too."),
		"revenue": plainSchema("integer", "The totals of the orders that are not cancelled, in minor units. It may exceed 64 bits."),
		"average": plainSchema("integer", "revenue for each of these orders, rounded to the nearest minor unit; 0 without orders."),
		"cancellation_rate": schema{
			"type": "number", "minimum": 0, "maximum": 1, "description": "The part of the orders that are cancelled, to six decimals.",
		},
		"by_status": reference("SalesStatusCounts"),
	}
}

func statusCountsSchema() schema {
	of := schema{}
	for _, status := range statusWords() {
		of[status] = answerObject(schema{
			"orders": plainSchema("integer", "Orders in this state now."),
			"amount": plainSchema("integer", "Their totals, in minor units."),
		})
	}
	return answerObject(of)
}

func unitsSumsSchema() schema {
	return schema{
		"units":           plainSchema("integer", "Units of orders that are not cancelled."),
		"revenue":         plainSchema("integer", "What they were sold for, in minor units."),
		"cancelled_units": plainSchema("integer", "Units of orders that were cancelled."),
	}
}

func topProductSchema() schema {
	of := unitsSumsSchema()
	of["product_id"] = idSchema("Which product.")
	of["name"] = plainSchema("string", "What it is called now.")
	of["sku"] = textSchema(0, commerce.SKUMax, "Its SKU now.")
	return answerObject(of)
}
