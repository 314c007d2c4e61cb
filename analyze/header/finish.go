package header

import "apisonde/probe/trace"

// document writes down what was gathered.
func (d *decoder) document() Document {
	doc := Document{
		Schema: Schema, Status: d.status, Cost: d.cost, RefillPerS: d.refill(),
		Unknown: d.unknown, Warnings: d.warnings,
		Quotas: make([]Quota, 0, len(d.entries)),
	}
	for i := range d.entries {
		doc.Quotas = append(doc.Quotas, d.entries[i].Quota)
	}
	sortQuotas(doc.Quotas)
	doc.Kind, doc.Limited, doc.Why = d.classify()
	d.hint(d.nameHint())
	if doc.Limited {
		d.hint(d.facts.scope)
	}
	doc.ScopeHint = Label(trace.Clean(d.scope))
	d.decideWait(&doc)
	if d.facts.code != "" || doc.WaitFrom == "the body" {
		d.saw("body")
	}
	if doc.Dialects = d.dialects; doc.Dialects == nil {
		doc.Dialects = []string{}
	}
	if doc.Unknown == nil {
		doc.Unknown = []Field{}
	}
	if doc.Warnings == nil {
		doc.Warnings = []trace.Text{}
	}
	return doc
}

// decideWait ranks the waits that the response states.
func (d *decoder) decideWait(doc *Document) {
	told, from := d.bodyWait(doc.Limited)
	for _, w := range d.waits {
		if w.known {
			told, from = seconds(w.d), w.from
			break
		}
	}
	doc.RetryAfterS, doc.WaitS, doc.WaitFrom = told, told, from
	if d.waits[rankFine].known || d.waits[rankPlain].known {
		return
	}
	if q, ok := doc.waited(); ok {
		doc.WaitS, doc.WaitFrom = q.ResetInS, q.Header
	}
}

// waited is the quota whose reset says how long to wait: of a refusal the
// exhausted ones, or all where none is; the longest.
func (doc *Document) waited() (best Quota, ok bool) {
	if !doc.Limited {
		return Quota{}, false
	}
	exhausted := false
	for _, q := range doc.Quotas {
		exhausted = exhausted || (q.Remaining.Known && q.Remaining.Value == 0 && q.ResetInS.Known)
	}
	for _, q := range doc.Quotas {
		spent := q.Remaining.Known && q.Remaining.Value == 0
		if q.ResetInS.Known && (spent || !exhausted) && (!ok || q.ResetInS.Value > best.ResetInS.Value) {
			best, ok = q, true
		}
	}
	return best, ok
}

// bodyWait is the longest wait that the body states, of a refusal or of an
// answer that asks for a pause.
func (d *decoder) bodyWait(limited bool) (Num, trace.Text) {
	if d.status < 400 && !limited && !d.facts.backoff {
		return Num{}, ""
	}
	var best Num
	for _, w := range d.facts.waits {
		if wait, ok := d.clock.wait(w.text, w.unit); ok {
			best = greater(best, seconds(wait))
		}
	}
	if !best.Known {
		return Num{}, ""
	}
	return best, "the body"
}

// refill is the stated rate of a bucket in units a second, where its interval is
// stated too or is a second by the dialect's documentation.
func (d *decoder) refill() Num {
	if !d.rate.Known {
		return Num{}
	}
	interval := 1.0
	for i := range d.entries {
		if w := d.entries[i].WindowS; w.Known && w.Value > 0 {
			interval = w.Value
			break
		}
	}
	return Some(tidy(d.rate.Value / interval))
}
