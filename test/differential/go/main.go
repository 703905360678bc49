// peer judges single artefacts with Google's Go packages, one JSON document a call:
//
//	peer eventlog FILE BANK VALUES   whether the log replays to these values, {"0": "..."}
//	peer tdx FILE SECONDS            whether the quote's signatures and its PCK chain hold at that time
//	peer snp REPORT VCEK             whether the report's signature is of that certificate's key
package main

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/google/go-eventlog/register"
	"github.com/google/go-eventlog/tcg"
	sev "github.com/google/go-sev-guest/verify"
	tdx "github.com/google/go-tdx-guest/verify"
)

var banks = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384}

func eventLog(path, bank, values string) (any, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var digests map[string]string
	if err := json.Unmarshal([]byte(values), &digests); err != nil {
		return nil, err
	}
	var registers []register.MR
	for index, text := range digests {
		number, err := strconv.Atoi(index)
		if err != nil {
			return nil, err
		}
		digest, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		registers = append(registers, register.PCR{Index: number, Digest: digest, DigestAlg: banks[bank]})
	}
	_, err = tcg.ParseAndReplay(raw, registers, tcg.ParseOpts{})
	return "ok", err
}

func tdxQuote(path, seconds string) (any, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, err
	}
	return "ok", tdx.RawTdxQuote(raw, &tdx.Options{Now: time.Unix(at, 0)})
}

func snpReport(path, certificate string) (any, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	der, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(der); block != nil {
		der = block.Bytes
	}
	vcek, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return "ok", sev.SnpReportSignature(raw, vcek)
}

func judge(args []string) (any, error) {
	switch {
	case len(args) == 4 && args[0] == "eventlog":
		return eventLog(args[1], args[2], args[3])
	case len(args) == 3 && args[0] == "tdx":
		return tdxQuote(args[1], args[2])
	case len(args) == 3 && args[0] == "snp":
		return snpReport(args[1], args[2])
	}
	fmt.Fprintln(os.Stderr, "usage: peer eventlog FILE BANK VALUES | tdx FILE SECONDS | snp REPORT VCEK")
	os.Exit(2)
	return nil, nil
}

func main() {
	document := map[string]any{}
	result, err := judge(os.Args[1:])
	if err != nil {
		document["error"] = err.Error()
	} else {
		document["result"] = result
	}
	json.NewEncoder(os.Stdout).Encode(document)
}
