package send

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCredentialsInABody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		``:                                      nil,
		`plain words`:                           nil,
		`{"page": 2, "q": "limits of widgets"}`: nil,
		`{"auth": {"password": "pw", "n": 1}, "list": [{"api_key": "k 1"}]}`: {"k 1", "pw"},
		`client_secret=s%20x&page=2`:                                         {"s x"},
		`{"id": "3f2c9a7e51b04d68"}`:                                         {"3f2c9a7e51b04d68"},
		`<x>eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0</x>`:                           {"eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0"},
	} {
		var got []string
		for _, v := range bodySecrets([]byte(body)) {
			got = append(got, v.Reveal())
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", body, d)
		}
	}
}
