// A peer of attested TLS 1.3.0 on Go's TLS stack, the one CMC's programs use; test/e2e/go_peer.py runs it against ours. The standard
// library alone, Go 1.19 or later, messages in JSON.
//
//	peer client -connect HOST:PORT ...   attested TLS and an echo of -size bytes
//	peer server ...                      attested TLS, echoing; says "listening on HOST:PORT"
//	peer web -connect HOST:PORT ...      HTTP requests over one attested connection, or in plain through -proxy
//	peer web ...                         an HTTP server over attested TLS
//
// Every exchange is told in one line: "accepted ..." or "refused ...".
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// patience bounds what a client does in all, so that nothing outlives a test.
const patience = 60 * time.Second

var modes = []string{"mutual", "client", "server", "none"} // by their numbers in a Request

type options struct {
	connect, name, ca, cert, key string
	protocols, mode, agent       string
	expect, proxy                string
	tunnel                       bool
	size                         int
}

func parse(command string, args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	flags.StringVar(&o.connect, "connect", "", "HOST:PORT of the server; without it this is the server")
	flags.StringVar(&o.name, "name", "localhost", "name in the server's certificate")
	flags.StringVar(&o.ca, "ca", "", "roots of the peer's certificate, PEM")
	flags.StringVar(&o.cert, "cert", "", "own certificate, PEM")
	flags.StringVar(&o.key, "key", "", "its key, PEM")
	flags.StringVar(&o.protocols, "protocols", "", "ALPN names, with commas between")
	flags.StringVar(&o.mode, "mode", "mutual", strings.Join(modes, ", "))
	flags.StringVar(&o.agent, "agent", "", "Unix socket of the agent's API")
	flags.StringVar(&o.expect, "expect", "accepted", "what the client's exchange has to come to: accepted or refused")
	flags.StringVar(&o.proxy, "proxy", "", "HOST:PORT of an HTTP proxy that does the attesting")
	flags.BoolVar(&o.tunnel, "tunnel", false, "have the proxy CONNECT instead of asking it for URLs")
	flags.IntVar(&o.size, "size", 300000, "bytes to be echoed")
	err := flags.Parse(args)
	return o, err
}

func (o options) modeNumber() (uint, error) {
	for number, name := range modes {
		if name == o.mode {
			return uint(number), nil
		}
	}
	return 0, fmt.Errorf("no mode %q", o.mode)
}

// tls gives what CMC sets for TLS: roots and a certificate, and whatever else the library does by itself.
func (o options) tls() (*tls.Config, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate", o.ca)
	}
	config := &tls.Config{RootCAs: roots, ClientCAs: roots, ClientAuth: tls.VerifyClientCertIfGiven, ServerName: o.name}
	if o.protocols != "" {
		config.NextProtos = strings.Split(o.protocols, ",")
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// listen opens a port of this machine and says which.
func (o options) listen() (net.Listener, error) {
	mode, err := o.modeNumber()
	if err != nil {
		return nil, err
	}
	config, err := o.tls()
	if err != nil {
		return nil, err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	fmt.Println("listening on", plain.Addr())
	return &listener{plain, config, mode, agent(o.agent)}, nil
}

// dial connects, attests and tells how that went; the error of an exchange that failed is a refusal.
func (o options) dial(address string) (net.Conn, error) {
	mode, err := o.modeNumber()
	if err != nil {
		return nil, err
	}
	config, err := o.tls()
	if err != nil {
		return nil, err
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, config)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	done := exchange(conn, mode, false, agent(o.agent))
	fmt.Println(done)
	if !done.accepted() {
		conn.Close()
		return nil, refusal{done}
	}
	return conn, nil
}

func run(command string, args []string) error {
	o, err := parse(command, args)
	if err != nil {
		return err
	}
	switch {
	case command == "client":
		return runClient(o)
	case command == "server":
		return runServer(o)
	case command == "web" && o.connect != "":
		return runWebClient(o)
	case command == "web":
		return runWebServer(o)
	}
	return fmt.Errorf("no command %q", command)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: peer client|server|web [-FLAG VALUE]...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}
