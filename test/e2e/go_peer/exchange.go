// The attestation exchange of attested TLS 1.3.0, as a CMC peer runs it inside TLS right after the handshake.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	atlsVersion = "1.3.0"
	clientLabel = "EXPORTER-CMC-Attestation-Client"
	serverLabel = "EXPORTER-CMC-Attestation-Server"
	maxFrame    = 64 << 20
)

type request struct {
	Version string   `json:"version"`
	Attest  uint     `json:"attest"`
	Cached  []string `json:"cached,omitempty"`
}

type response struct {
	Version string `json:"version"`
	Error   string `json:"error,omitempty"`
	Report  []byte `json:"report,omitempty"`
}

type complete struct {
	Version string `json:"version"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}

// outcome is what an exchange came to. It failed where own or unheard is set, or where the peer's Complete says so.
type outcome struct {
	own        error    // what went wrong on this side
	unheard    error    // why there is no Complete of the peer
	peer       complete // what the peer said at the end
	known      int      // our items that the peer holds
	response   int      // bytes of our Response
	negotiated string   // by ALPN
}

func (o outcome) accepted() bool { return o.own == nil && o.unheard == nil && o.peer.Success }

func (o outcome) String() string {
	if o.accepted() {
		return fmt.Sprintf("accepted   the peer holds %d items, response of %d bytes, protocol %q", o.known, o.response, o.negotiated)
	}
	said := fmt.Sprintf("success=%v %s", o.peer.Success, o.peer.Error)
	if o.unheard != nil {
		said = "nothing: " + o.unheard.Error()
	}
	return fmt.Sprintf("refused   here: %v; Complete of the peer: %s; response of %d bytes", o.own, said, o.response)
}

// side is one end of an exchange.
type side struct {
	conn       *tls.Conn
	state      tls.ConnectionState
	mode       uint
	agent      agent
	own, peers string // exporter labels
	proves     bool
	verifies   bool
	out        outcome
}

func exchange(conn *tls.Conn, mode uint, server bool, agent agent) outcome {
	s := side{conn: conn, state: conn.ConnectionState(), mode: mode, agent: agent, own: clientLabel, peers: serverLabel}
	s.proves, s.verifies = modes[mode] == "client", modes[mode] == "server"
	if server {
		s.own, s.peers, s.proves, s.verifies = s.peers, s.own, s.verifies, s.proves
	}
	if modes[mode] == "mutual" {
		s.proves, s.verifies = true, true
	}
	s.out.negotiated = s.state.NegotiatedProtocol
	s.out.own = s.attest()
	s.out.unheard = s.finish()
	return s.out
}

// attest: Requests cross, then Responses.
func (s *side) attest() error {
	asked, err := s.requests()
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- s.respond(asked.Cached) }()
	var theirs response
	heard := receive(s.conn, &theirs)
	if err := <-sent; err != nil {
		return err
	}
	if heard != nil {
		return fmt.Errorf("no Response: %w", heard)
	}
	return s.judge(theirs)
}

func (s *side) requests() (asked request, err error) {
	ours := request{Version: atlsVersion, Attest: s.mode}
	if s.verifies {
		if ours.Cached, err = s.agent.peerCache(s.fingerprint()); err != nil {
			return asked, err
		}
	}
	if _, err = send(s.conn, ours); err != nil {
		return asked, err
	}
	if err = receive(s.conn, &asked); err != nil {
		return asked, fmt.Errorf("no Request: %w", err)
	}
	if !strings.EqualFold(asked.Version, atlsVersion) {
		return asked, fmt.Errorf("the peer has version %q", asked.Version)
	}
	if asked.Attest != s.mode {
		return asked, fmt.Errorf("the peer's mode is %d, ours %d", asked.Attest, s.mode)
	}
	s.out.known = len(asked.Cached)
	return asked, nil
}

// respond sends our report, an empty Response where we need not prove, or why there is no report.
func (s *side) respond(cached []string) error {
	ours := response{Version: atlsVersion}
	var failed error
	if s.proves {
		ours.Report, failed = s.report(cached)
	}
	if failed != nil {
		ours.Error = failed.Error()
	}
	size, err := send(s.conn, ours)
	s.out.response = size
	if failed != nil {
		return failed
	}
	return err
}

func (s *side) report(cached []string) ([]byte, error) {
	nonce, err := s.state.ExportKeyingMaterial(s.own, nil, 32)
	if err != nil {
		return nil, err
	}
	return s.agent.attest(nonce, cached)
}

func (s *side) judge(theirs response) error {
	if theirs.Error != "" {
		return fmt.Errorf("the peer has no report: %s", theirs.Error)
	}
	if !s.verifies {
		if len(theirs.Report) != 0 {
			return errors.New("a report that nobody asked for")
		}
		return nil
	}
	nonce, err := s.state.ExportKeyingMaterial(s.peers, nil, 32)
	if err != nil {
		return err
	}
	return s.agent.verify(verifyCall{Nonce: nonce, Report: theirs.Report, Peer: s.fingerprint(), Address: s.conn.RemoteAddr().String()})
}

// finish: Complete in both directions, whatever happened before.
func (s *side) finish() error {
	ours := complete{Version: atlsVersion, Success: s.out.own == nil}
	if s.out.own != nil {
		ours.Error = s.out.own.Error()
	}
	if _, err := send(s.conn, ours); err != nil {
		return err
	}
	return receive(s.conn, &s.out.peer)
}

// fingerprint names the peer by its certificate; "" for a client without one.
func (s *side) fingerprint() string {
	if len(s.state.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(s.state.PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// send writes one frame, length and payload, and gives the payload's size.
func send(out io.Writer, message any) (int, error) {
	payload, err := json.Marshal(message)
	if err != nil {
		return 0, err
	}
	_, err = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...))
	return len(payload), err
}

func receive(in io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length == 0 || length > maxFrame {
		return fmt.Errorf("a frame of %d bytes", length)
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return err
	}
	return json.Unmarshal(payload, message)
}

// listener is CMC's: Accept does the whole of it within 10 s, one connection after the other, and the deadline stays.
type listener struct {
	net.Listener
	config *tls.Config
	mode   uint
	agent  agent
}

// refusal does not end the server.
type refusal struct{ outcome }

func (r refusal) Error() string { return r.outcome.String() }
func (refusal) Timeout() bool   { return false }
func (refusal) Temporary() bool { return true }

func (l *listener) Accept() (net.Conn, error) {
	plain, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	plain.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Server(plain, l.config)
	var done outcome
	if done.unheard = conn.Handshake(); done.unheard == nil {
		done = exchange(conn, l.mode, true, l.agent)
	}
	fmt.Println(done)
	if !done.accepted() {
		conn.Close()
		return nil, refusal{done}
	}
	return conn, nil
}
