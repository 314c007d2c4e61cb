package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issued is a certificate with its key, in PEM form.
type issued struct {
	cert, key []byte
	pair      tls.Certificate
}

// issue makes a certificate that parent signs, or an authority without one.
func issue(t *testing.T, name string, parent *issued) *issued {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	by, signer := tmpl, any(priv)
	if parent != nil {
		by, signer = parent.pair.Leaf, parent.pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by, priv.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	i := &issued{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	if i.pair, err = tls.X509KeyPair(i.cert, i.key); err != nil {
		t.Fatal(err)
	}
	return i
}

// A private authority and a certificate of the caller's lead to servers that want
// them, over both versions of HTTP; without them the message says what is missing.
func TestPrivateAuthorityAndClientCertificate(t *testing.T) {
	t.Parallel()
	ca := issue(t, "authority", nil)
	server, client := issue(t, "server", ca), issue(t, "client", ca)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.cert)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Scope", r.Proto+" "+r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	srv.EnableHTTP2 = true
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{server.pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)

	dir := t.TempDir()
	file := func(name string, content ...[]byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bytes.Join(content, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caFile, certFile, keyFile := file("ca", ca.cert), file("cert", client.cert), file("key", client.key)
	both, other := file("both", client.cert, client.key), file("other", issue(t, "other", ca).key)
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string // on either stream
	}{
		{"HTTP/1.1", []string{"--cacert", caFile, "--cert", certFile, "--cert-key", keyFile}, 0, "HTTP/1.1 client"},
		{"HTTP/2", []string{"--cacert", caFile, "--cert", both, "--http", "2"}, 0, "HTTP/2.0 client"},
		{"no authority", []string{"--cert", both}, 1, "--cacert"},
		{"no certificate", []string{"--cacert", caFile}, 1, "--cert"},
		{"no certificate, HTTP/2", []string{"--cacert", caFile, "--http", "2"}, 1, "--cert"},
		{"another's key", []string{"--cert", certFile, "--cert-key", other}, 2, "--cert: no certificate"},
		{"a key alone", []string{"--cert-key", keyFile}, 2, "--cert"},
		{"no key", []string{"--cert", certFile}, 2, "private key"},
		{"a key for an authority", []string{"--cacert", keyFile}, 2, "holds no certificate"},
		{"no file", []string{"--cacert", filepath.Join(dir, "absent")}, 2, "--cacert: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := program(t, append([]string{"inspect", srv.URL, "--yes", "--trace", "t.ndjson"}, tt.args...)...)
			o := start(t, p)()
			b, _ := os.ReadFile(filepath.Join(p.Dir, "t.ndjson"))
			all := o.stdout.String() + o.stderr.String() + string(b)
			if o.code != tt.code || !strings.Contains(all, tt.says) || strings.Contains(all, "PRIVATE KEY") {
				t.Errorf("exit %d, want %d and %q:\n%s", o.code, tt.code, tt.says, all)
			}
		})
	}
}
