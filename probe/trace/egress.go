package trace

import "slices"

// EgressUnknown stands for the address of a vantage that was asked for and not
// told.
const EgressUnknown = "unknown"

// Egresses are the addresses that vantages were seen from, by the first vantage of
// each, in the order of asking. The zero value is empty.
type Egresses struct {
	list []Egress
}

// Egress is where the requests of a vantage arrive from.
type Egress struct {
	Vantage string
	Address string // EgressUnknown where it was not told
	SameAs  string // an earlier vantage with the same address, "" for none
}

// Add takes in an observation. Of a request to the target it takes no notice; of
// one that asked where it arrives from it returns the earlier vantage that arrives
// from there too, "" if there is none.
func (e *Egresses) Add(o Observation) (same string) {
	if o.Egress == "" {
		return ""
	}
	for _, x := range e.list {
		if x.Address == o.Egress && x.SameAs == "" && o.Egress != EgressUnknown && x.Vantage != o.Identity.Vantage {
			same = x.Vantage
		}
	}
	e.list = append(e.list, Egress{Vantage: o.Identity.Vantage, Address: o.Egress, SameAs: same})
	return same
}

// Has says whether a vantage was taken in.
func (e *Egresses) Has(vantage string) bool {
	return slices.ContainsFunc(e.list, func(x Egress) bool { return x.Vantage == vantage })
}

// List is what was taken in.
func (e *Egresses) List() []Egress { return e.list }
