package journal

import (
	"errors"
	"fmt"

	"apisonde/probe/trace"
)

func clean(s *string) { *s = string(trace.Clean(*s)) }

func cleanIdentity(id *trace.Identity) {
	clean(&id.Vantage)
	clean(&id.Key)
	clean(&id.Owner)
	clean(&id.User)
	clean(&id.Forwarded)
}

func cleanObservation(o trace.Observation) trace.Observation {
	cleanIdentity(&o.Identity)
	clean(&o.Route)
	o.Fault = trace.Fault(trace.Clean(string(o.Fault)))
	for i, h := range o.Headers {
		o.Headers[i] = trace.Header{Name: trace.Clean(string(h.Name)), Value: trace.Clean(string(h.Value))}
	}
	clean(&o.Body.Digest)
	clean(&o.Egress)
	o.Body.Text = trace.Clean(string(o.Body.Text))
	return o
}

func cleanMeta(m trace.Meta) trace.Meta {
	clean(&m.Tool)
	clean(&m.Target.Method)
	clean(&m.Target.URL)
	clean(&m.EgressCheck)
	clean(&m.HTTP)
	for _, list := range [][]string{m.Roster.Vantages, m.Roster.Users, m.Roster.Forwarded, m.Roster.Routes} {
		for i := range list {
			clean(&list[i])
		}
	}
	if m.Roster.Addresses != nil {
		known := map[string]string{}
		for name, a := range m.Roster.Addresses {
			known[string(trace.Clean(name))] = string(trace.Clean(a))
		}
		m.Roster.Addresses = known
	}
	for i := range m.Roster.Keys {
		clean(&m.Roster.Keys[i].Name)
		clean(&m.Roster.Keys[i].Owner)
	}
	return m
}

// checkMeta refuses what the rest of the program takes for granted.
func checkMeta(m trace.Meta) error {
	if len(m.Roster.Vantages) == 0 || len(m.Roster.Routes) == 0 {
		return errors.New("its roster has no vantage or no route")
	}
	return checkBudget(m.Budget)
}

func checkBudget(b trace.Budget) error {
	if b.MaxRequests < 0 || b.MaxDuration < 0 || b.MaxRate < 0 || b.MaxInflight < 0 || b.MaxRejections < 0 {
		return errors.New("its budget holds a negative figure")
	}
	return nil
}

func checkObservation(o trace.Observation) error {
	if o.Seq < 1 || o.Step < 0 || o.Conn < 0 || o.Status < 0 || o.Status > 999 || o.Body.Bytes < 0 ||
		o.Planned < 0 || o.Written < 0 || o.FirstByte < 0 || o.Done < 0 {
		return fmt.Errorf("request %d holds a figure that cannot be", o.Seq)
	}
	if o.FirstByte != 0 && o.FirstByte < o.Written || o.Done != 0 && o.Done < o.FirstByte {
		return fmt.Errorf("request %d was answered before it was sent", o.Seq)
	}
	return nil
}
