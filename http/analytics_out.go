package http

import (
	"bytes"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// appendDays appends the members that say which days an answer is about, after the opening brace.
func (c *calendar) appendDays(dst []byte) []byte {
	dst = append(dst, `"start_date":`...)
	dst = appendDate(dst, c.start)
	dst = append(dst, `,"end_date":`...)
	dst = appendDate(dst, c.end)
	dst = append(dst, `,"time_zone":`...)
	dst, _ = jsontext.AppendQuote(dst, c.zone.String())
	return dst
}

// appendInterval appends the members that say which days an interval has and when it begins and ends.
func (c *calendar) appendInterval(dst []byte, i int) []byte {
	dst = append(dst, `"start_date":`...)
	dst = appendDate(dst, c.firsts[i])
	dst = append(dst, `,"end_date":`...)
	dst = appendDate(dst, c.last(i))
	dst = append(dst, `,"start_at":`...)
	dst = wire.AppendTime(dst, c.bounds[i].Time())
	dst = append(dst, `,"end_at":`...)
	return wire.AppendTime(dst, c.bounds[i+1].Time())
}

func appendDate(dst []byte, day time.Time) []byte {
	dst = append(dst, '"')
	dst = day.AppendFormat(dst, time.DateOnly)
	return append(dst, '"')
}

func appendSummary(dst []byte, c *calendar, sales []actors.CurrencySales) []byte {
	dst = c.appendDays(append(dst, '{'))
	dst = append(dst, `,"interval":"`...)
	dst = append(dst, intervalWords()[c.interval]...)
	dst = append(dst, `","currencies":[`...)
	for i := range sales {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCurrency(dst, sales[i].Currency)
		dst = append(dst, `,"total":{`...)
		dst = appendSums(dst, &sales[i].All)
		dst = append(dst, `},"intervals":[`...)
		for n := range sales[i].Intervals {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = c.appendInterval(append(dst, '{'), n)
			dst = appendSums(append(dst, ','), &sales[i].Intervals[n])
			dst = append(dst, '}')
		}
		dst = append(dst, ']', '}')
	}
	return append(dst, ']', '}')
}

// appendCurrency appends the opening of an object about one currency.
func appendCurrency(dst []byte, c commerce.Currency) []byte {
	dst = append(dst, `{"currency":"`...)
	dst = append(dst, c[:]...)
	return append(dst, '"')
}

// rateDecimals is how exactly a rate is told.
const rateDecimals = 6

func appendSums(dst []byte, s *actors.SalesSums) []byte {
	dst = append(dst, `"orders":`...)
	dst = strconv.AppendInt(dst, s.Orders, 10)
	dst = append(dst, `,"revenue":`...)
	dst = s.Revenue.AppendText(dst)
	dst = append(dst, `,"average":`...)
	dst = s.Average().AppendText(dst)
	dst = append(dst, `,"cancellation_rate":`...)
	rate := strconv.AppendFloat(nil, s.CancellationRate(), 'f', rateDecimals, 64)
	dst = append(dst, bytes.TrimRight(bytes.TrimRight(rate, "0"), ".")...)
	dst = append(dst, `,"by_status":{`...)
	for status := commerce.StatusPending; status <= commerce.StatusMax; status++ {
		if status > commerce.StatusPending {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, status.String()...)
		dst = append(dst, `":{"orders":`...)
		dst = strconv.AppendInt(dst, s.ByStatus[status].Orders, 10)
		dst = append(dst, `,"amount":`...)
		dst = s.ByStatus[status].Amount.AppendText(dst)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func appendTopProducts(dst []byte, c *calendar, byRevenue bool, top []actors.TopProduct) []byte {
	dst = c.appendDays(append(dst, '{'))
	dst = append(dst, `,"by":"`...)
	if byRevenue {
		dst = append(dst, "revenue"...)
	} else {
		dst = append(dst, "units"...)
	}
	dst = append(dst, `","currencies":[`...)
	for i := range top {
		switch {
		case i == 0:
			dst = append(appendCurrency(dst, top[i].Currency), `,"products":[`...)
		case top[i].Currency != top[i-1].Currency:
			dst = append(appendCurrency(append(dst, `]},`...), top[i].Currency), `,"products":[`...)
		default:
			dst = append(dst, ',')
		}
		dst = appendTopProduct(dst, &top[i])
	}
	if len(top) > 0 {
		dst = append(dst, ']', '}')
	}
	return append(dst, ']', '}')
}

func appendTopProduct(dst []byte, p *actors.TopProduct) []byte {
	dst = append(dst, `{"product_id":"`...)
	dst = p.Product.AppendText(dst)
	dst = append(dst, `","name":`...)
	dst, _ = jsontext.AppendQuote(dst, p.Name)
	dst = append(dst, `,"sku":`...)
	dst, _ = jsontext.AppendQuote(dst, p.SKU)
	return append(appendProductSums(append(dst, ','), p.Units, p.Revenue, p.Cancelled), '}')
}

func appendProductSums(dst []byte, units int64, revenue persistence.Sum, cancelled int64) []byte {
	dst = append(dst, `"units":`...)
	dst = strconv.AppendInt(dst, units, 10)
	dst = append(dst, `,"revenue":`...)
	dst = revenue.AppendText(dst)
	dst = append(dst, `,"cancelled_units":`...)
	return strconv.AppendInt(dst, cancelled, 10)
}

func appendProductSales(dst []byte, c *calendar, product commerce.ID, sales []actors.CurrencyProductSales) []byte {
	dst = append(dst, `{"product_id":"`...)
	dst = product.AppendText(dst)
	dst = c.appendDays(append(dst, '"', ','))
	dst = append(dst, `,"interval":"`...)
	dst = append(dst, intervalWords()[c.interval]...)
	dst = append(dst, `","currencies":[`...)
	for i := range sales {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCurrency(dst, sales[i].Currency)
		all := &sales[i].All
		dst = appendProductSums(append(dst, `,"total":{`...), all.Units, all.Revenue, all.Cancelled)
		dst = append(dst, `},"intervals":[`...)
		for n := range sales[i].Intervals {
			if n > 0 {
				dst = append(dst, ',')
			}
			sums := &sales[i].Intervals[n]
			dst = c.appendInterval(append(dst, '{'), n)
			dst = append(appendProductSums(append(dst, ','), sums.Units, sums.Revenue, sums.Cancelled), '}')
		}
		dst = append(dst, ']', '}')
	}
	return append(dst, ']', '}')
}
