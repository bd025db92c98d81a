package commerce

import "math/bits"

// Currency is an ISO 4217 code: three upper-case letters.
type Currency [3]byte

// DefaultCurrency returns the currency of a price that names none: the Korean won, which has no
// minor unit.
func DefaultCurrency() Currency { return Currency{'K', 'R', 'W'} }

// ParseCurrency accepts the active ISO 4217 codes of currencies (funds, metals and test codes are
// left out).
func ParseCurrency(s string) (Currency, bool) {
	if len(s) != 3 {
		return Currency{}, false
	}
	for i := 0; i+3 <= len(currencyCodes); i += 4 {
		if currencyCodes[i:i+3] == s {
			return Currency{s[0], s[1], s[2]}, true
		}
	}
	return Currency{}, false
}

// String returns the code.
func (c Currency) String() string { return string(c[:]) }

// Money is an amount in minor units of a currency (cents for USD, won for KRW).
type Money struct {
	Amount   int64
	Currency Currency
}

// mulAmount returns a*b, and false when the product leaves [0, AmountMax]. Both factors are not
// negative.
func mulAmount(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > uint64(AmountMax) {
		return 0, false
	}
	return int64(lo), true
}

// addAmount returns a+b, and false when the sum leaves [0, AmountMax].
func addAmount(a, b int64) (int64, bool) {
	s := a + b // both are within ±2^53, so the sum cannot wrap
	if s < 0 || s > AmountMax {
		return 0, false
	}
	return s, true
}

// currencyCodes lists ISO 4217's active codes, as of 2026, separated by spaces.
const currencyCodes = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD " +
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG " +
	"QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD " +
	"TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
