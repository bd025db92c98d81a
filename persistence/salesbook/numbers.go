package salesbook

// Numbers is what numbers stand for, as far as it is known. It only grows; its user guards it.
type Numbers struct {
	names  []Name
	byName map[Name]Number
}

// Len is how many numbers are known: those from 0 on.
func (n *Numbers) Len() int { return len(n.names) }

// Add gives a name the next number.
func (n *Numbers) Add(name Name) Number {
	if n.byName == nil {
		n.byName = make(map[Name]Number)
	}
	number := Number(len(n.names))
	n.names = append(n.names, name)
	n.byName[name] = number
	return number
}

// Find returns the number of a name.
func (n *Numbers) Find(name Name) (Number, bool) {
	number, ok := n.byName[name]
	return number, ok
}

// Names lists what the numbers stand for. It must not be written to; what is added later is not in it.
func (n *Numbers) Names() []Name { return n.names[:len(n.names):len(n.names)] }
