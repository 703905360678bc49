// net/http, as server and as client, over attested connections or in plain through a proxy that attests.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const bodySize = 5 << 20

// answer says hello to who sends nothing, and what came to who sends something; /pieces is answered in chunks.
func answer(out http.ResponseWriter, asked *http.Request) {
	hash := sha256.New()
	size, err := io.Copy(hash, asked.Body)
	fmt.Printf("%s %s   %d bytes, of length %d\n", asked.Method, asked.URL.Path, size, asked.ContentLength)
	switch {
	case err != nil:
		fmt.Println("broke off:", err)
	case asked.URL.Path == "/pieces":
		for i := 0; i < 50; i++ {
			fmt.Fprint(out, strings.Repeat("p", 10000))
			out.(http.Flusher).Flush()
		}
	case size == 0:
		fmt.Fprintln(out, "hello from Go")
	default:
		fmt.Fprintf(out, "%d bytes, sha256 %x\n", size, hash.Sum(nil))
	}
}

func runWebServer(o options) error {
	listener, err := o.listen()
	if err != nil {
		return err
	}
	return (&http.Server{Handler: http.HandlerFunc(answer)}).Serve(listener)
}

// dialing gives a transport whose connections the caller makes, and counts them.
func dialing(dial func() (net.Conn, error), count *int) *http.Transport {
	counted := func(context.Context, string, string) (net.Conn, error) {
		*count++
		return dial()
	}
	return &http.Transport{DialContext: counted, DialTLSContext: counted}
}

// openTunnel has the proxy connect to the server; what goes through is plain HTTP.
func (o options) openTunnel() (net.Conn, error) {
	conn, err := net.Dial("tcp", o.proxy)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", o.connect, o.connect)
	said, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err == nil && said.StatusCode != http.StatusOK {
		err = fmt.Errorf("CONNECT: %s", said.Status)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// way gives the transport and the beginning of the URLs that go with it.
func (o options) way(dials *int) (*http.Transport, string) {
	switch {
	case o.tunnel:
		return dialing(o.openTunnel, dials), "http://" + o.connect
	case o.proxy != "":
		direct := dialing(func() (net.Conn, error) { return net.Dial("tcp", o.proxy) }, dials)
		direct.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: o.proxy})
		return direct, "http://" + o.connect
	}
	return dialing(func() (net.Conn, error) { return o.dial(o.connect) }, dials), "https://" + o.connect
}

// unsized hides how long a body is, so that it goes out in chunks.
type unsized struct{ io.Reader }

func runWebClient(o options) error {
	dials := 0
	transport, base := o.way(&dials)
	client := &http.Client{Transport: transport, Timeout: patience}
	body := make([]byte, bodySize)
	if _, err := rand.Read(body); err != nil {
		return err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	for _, one := range []struct {
		method, path string
		body         io.Reader
		want         string
	}{
		{"GET", "/", nil, "hello"},
		{"PUT", "/post", bytes.NewReader(body), sum},
		{"POST", "/post", bytes.NewReader(body), sum},
		{"POST", "/post", unsized{bytes.NewReader(body)}, sum},
		{"GET", "/", nil, "hello"},
	} {
		if err := ask(client, one.method, base+one.path, one.body, one.want); err != nil {
			return fmt.Errorf("%s %s: %w", one.method, one.path, err)
		}
	}
	if dials != 1 {
		return fmt.Errorf("%d connections", dials)
	}
	fmt.Println("five requests, one connection")
	return nil
}

func ask(client *http.Client, method, url string, body io.Reader, want string) error {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
		return fmt.Errorf("%s: %.200s", answer.Status, text)
	}
	return nil
}
