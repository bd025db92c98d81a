package http

import (
	"maps"
	"slices"
	"strconv"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// schema is a JSON Schema (2020-12) as it stands in the API document.
type schema map[string]any

// textSchema bounds a text that people write, in characters.
func textSchema(min, max int, description string) schema {
	s := lengthSchema(min, max, description)
	s["pattern"] = patternText
	if min > 0 {
		s["pattern"] = patternNotBlank
	}
	return s
}

// lengthSchema bounds any text, in characters.
func lengthSchema(min, max int, description string) schema {
	s := schema{"type": "string", "maxLength": max, "description": description}
	if min > 0 {
		s["minLength"] = min
	}
	return s
}

func integerSchema(min, max int64, description string) schema {
	return schema{"type": "integer", "format": "int64", "minimum": min, "maximum": max, "description": description}
}

func plainSchema(kind, description string) schema {
	return schema{"type": kind, "description": description}
}

func idSchema(description string) schema {
	return schema{"type": "string", "format": "uuid", "description": description}
}

func timeSchema(description string) schema {
	return schema{"type": "string", "format": "date-time", "description": description}
}

func currencySchema() schema {
	return schema{"type": "string", "pattern": patternCurrency, "examples": []string{"KRW", "USD"}, "description": "An ISO 4217 code."}
}

func nullable(s schema) schema {
	s["type"] = []string{s["type"].(string), "null"} //nolint:forcetypeassert // made above
	return s
}

func listSchema(items string) schema {
	return schema{"type": "array", "items": reference(items)}
}

func reference(name string) schema {
	return schema{"$ref": "#/components/schemas/" + name}
}

// requestObject is an object that may hold nothing else.
func requestObject(properties schema, required ...string) schema {
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// answerObject is an object in which every property is always there, but for those named.
func answerObject(properties schema, optional ...string) schema {
	var required []string
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !slices.Contains(optional, name) {
			required = append(required, name)
		}
	}
	return schema{"type": "object", "properties": properties, "required": required}
}

// schemas are the bodies of the API, by name.
func schemas() map[string]schema {
	all := requestSchemas()
	maps.Copy(all, answerSchemas())
	maps.Copy(all, benchmarkSchemas())
	maps.Copy(all, sessionSchemas())
	maps.Copy(all, keySchemas())
	maps.Copy(all, auditSchemas())
	return all
}

func requestSchemas() map[string]schema {
	price := func() schema { return integerSchema(0, commerce.PriceMax, "Of one unit, in minor units.") }
	attributes := func() schema {
		return plainSchema("object", "What else is to be said of it: at most "+strconv.Itoa(commerce.AttributesMax)+
			" bytes as compact JSON, nested at most "+strconv.Itoa(wire.AttributesDepthMax)+" levels.")
	}
	return map[string]schema{
		"CreateProduct": requestObject(schema{
			"name":           textSchema(1, commerce.NameMax, "What it is called."),
			"description":    textSchema(0, commerce.DescriptionMax, "What it is."),
			"price":          price(),
			"currency":       withDefault(currencySchema(), commerce.DefaultCurrency().String()),
			"category":       textSchema(0, commerce.CategoryMax, "Where it belongs."),
			"sku":            textSchema(0, commerce.SKUMax, "Your own name for it; no two products share one."),
			"stock_quantity": integerSchema(0, commerce.OnHandMax, "Its first units on hand."),
			"attributes":     attributes(),
		}, "name", "price", "stock_quantity"),
		"ProductPatch": filled(requestObject(schema{
			"name":        textSchema(1, commerce.NameMax, "What it is called."),
			"description": nullable(textSchema(0, commerce.DescriptionMax, "What it is; null empties it.")),
			"price":       price(),
			"category":    nullable(textSchema(0, commerce.CategoryMax, "Where it belongs; null empties it.")),
			"sku":         nullable(textSchema(0, commerce.SKUMax, "Your own name for it; null takes it away.")),
			"attributes":  nullable(attributes()),
		})),
		"AdjustStock": requestObject(schema{
			"quantity_change": unequal(integerSchema(-commerce.QuantityMax, commerce.QuantityMax, "Units that come, or go; not 0."), 0),
			"reason":          textSchema(0, commerce.ReasonMax, "A word for the ledger."),
		}, "quantity_change"),
		"PlaceOrder": requestObject(schema{
			"items": schema{
				"type": "array", "minItems": 1, "maxItems": commerce.OrderItemsMax, "items": reference("OrderLine"),
				"description": "What is wanted. The same product twice is added up.",
			},
			"shipping_address": reference("Address"),
			"note":             textSchema(0, commerce.NoteMax, "For whoever packs it."),
		}, "items", "shipping_address"),
		"OrderLine": requestObject(schema{
			"product_id": idSchema("Which product."),
			"quantity":   integerSchema(1, commerce.QuantityMax, "How many units."),
			"price":      integerSchema(0, commerce.PriceMax, "What you believe one unit costs; only compared."),
		}, "product_id", "quantity"),
		"Address": addressSchema(),
		"CancelOrder": requestObject(schema{
			"reason": textSchema(0, commerce.ReasonMax, "Why."),
		}),
		"TransitionOrder":  requestObject(transitionProperties(), "to"),
		"TransitionOrders": transitionsSchema(),
	}
}

func addressSchema() schema {
	line := func(min int, description string) schema {
		return textSchema(min, commerce.AddressFieldMax, description)
	}
	return requestObject(schema{
		"recipient":   line(0, "Who receives it."),
		"phone":       line(0, "How to reach them."),
		"street":      line(1, "Street and number."),
		"street2":     line(0, "Flat, floor, company."),
		"city":        line(1, "City."),
		"state":       line(0, "State or province."),
		"postal_code": line(1, "Postal code."),
		"country":     line(0, "Country."),
	}, "street", "city", "postal_code")
}

func filled(s schema) schema {
	s["minProperties"] = 1
	return s
}

func unequal(s schema, value any) schema {
	s["not"] = schema{"const": value}
	return s
}

func withDefault(s schema, value any) schema {
	s["default"] = value
	return s
}
