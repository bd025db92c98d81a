package commerce

// Limits on what a caller may say. They are part of the API: each is named in the problem that
// refuses a value beyond it, and each is tested one below and one above.
const (
	// AmountMax bounds every amount of money, in minor units: the largest integer that JavaScript
	// clients read exactly (2^53-1).
	AmountMax int64 = 1<<53 - 1
	// PriceMax bounds the price of one unit, in minor units.
	PriceMax int64 = 1_000_000_000_000
	// QuantityMax bounds the units of one product in one order, and one stock change.
	QuantityMax int64 = 1_000_000
	// OnHandMax bounds the units of one product on hand.
	OnHandMax int64 = 1_000_000_000
	// OrderItemsMax bounds the items of one order as sent, before equal products are added up.
	OrderItemsMax = 200

	// Texts are counted in characters (Unicode code points), attributes in bytes.
	NameMax           = 200
	DescriptionMax    = 5_000
	CategoryMax       = 100
	SKUMax            = 100
	AttributesMax     = 8 << 10
	NoteMax           = 1_000
	ReasonMax         = 200
	AddressFieldMax   = 200
	CarrierMax        = 100
	TrackingNumberMax = 100
	UserIDMax         = 128
	IdempotencyKeyMax = 255
)
