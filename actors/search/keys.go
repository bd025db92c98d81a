package search

// The syllables of Hangul stand in Unicode by initial, vowel and final, in this order.
const (
	syllableFirst = 0xAC00
	syllableLast  = 0xD7A3
	vowels        = 21
	finals        = 28 // the first is none

	// Conjoining jamo: what normalising makes of letters that were typed alone.
	initialFirst = 0x1100
	vowelFirst   = 0x1161
	finalFirst   = 0x11A8
)

// The keys of the Korean standard keyboard, two characters for each letter: compound vowels and
// finals are typed with two keys.
const (
	initialKeys = "r R s e E f a q Q t T d w W c z x v g "
	vowelKeys   = "k o i O j p u P h hkhohly n njnpnlb m mll "
	finalKeys   = "  r R rts swsge f frfafqftfxfvfga q qtt T d w c z x v g "
)

// keysMark begins every word that is written in keys, so that it is no English word.
const keysMark = '~'

// appendKeys appends the keys that a word of Hangul is typed with. In keys a syllable that is half typed
// begins the one it will become (ㅎ, 하, 한), a final that turns out to belong to the next syllable is the same
// letter, and a typo is one edit, not a whole syllable.
func appendKeys(dst []byte, word []rune) []byte {
	dst = append(dst, keysMark)
	for _, r := range word {
		switch {
		case r >= syllableFirst && r <= syllableLast:
			n := int(r - syllableFirst)
			dst = appendKey(dst, initialKeys, n/(vowels*finals))
			dst = appendKey(dst, vowelKeys, n/finals%vowels)
			dst = appendKey(dst, finalKeys, n%finals)
		case r >= initialFirst && r < initialFirst+rune(len(initialKeys)/2):
			dst = appendKey(dst, initialKeys, int(r-initialFirst))
		case r >= vowelFirst && r < vowelFirst+vowels:
			dst = appendKey(dst, vowelKeys, int(r-vowelFirst))
		case r >= finalFirst && r < finalFirst+finals-1:
			dst = appendKey(dst, finalKeys, int(r-finalFirst)+1)
		}
	}
	return dst
}

func appendKey(dst []byte, keys string, at int) []byte {
	for _, key := range []byte(keys[2*at : 2*at+2]) {
		if key != ' ' {
			dst = append(dst, key)
		}
	}
	return dst
}
