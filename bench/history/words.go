package history

// word is a word of products' names, in two languages.
type word struct{ english, korean string }

func looks() []word {
	return []word{
		{"Walnut", "호두나무"},
		{"Linen", "리넨"},
		{"Copper", "구리"},
		{"Black", "블랙"},
		{"Bamboo", "대나무"},
		{"Vintage", "빈티지"},
		{"Foldable", "접이식"},
		{"Compact", "소형"},
		{"Wireless", "무선"},
		{"Organic", "유기농"},
		{"Ceramic", "도자기"},
		{"Waterproof", "방수"},
		{"Premium", "프리미엄"},
		{"Handmade", "수제"},
		{"Silent", "저소음"},
		{"Stackable", "적층식"},
		{"Portable", "휴대용"},
		{"Nordic", "북유럽"},
		{"Recycled", "재활용"},
		{"Velvet", "벨벳"},
	}
}

// things are five for each of the categories.
func things() []word {
	return []word{
		{"Teapot", "찻주전자"},
		{"Frying Pan", "프라이팬"},
		{"Coffee Grinder", "커피 그라인더"},
		{"Cutting Board", "도마"},
		{"Storage Jar", "보관병"},
		{"Desk Lamp", "책상 조명"},
		{"Bookshelf", "책장"},
		{"Wall Mirror", "벽거울"},
		{"Picture Frame", "액자"},
		{"Alarm Clock", "알람 시계"},
		{"Headphones", "헤드폰"},
		{"Keyboard", "키보드"},
		{"Charger", "충전기"},
		{"Loudspeaker", "스피커"},
		{"Microphone", "마이크"},
		{"Backpack", "배낭"},
		{"Rain Jacket", "우비"},
		{"Running Shoes", "운동화"},
		{"Scarf", "스카프"},
		{"Sun Hat", "모자"},
		{"Camping Tent", "캠핑 텐트"},
		{"Yoga Mat", "요가 매트"},
		{"Bicycle Pump", "자전거 펌프"},
		{"Water Bottle", "물병"},
		{"Garden Shears", "전지가위"},
	}
}

// thingsPerCategory is how many of the things belong to each category.
const thingsPerCategory = 5

func categories() []string { return []string{"kitchen", "home", "electronics", "clothing", "outdoor"} }
