package cli

import (
	"fmt"
	"os"
	"strings"
)

// unusedProxies says which proxies of the environment are set and not used: one
// that came in unasked would be the address that all requests leave from.
func unusedProxies() []string {
	var set []string
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		if os.Getenv(name) != "" {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("proxies of the environment (%s) are not used: requests leave from the addresses of --ip alone", strings.Join(set, ", "))}
}
