package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// corpus makes a catalogue of n products as a large shop has them: invented brands, and English and Korean
// words that many names share. The same ones each time.
func corpus(n int) []Doc {
	random := rand.New(rand.NewPCG(2026, 5))
	syllables := strings.Fields("ka to mi ren sol var bel dor fin gal hu jo kel lum nor os pi quo ras tam ul vex wyn xan yor zed")
	brands := make([]string, 2000)
	for i := range brands {
		brand := ""
		for range 3 {
			brand += syllables[random.IntN(len(syllables))]
		}
		brands[i] = strings.ToUpper(brand[:1]) + brand[1:]
	}
	kinds := strings.Split("Cast Iron Pan/무쇠 프라이팬,Rice Cooker/전기밥솥,Chef's Knife/셰프 나이프,Chopping Board/도마,Storage Jar/밀폐 용기,"+
		"Hand Grinder/핸드 그라인더,Pour-over Kettle/드립 주전자,Teapot/찻주전자,Mug/머그컵,Insulated Tumbler/보온 텀블러,"+
		"Fountain Pen/만년필,Notebook/노트,Desk Lamp/책상 조명,Wireless Earbuds/무선 이어폰,Bookshelf Speaker/북셸프 스피커,"+
		"Turntable/턴테이블,Tent/텐트,Sleeping Bag/침낭,Rucksack/배낭,Bath Towel/목욕 수건,Wool Blanket/울 담요,Yoga Mat/요가 매트,"+
		"Water Bottle/물병,Cat Tree/캣타워,Dog Bed/강아지 방석", ",")
	looks := strings.Split("Small/소형,Medium/중형,Large/대형,Charcoal/차콜,Ivory/아이보리,Forest/포레스트,Sky/스카이,Nordic/노르딕,Vintage/빈티지,Modern/모던", ",")
	about := strings.Fields("holds its heat for a long time and is made of steel oak glass cotton or wool washed by hand kind to edges " +
		"warm quiet light strong soft fits every kitchen desk garden bath room travel family gift")
	docs := make([]Doc, n)
	for i := range docs {
		kind, koreanKind, _ := strings.Cut(kinds[random.IntN(len(kinds))], "/")
		look, koreanLook, _ := strings.Cut(looks[random.IntN(len(looks))], "/")
		var description []string
		for range 8 + random.IntN(12) {
			description = append(description, about[random.IntN(len(about))])
		}
		docs[i] = Doc{
			Name:        fmt.Sprintf("%s %s %s · %s %s", brands[random.IntN(len(brands))], look, kind, koreanLook, koreanKind),
			SKU:         fmt.Sprintf("%s-%06d", strings.ToUpper(kind[:3]), i),
			Category:    "shelf " + fmt.Sprint(random.IntN(40)),
			Description: strings.Join(description, " "),
		}
	}
	return docs
}

// sourceOf answers from a list.
func sourceOf(docs []Doc) Source {
	return func(slot uint32) (Doc, bool) { return docs[slot], docs[slot].Name != "" }
}

func slotsUpTo(n int) []uint32 {
	slots := make([]uint32, n)
	for i := range slots {
		slots[i] = uint32(i)
	}
	return slots
}

func noPause() error { return nil }
