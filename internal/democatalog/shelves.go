package democatalog

// shelves lists what the demo sells: ten categories of five kinds in four variants.
func shelves() []shelf {
	return []shelf{kitchen(), tea(), stationery(), audio(), outdoor(), bath(), bedding(), garden(), sports(), pets()}
}

func colours() []variant {
	return []variant{
		{"Charcoal", "차콜", "In matt charcoal."},
		{"Ivory", "아이보리", "In warm ivory."},
		{"Forest", "포레스트", "In deep forest green."},
		{"Sky", "스카이", "In pale sky blue."},
	}
}

func sizes() []variant {
	return []variant{
		{"Small", "소형", "For one."},
		{"Medium", "중형", "For two."},
		{"Large", "대형", "For a family."},
		{"Travel", "휴대용", "Packs flat."},
	}
}

func kitchen() shelf {
	return shelf{"kitchen", "KIT", []kind{
		{"Cast Iron Pan", "무쇠 프라이팬", 48_000, "Holds its heat and lasts a lifetime"},
		{"Rice Cooker", "전기밥솥", 129_000, "Keeps rice warm for a day"},
		{"Chef's Knife", "셰프 나이프", 62_000, "Forged, full tang, 20 cm"},
		{"Chopping Board", "도마", 27_000, "End grain, kind to edges"},
		{"Storage Jar", "밀폐 용기", 9_000, "Glass, with a silicone seal"},
	}, sizes()}
}

func tea() shelf {
	return shelf{"tea & coffee", "TEA", []kind{
		{"Hand Grinder", "핸드 그라인더", 54_000, "Conical burrs, forty clicks"},
		{"Pour-over Kettle", "드립 주전자", 69_000, "A slow and steady stream"},
		{"Teapot", "찻주전자", 38_000, "Stoneware, with a fine strainer"},
		{"Mug", "머그컵", 14_000, "350 ml, fired twice"},
		{"Insulated Tumbler", "보온 텀블러", 29_000, "Hot for six hours, cold for twelve"},
	}, colours()}
}

func stationery() shelf {
	return shelf{"stationery", "STA", []kind{
		{"Fountain Pen", "만년필", 45_000, "Steel nib, takes any ink"},
		{"Notebook", "노트", 9_000, "192 pages that lie flat"},
		{"Desk Lamp", "책상 조명", 58_000, "Dimmable, no flicker"},
		{"Pencil Case", "필통", 12_000, "Waxed canvas"},
		{"Weekly Planner", "주간 플래너", 18_000, "Undated, starts any Monday"},
	}, colours()}
}

func audio() shelf {
	return shelf{"audio", "AUD", []kind{
		{"Wireless Earbuds", "무선 이어폰", 119_000, "Eight hours on a charge"},
		{"Bookshelf Speaker", "북셸프 스피커", 239_000, "Two-way, sold in pairs"},
		{"Turntable", "턴테이블", 319_000, "Belt drive, two speeds"},
		{"Headphone Stand", "헤드폰 거치대", 24_000, "Oak and steel"},
		{"Portable Radio", "휴대용 라디오", 47_000, "FM and DAB"},
	}, colours()}
}

func outdoor() shelf {
	return shelf{"outdoor", "OUT", []kind{
		{"Tent", "텐트", 289_000, "Up in five minutes"},
		{"Sleeping Bag", "침낭", 139_000, "Warm down to minus five"},
		{"Camp Stove", "캠핑 버너", 59_000, "Boils a litre in three minutes"},
		{"Rucksack", "배낭", 99_000, "Rain cover included"},
		{"Head Torch", "헤드 랜턴", 32_000, "400 lumens, rechargeable"},
	}, sizes()}
}

func bath() shelf {
	return shelf{"bath", "BAT", []kind{
		{"Bath Towel", "목욕 수건", 19_000, "Long-staple cotton"},
		{"Bathrobe", "목욕 가운", 57_000, "Waffle weave"},
		{"Soap Dish", "비누 받침", 8_000, "Drains by itself"},
		{"Bath Mat", "욕실 매트", 23_000, "Does not slip"},
		{"Laundry Basket", "빨래 바구니", 31_000, "With handles that hold"},
	}, colours()}
}

func bedding() shelf {
	return shelf{"bedding", "BED", []kind{
		{"Linen Duvet Cover", "린넨 이불 커버", 118_000, "Softer with each wash"},
		{"Wool Blanket", "울 담요", 89_000, "Woven from new wool"},
		{"Memory Pillow", "메모리폼 베개", 42_000, "Two heights in one"},
		{"Fitted Sheet", "매트리스 커버", 36_000, "Fits deep mattresses"},
		{"Bedside Rug", "침실 러그", 64_000, "Tufted by hand"},
	}, colours()}
}

func garden() shelf {
	return shelf{"garden", "GAR", []kind{
		{"Watering Can", "물뿌리개", 26_000, "With a brass rose"},
		{"Pruning Shears", "전정 가위", 34_000, "Blades that can be changed"},
		{"Planter", "화분", 21_000, "Fired clay, frost-proof"},
		{"Herb Seed Set", "허브 씨앗 세트", 11_000, "Basil, perilla, mint and thyme"},
		{"Folding Chair", "접이식 의자", 49_000, "Ash and canvas"},
	}, sizes()}
}

func sports() shelf {
	return shelf{"sports", "SPO", []kind{
		{"Yoga Mat", "요가 매트", 39_000, "6 mm of natural rubber"},
		{"Kettlebell", "케틀벨", 44_000, "Cast in one piece"},
		{"Jump Rope", "줄넘기", 13_000, "Ball bearings, steel cable"},
		{"Running Belt", "러닝 벨트", 22_000, "For a phone and keys"},
		{"Water Bottle", "물병", 17_000, "Steel, 700 ml"},
	}, colours()}
}

func pets() shelf {
	return shelf{"pets", "PET", []kind{
		{"Cat Tree", "캣타워", 109_000, "Sisal posts, heavy foot"},
		{"Dog Bed", "강아지 방석", 52_000, "The cover washes at 60 °C"},
		{"Feeding Bowl", "사료 그릇", 15_000, "Stoneware, does not slide"},
		{"Carrier", "이동장", 61_000, "Opens from three sides"},
		{"Scratching Board", "스크래처", 16_000, "Corrugated, with catnip"},
	}, sizes()}
}
