package infer

import (
	"fmt"
	"os"
	"testing"
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

type spy struct {
	*Engine
	t *testing.T
}

func (s *spy) Next(now time.Duration) (plan.Step, bool) {
	st, ok := s.Engine.Next(now)
	if os.Getenv("SPY") != "" {
		b := s.Belief()
		fmt.Printf("  t=%.3f n=%d [%s] %s | %d sends start %.3f  | %s\n", now.Seconds(), len(s.log.samples), b.Stage, st.Question, len(st.Sends), st.Start.Seconds(), b.Headline)
		if os.Getenv("SPY") == "2" {
			for _, h := range b.Hypotheses {
				fmt.Printf("        %.3f %s %s\n", h.Probability, h.Name, h.Figures)
			}
			if s.post != nil {
				fmt.Printf("        misfit %.2f\n", s.post.misfit)
			}
		}
	}
	return st, ok
}

var _ = trace.Admitted
