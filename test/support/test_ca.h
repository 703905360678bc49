// test_ca.h: certificates and CRLs made on the spot by OpenSSL's API.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "evidence/core/time.h"
#include "evidence/x509/certificate.h"

namespace attest::test {

constexpr UnixTime kTestNow = 1795000000;  // 2026-11-18T13:46:40Z
constexpr UnixTime kDay = 86400;

// TestCert is a key with its certificate.
struct TestCert {
  OwnedPkey key;
  OwnedX509 certificate;
  Bytes der() const;
  std::string pem() const { return certificates_to_pem({der()}); }
  std::string key_pem() const;
};

// CertSpec says what to put in. Extensions are in the notation of openssl.cnf: {"extendedKeyUsage",
// "codeSigning"}.
struct CertSpec {
  std::string common_name = "test";
  std::string key = "P-256";  // P-256, P-384, P-521, RSA-2048, RSA-5120, …
  std::vector<std::pair<std::string, std::string>> extensions;
  UnixTime not_before = kTestNow - kDay;
  UnixTime not_after = kTestNow + 365 * kDay;
  std::string digest = "SHA256";
};

// make_key generates a key; aborts the test program if it cannot (as all of this file).
OwnedPkey make_key(const std::string& kind);
// make_root is a self-signed CA; issue signs a certificate by `issuer` (itself with nullptr).
TestCert make_root(const std::string& common_name, const std::string& key = "P-256");
TestCert issue(const TestCert* issuer, const CertSpec& spec);
// issue_for certifies an existing key.
TestCert issue_for(const TestCert* issuer, const CertSpec& spec, OwnedPkey key);
// make_signer is a metadata signer with EKU codeSigning.
TestCert make_signer(const TestCert& ca, const std::string& key = "P-256");
// make_crl revokes the given certificates.
Bytes make_crl(const TestCert& issuer, const std::vector<const TestCert*>& revoked,
               UnixTime this_update = kTestNow - kDay, UnixTime next_update = kTestNow + kDay);

}  // namespace attest::test
