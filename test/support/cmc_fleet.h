// cmc_fleet.h: a machine of a CMC fleet and its verifier, with test keys: signed metadata, evidence, report.
#pragma once
#include <functional>

#include "evidence/cmc/report.h"
#include "test/support/test_ca.h"
#include "verifier/cmc/judge.h"

namespace attest::test {

// cmc_reference is a reference value as manifests have it; cmc_event a measured event.
cmc::Component cmc_reference(const std::string& anchor, std::int64_t index, View digest, HashAlg alg = HashAlg::sha384);
cmc::Component cmc_event(View digest, HashAlg alg = HashAlg::sha384);

// fingerprint is how manifests name a root of hardware; accept_turin makes a manifest accept guests like that of the synthetic
// Turin report, of any firmware.
std::string fingerprint(const Bytes& der);
void accept_turin(cmc::Metadata& manifest);

// Fleet is one root manifest, one image description, and whatever evidence a test gives. attest is called with the hash of
// the context; it must not change what the context holds.
struct Fleet {
  Fleet();
  // items are image description and manifest, signed.
  std::vector<Bytes> items() const;
  Bytes report(const Bytes& nonce);
  cmc::Judged judge(const Bytes& report, const Bytes& nonce) const;
  // judge what the machine answers to a nonce; failure is "" for a trusted report, else the details of its summaries.
  cmc::Judged judge() { return judge(report(Bytes(8, 7)), Bytes(8, 7)); }
  std::string failure() {
    cmc::Judged judged = judge();
    if (judged.trusted) return "";
    std::string why = judged.result.summary.details + "!";
    for (const auto& m : judged.result.measurements) why += " " + m.summary.details;
    return why;
  }
  // has_code: the machine's answer is refused with this code among the result's.
  bool has_code(int code);

  TestCert signer_root, signer, ak_root;
  cmc::Encoding encoding = cmc::Encoding::json;
  cmc::Metadata manifest, image;
  std::vector<cmc::Metadata> more;   // further items, signed as those two
  std::vector<Bytes> signed_items;   // further items as they are
  std::function<void(cmc::Report&)> change;  // of what the machine says, before it is hashed
  std::vector<cmc::Collateral> collateral;
  std::function<std::vector<cmc::EvidenceItem>(View nonce)> attest;
  UnixTime now = kTestNow;
};

}  // namespace attest::test
