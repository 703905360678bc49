// evidence_maker.h: two ends of a handshake and an honest machine between them; attacks bend one part and leave the rest.
#pragma once
#include <functional>

#include "evidence/native/message.h"
#include "test/support/metadata_maker.h"
#include "test/support/temp_dir.h"
#include "test/support/test_ak.h"
#include "verifier/appraise.h"

namespace attest::test {

// Measured is one entry of a log: a firmware event whose digest is the hash of `text`, a file of that path, or kViolation.
inline const std::string kViolation = "violation";
struct Measured {
  std::uint8_t pcr = 0;
  std::string text;
  LogKind kind = LogKind::tcg;
};
// ima_data is the template data (ima-ng) of a file whose content is its path.
Bytes ima_data(std::string_view path);
// ima_reference is its reference value, with SHA-1, SHA-256 and SHA-384 hashes.
ReferenceValue ima_reference(const std::string& path, bool optional = true);

// Machine is what attests: a key, a log, claims.
struct Machine {
  TestAk ak;
  std::vector<Measured> log;
  std::uint8_t startup_locality = 0;
  bool ima_padded = false;          // the kernel extends SHA-1 digests with zeros behind
  PcrSelection selection{HashAlg::sha256, {0, 1, 2, 3, 4, 5, 6, 7, 10}};
  Role role = Role::server;
  std::string service = "nginx";
  std::vector<Bytes> ak_chain;
  std::vector<Digest> metadata;     // of the context: image description first
  std::vector<Bytes> sent;          // metadata sent in full
  // tamper_quote sees the quote before it is signed, tamper_anchor the anchor before it is encoded.
  std::function<void(QuoteSpec&)> tamper_quote;
  std::function<void(TpmAnchor&)> tamper_anchor;
  std::function<void(ReportContext&)> tamper_context;
};

ReportContext context_of(const Machine& machine);
// tpm_anchor quotes `qualifying` over the machine's log.
TpmAnchor tpm_anchor(const Machine& machine, const Digest& qualifying);
// attest_machine answers one binder, as a batch of one.
Evidence attest_machine(const Machine& machine, const Digest& binder);

// sw_anchor is what a software driver answers; sw_identity_of its name in a context.
SwAnchor sw_anchor(EVP_PKEY* key, const Digest& qualifying, std::vector<std::pair<std::string, Digest>> measurements = {});
AnchorIdentity sw_identity_of(EVP_PKEY* key);

// World is a verifier with its policy and metadata, and the machine it expects.
struct World {
  World();
  TestCert signer_root, signer, issuer;
  std::vector<Bytes> roots;  // of metadata signers
  Metadata firmware, os, image;
  std::string firmware_item, os_item, image_item;
  ActiveSet active;
  Policy policy;             // pins the AK of `machine` for the server a.example, issuer known
  Machine machine;
  BinderInputs inputs;       // of the handshake, as the verifier sees it
  bool x509_ok = false;
  std::string peer = "a.example";
  UnixTime now = kTestNow;

  PeerRule& rule() { return policy.peers.front(); }
  // sign_all signs the three items anew after a change, loads them into `active` and lets the machine claim them.
  void sign_all();
  // hold loads exactly these signed items into the active set.
  void hold(const std::vector<std::string>& items);
  Digest binder() const;
  Appraisal judge(const Evidence& evidence) const;
  Appraisal judge_bytes(View evidence) const;
  // judge the machine's answer to this handshake
  Appraisal judge() const { return judge(attest_machine(machine, binder())); }
};

// name_of is the name a refusal goes by; "" for a trusted verdict, "untrusted" where nothing failed nor passed.
std::string name_of(const Appraisal& appraisal);

}  // namespace attest::test
