package http

import (
	"maps"
	"strconv"
)

// benchmarkSchemas are the bodies of benchmarks. What a result holds is described by penstock bench;
// here stands what a reader of the API needs.
func benchmarkSchemas() map[string]schema {
	all := benchmarkResultSchemas()
	maps.Copy(all, benchmarkRunSchemas())
	maps.Copy(all, benchmarkComparisonSchemas())
	return all
}

const (
	benchmarkFigureMax  = 1_000_000_000_000
	benchmarkFiguresMax = 200
)

func figureSchema(description string) schema {
	return schema{"type": "number", "minimum": 0, "maximum": benchmarkFigureMax, "description": description}
}

func benchmarkResultSchemas() map[string]schema {
	return map[string]schema{
		"BenchmarkDocument": {
			"type": "object", "required": []string{"results"},
			"description": "As penstock bench --json prints it.",
			"properties": schema{
				"environment": plainSchema("object", "Where it was measured: machine, disk, and how."),
				"results": schema{
					"type": "array", "minItems": 1, "maxItems": benchmarkFiguresMax, "items": reference("BenchmarkFigures"),
					"description": "One for each engine and scenario.",
				},
			},
		},
		"BenchmarkFigures": {
			"type": "object", "required": []string{"engine", "scenario"},
			"description": "One engine under one scenario.",
			"properties": schema{
				"engine":                lengthSchema(1, 64, "What was measured, like penstock-pebble or rowlock."),
				"scenario":              lengthSchema(1, 64, "What it was asked, like order."),
				"operations_per_second": figureSchema("Good answers a second."),
				"cpu_us_per_operation":  figureSchema("Microseconds of CPU of server and database; 0 is not known."),
				"latency_ms":            reference("BenchmarkLatency"),
				"errors":                schema{"type": "integer", "minimum": 0, "description": "Other answers, and lost connections."},
				"first_error":           plainSchema("string", "The first of them."),
				"rounds":                schema{"type": []string{"array", "null"}, "items": schema{"type": "object"}, "description": "Single measurements, for their spread."},
			},
		},
		"BenchmarkLatency": answerObject(schema{
			"p50":  figureSchema("Half of the answers came within this, in milliseconds."),
			"p99":  figureSchema("99 of 100."),
			"p999": figureSchema("999 of 1,000."),
			"max":  figureSchema("All of them."),
		}),
		"BenchmarkPoint": answerObject(schema{
			"seconds":               plainSchema("number", "The end of a stretch of time, from the start of measuring."),
			"operations_per_second": figureSchema("Good answers within it."),
			"errors_per_second":     plainSchema("number", "Other answers within it."),
			"latency_ms":            reference("BenchmarkLatency"),
		}),
		"BenchmarkResult": answerObject(schema{
			"id":       idSchema("Its name."),
			"at":       timeSchema("When it was measured."),
			"source":   schema{"type": "string", "enum": []string{"run", "import"}, "description": "Measured by this server of itself, or brought in."},
			"label":    lengthSchema(1, BenchmarkLabelMax, "What it is called."),
			"document": reference("BenchmarkDocument"),
			"points":   listSchema("BenchmarkPoint"),
		}, "label", "points"),
		"BenchmarkResults": answerObject(schema{
			"results": listSchema("BenchmarkResult"),
			"kept":    plainSchema("integer", "How many are kept, at most "+strconv.Itoa(benchmarkResultsMax)+"."),
		}),
	}
}

func benchmarkRunSchemas() map[string]schema {
	return map[string]schema{
		"BenchmarkProgress": answerObject(schema{
			"run": schema{
				"anyOf":       []schema{reference("BenchmarkRun"), {"type": "null"}},
				"description": "The one that is running, or the last one since the server's start.",
			},
		}),
		"BenchmarkRun": answerObject(schema{
			"id":       idSchema("That of its result."),
			"scenario": plainSchema("string", "What is asked."),
			"phase": schema{
				"type": "string", "enum": []string{"preparing", "warming_up", "measuring", "tidying", "done", "cancelled", "failed"},
				"description": "Where it is. The last three are ends, of which only done has a result.",
			},
			"fault":                 plainSchema("string", "Why it has no result."),
			"started_at":            timeSchema("When it began."),
			"iterations":            integerSchema(1, BenchmarkIterationsMax, "After how many requests it ends."),
			"connections":           integerSchema(1, BenchmarkConnectionsMax, "How many requests are under way at a time."),
			"seconds_max":           plainSchema("number", "After how long it ends at the latest."),
			"seconds":               plainSchema("number", "How long it has measured."),
			"operations":            plainSchema("integer", "Good answers so far."),
			"errors":                plainSchema("integer", "Other answers so far."),
			"first_error":           plainSchema("string", "The first of them."),
			"operations_per_second": figureSchema("Good answers a second, so far."),
			"latency_ms":            reference("BenchmarkLatency"),
			"points":                listSchema("BenchmarkPoint"),
		}, "fault", "first_error"),
	}
}

func benchmarkComparisonSchemas() map[string]schema {
	return map[string]schema{
		"BenchmarkComparison": answerObject(schema{
			"baseline": reference("BenchmarkResult"),
			"current":  reference("BenchmarkResult"),
			"lines":    listSchema("BenchmarkComparisonLine"),
			"differ":   plainSchema("integer", "How many lines differ beyond chance: one of twenty that are the same is expected to."),
			"machines": plainSchema("string", "How the machines differ, when they do: then figures are not comparable."),
		}, "machines"),
		"BenchmarkComparisonLine": answerObject(schema{
			"scenario": plainSchema("string", "What was asked."),
			"engine":   plainSchema("string", "What was measured."),
			"figure":   plainSchema("string", "operations/s, CPU µs/operation or CPU × echo."),
			"a":        plainSchema("number", "The baseline's."),
			"b":        plainSchema("number", "The current one's."),
			"ratio": answerObject(schema{
				"value": plainSchema("number", "How many times the baseline's."),
				"low":   plainSchema("number", "It is at least this, with 95 % confidence."),
				"high":  plainSchema("number", "It is at most this."),
			}),
			"verdict": schema{
				"type": "string", "enum": []string{"B is better", "B is worse", "cannot be told apart", "too few rounds"},
				"description": "What follows.",
			},
		}, "ratio"),
	}
}
