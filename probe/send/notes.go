package send

import (
	"fmt"
	"slices"
	"strings"
)

// Notes says in words what a reader of the results should know about the path:
// which of several addresses of a name was measured.
func (s *Sender) Notes() []string {
	d := s.dialer
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) < 2 || onThisMachine(d.host) {
		return nil
	}
	var used []string
	for _, a := range d.pinned {
		if !slices.Contains(used, a.String()) {
			used = append(used, a.String())
		}
	}
	if len(used) == 0 {
		return nil
	}
	slices.Sort(used)
	return []string{fmt.Sprintf("%s has %d addresses; all requests went to %s", d.host, len(d.known), strings.Join(used, " and "))}
}
