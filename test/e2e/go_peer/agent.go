// The agent of a machine: CMC's API 1.4.0 on a Unix socket, in JSON.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

const apiVersion = "1.4.0"

// Types of the API's calls.
const (
	callError     = 0
	callAttest    = 1
	callVerify    = 2
	callPeerCache = 6
)

type attestCall struct {
	Version string   `json:"version"`
	Nonce   []byte   `json:"nonce"`
	Cached  []string `json:"cached,omitempty"`
}

type verifyCall struct {
	Version string `json:"version"`
	Nonce   []byte `json:"nonce"`
	Report  []byte `json:"report"`
	Peer    string `json:"peer,omitempty"`
	Address string `json:"peerAddr,omitempty"`
}

type peerCacheCall struct {
	Version string `json:"version"`
	Peer    string `json:"peer"`
}

// agent is the path of the socket.
type agent string

// call asks in a connection of its own, as the API has it; answer is filled in.
func (a agent) call(kind uint32, question, answer any) error {
	payload, err := json.Marshal(question)
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("unix", string(a), 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	head = binary.BigEndian.AppendUint32(head, kind)
	if _, err = conn.Write(append(head, payload...)); err != nil {
		return err
	}
	if _, err = io.ReadFull(conn, head); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	payload = make([]byte, binary.BigEndian.Uint32(head))
	if _, err = io.ReadFull(conn, payload); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	switch got := binary.BigEndian.Uint32(head[4:]); got {
	case kind:
		return json.Unmarshal(payload, answer)
	case callError:
		return fmt.Errorf("agent: %s", payload)
	default:
		return fmt.Errorf("agent: an answer of type %d to one of type %d", got, kind)
	}
}

// attest has a report made over a nonce, without the items the peer holds.
func (a agent) attest(nonce []byte, cached []string) ([]byte, error) {
	var answer struct {
		Report []byte `json:"report"`
	}
	err := a.call(callAttest, attestCall{apiVersion, nonce, cached}, &answer)
	return answer.Report, err
}

// verify has a peer's report judged: an error unless the verdict is success or warn.
func (a agent) verify(call verifyCall) error {
	var answer struct {
		Result struct {
			Summary struct {
				Status string `json:"status"`
			} `json:"summary"`
		} `json:"result"`
	}
	call.Version = apiVersion
	if err := a.call(callVerify, call, &answer); err != nil {
		return err
	}
	if status := answer.Result.Summary.Status; status != "success" && status != "warn" {
		return fmt.Errorf("the verdict is %q", status)
	}
	return nil
}

// peerCache asks which items of a peer are held.
func (a agent) peerCache(peer string) ([]string, error) {
	var answer struct {
		Cache []string `json:"cache"`
	}
	err := a.call(callPeerCache, peerCacheCall{apiVersion, peer}, &answer)
	return answer.Cache, err
}
