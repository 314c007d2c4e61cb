package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/urfave/cli/v2"
)

// readTLS reads whom to trust and what to prove over TLS. Nil is the system's
// choice. Errors repeat nothing of the files.
func readTLS(c *cli.Context) (*tls.Config, error) {
	ca, cert, key := c.String("cacert"), c.String("cert"), c.String("cert-key")
	switch {
	case key != "" && cert == "":
		return nil, usagef("--cert-key belongs to a certificate; name that one's file with --cert")
	case ca == "" && cert == "":
		return nil, nil
	}
	conf := &tls.Config{}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, usagef("--cacert: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("--cacert: %s holds no certificate in PEM form", ca)
		}
	}
	if cert != "" {
		pair, err := readCertPair(cert, key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// readCertPair reads a certificate of the caller's and its key, which may stand in the
// same file.
func readCertPair(cert, key string) (tls.Certificate, error) {
	if key == "" {
		key = cert
	}
	pem, err := os.ReadFile(cert)
	if err != nil {
		return tls.Certificate{}, usagef("--cert: %w", err)
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		return tls.Certificate{}, usagef("--cert-key: %w", err)
	}
	pair, err := tls.X509KeyPair(pem, secret)
	if err != nil {
		return tls.Certificate{}, usagef("--cert: no certificate in %s with its private key in %s, in PEM form and without a passphrase", cert, key)
	}
	return pair, nil
}

// readHTTP reads the version of HTTP to speak.
func readHTTP(c *cli.Context) (http2 bool, err error) {
	switch c.String("http") {
	case "", "1.1":
		return false, nil
	case "2":
		return true, nil
	}
	return false, usagef("--http is 1.1 or 2")
}
