package secret

import "testing"

func TestNamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key", "apikey", "api_key", "key", "X-Auth-Token",
		"access_token", "Cookie", "X-Goog-Signature", "sig", "sid", "PHPSESSIONID", "client_secret", "X-CSRF-Token", "jwt", "pwd", "X-Amz-Credential", "X-Auth-Key", "http_auth", "Ocp-Apim-Subscription-Key", "AWSAccessKeyId"} {
		if !Named(name) {
			t.Errorf("%s is not taken for a credential's name", name)
		}
	}
	for _, name := range []string{"Accept", "User-Agent", "page", "q", "Content-Type", "X-Request-Id", "sort", "encoding", "design", "author", "keyword", "X-Author-Name", "code"} {
		if Named(name) {
			t.Errorf("%s is taken for a credential's name", name)
		}
	}
}
