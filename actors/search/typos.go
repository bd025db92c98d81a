package search

import "unicode/utf8"

// typos accepts the words that differ from one word by at most so many typos: a character missing, too
// many, wrong, or in its neighbour's place. It is immutable. It implements segments.Automaton.
//
// It is a Levenshtein automaton (Schulz and Mihov, Fast string correction with Levenshtein automata, 2002)
// of which nothing is built: walking a dictionary reaches a few of its states, and each is told by its number
// alone. A state stands for one row of the table that the distance is worked out with (Wagner and Fischer 1974;
// two characters that changed places are one typo, and are not edited again: optimal string alignment). A cell
// of the row says how many typos lie between the first letters of the word and the characters read so far. Only the
// cells count where the two are about equally long, a band, and only which of them are within 0, 1, … typos: sets of
// bits, from which those of the next row follow by shifts (Wu and Manber, Fast text searching allowing errors, 1992).
//
// The parts of a state, from the lowest bits on:
//
//	within   for 0, 1 and 2 typos the cells of the band that have at most as many; cell c is about the first at+c-distanceMax letters
//	swaps    for 0 and 1 typos before them, the cells whose next two letters may have changed places: the second was just read
//	at       how many characters were read
//	begun    bytes of a character of which more must come
type typos struct {
	// letters are those of the word, between paddings that equal no character.
	letters []rune
	length  int
	max     int
}

const (
	bandWidth  = 2*distanceMax + 1
	bandMask   = 1<<bandWidth - 1
	swapsShift = (distanceMax + 1) * bandWidth
	atShift    = swapsShift + distanceMax*bandWidth
	atMask     = 1<<8 - 1
	begunShift = atShift + 8
	begunBytes = utf8.UTFMax - 1

	// noWord is the state from which no word is accepted.
	noWord = 0
	// letterNone is no character.
	letterNone = -1
	// lettersMax is the longest word in letters: a mark and a syllable of five keys for each character.
	lettersMax = 1 + 5*wordRunesMax

	// The letters that the cells look at: one before that of the first cell, one behind that of the last.
	windowWidth = bandWidth + 2
	paddedFront = distanceMax + 1
	paddedBack  = windowWidth - 1
)

const (
	_ int   = 1 << (begunShift + 8*begunBytes) // a state fits into an int
	_ uint8 = lettersMax + distanceMax         // the characters read fit into a state: longer words are accepted by no state
)

// newTypos returns the automaton of a word. REQUIRES: at most lettersMax letters, 1 <= max <= distanceMax.
func newTypos(whole string, max int) *typos {
	a := &typos{letters: make([]rune, 0, paddedFront+len(whole)+paddedBack), max: max}
	for range paddedFront {
		a.letters = append(a.letters, letterNone)
	}
	for _, letter := range whole {
		a.letters = append(a.letters, letter)
		a.length++
	}
	for range paddedBack {
		a.letters = append(a.letters, letterNone)
	}
	return a
}

// Start implements segments.Automaton: before the first character each letter is missing.
func (a *typos) Start() int {
	state, within := 0, 0
	for typos := range a.max + 1 {
		within |= 1 << (distanceMax + typos)
		state |= within << (typos * bandWidth)
	}
	return state
}

// IsMatch implements segments.Automaton.
func (a *typos) IsMatch(state int) bool {
	if state == noWord || state>>begunShift != 0 {
		return false
	}
	whole := a.length - state>>atShift&atMask + distanceMax // the cell about all letters
	return state>>(a.max*bandWidth)&bandMask>>whole&1 != 0
}

// CanMatch implements segments.Automaton.
func (a *typos) CanMatch(state int) bool { return state != noWord }

// WillAlwaysMatch implements segments.Automaton.
func (a *typos) WillAlwaysMatch(int) bool { return false }

// Accept implements segments.Automaton. No word has what is not UTF-8.
func (a *typos) Accept(state int, b byte) int {
	begun := state >> begunShift
	switch {
	case state == noWord:
		return noWord
	case begun == 0 && b < utf8.RuneSelf:
		return a.read(state, rune(b))
	}
	var character [utf8.UTFMax]byte
	n := 0
	for shift := 8 * (begunBytes - 1); shift >= 0; shift -= 8 {
		if before := byte(begun >> shift); before != 0 {
			character[n] = before
			n++
		}
	}
	character[n] = b
	n++
	if !utf8.FullRune(character[:n]) {
		return state&(1<<begunShift-1) | (begun<<8|int(b))<<begunShift
	}
	r, size := utf8.DecodeRune(character[:n])
	if size != n || size == 1 {
		return noWord
	}
	return a.read(state&(1<<begunShift-1), r)
}

// read returns the state after one more character.
func (a *typos) read(state int, character rune) int {
	at := state >> atShift & atMask
	equal := 0 // letters of the window
	for i, letter := range a.letters[at : at+windowWidth] {
		if letter == character {
			equal |= 1 << i
		}
	}
	before, here, behind := equal, equal>>1, equal>>2 // the last letter of a new cell, its neighbours
	at++
	known := bandMask & (1<<(a.length-at+distanceMax+1) - 1) // cells with no more letters than there are
	next := at << atShift
	var oldLess, newLess, swapsLess int // of one typo less
	for typos := range a.max + 1 {
		old := state >> (typos * bandWidth) & bandMask
		within := old & here
		within |= oldLess | oldLess>>1 | newLess<<1 | swapsLess&before // wrong, too many, missing, changed places
		within &= known
		next |= within << (typos * bandWidth)
		oldLess, newLess = old, within
		if typos < a.max {
			swapsLess = state >> (swapsShift + typos*bandWidth) & bandMask
			next |= old & behind & bandMask << (swapsShift + typos*bandWidth)
		}
	}
	if newLess == 0 {
		return noWord
	}
	return next
}
