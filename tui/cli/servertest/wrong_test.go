package servertest

import (
	"testing"

	"apisonde/analyze/verdict"
)

// The checks themselves must be able to fail.
func TestWrong(t *testing.T) {
	t.Parallel()
	known := truth{scope: []string{"key"}, algorithm: verdict.FixedWindow, limit: 12, windowS: 4}
	right := verdict.Limit{
		Scope: []string{"key"}, Algorithm: verdict.FixedWindow, Limit: verdict.Exact(12), Confidence: 0.99,
		WindowS: &verdict.Figure{Value: 3.99, Lo: 3.97, Hi: 4.01}, RatePerS: &verdict.Figure{Value: 3, Lo: 2.9, Hi: 3.1},
	}
	tests := []struct {
		name  string
		spoil func(*verdict.Limit)
		wrong int
	}{
		{"all right", func(*verdict.Limit) {}, 0},
		{"everything open", func(l *verdict.Limit) { *l = verdict.Limit{Algorithm: verdict.Unknown, Confidence: 0.99} }, 0},
		{"another scope", func(l *verdict.Limit) { l.Scope = []string{} }, 1},
		{"another algorithm", func(l *verdict.Limit) { l.Algorithm = verdict.TokenBucket }, 1},
		{"an equivalent algorithm", func(l *verdict.Limit) {
			l.Algorithm, l.Equivalent = verdict.SlidingLog, []string{verdict.FixedWindow}
		}, 0},
		{"a window's limit off by one", func(l *verdict.Limit) { l.Limit = verdict.Exact(13) }, 1},
		{"a window off by a tenth", func(l *verdict.Limit) { l.WindowS = verdict.Exact(4.4) }, 1},
		{"a value outside its interval", func(l *verdict.Limit) { l.WindowS.Hi = 3.98 }, 1},
		{"a confident interval without the truth", func(l *verdict.Limit) { l.WindowS = &verdict.Figure{Value: 3.9, Lo: 3.88, Hi: 3.92} }, 1},
		{"the same in doubt", func(l *verdict.Limit) {
			l.WindowS, l.Confidence = &verdict.Figure{Value: 3.9, Lo: 3.88, Hi: 3.92}, 0.8
		}, 0},
	}
	for _, tt := range tests {
		l := right
		window := *right.WindowS
		l.WindowS = &window
		tt.spoil(&l)
		if got := known.wrong(l); len(got) != tt.wrong {
			t.Errorf("%s: %q are wrong, want %d", tt.name, got, tt.wrong)
		}
	}
}
