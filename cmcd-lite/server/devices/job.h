// job.h: one caller's wish for evidence.
#pragma once
#include <functional>

#include "cmcd-lite/server/config/state.h"

namespace attest {

// AttestJob: exactly one of binder and raw_nonce is set; access was decided before, but for names that keys in a TPM get when
// it is opened.
struct AttestJob {
  uid_t uid = 0;
  Role role = Role::server;
  std::string service;
  Digest binder;
  Bytes raw_nonce;
  Digest leaf_spki{};                       // of the certificate of the handshake; empty: it has none
  std::function<bool()> still_granted{};    // access to that key, decided again by the names that keys have now
  std::optional<KeyInfo> tls_key;           // the handshake's key where the TPM holds it, to be certified
  Bytes key_file;                           // or the TSS2 key file the program signs with
  Digest certify_spki;                      // of either; empty: nothing to certify
  std::vector<Bytes> known;                 // digest prefixes the verifying side holds
  std::uint32_t room = 0;                   // bytes the evidence may have
  bool listed = false;                      // some policy names the peer that asks; else it is a stranger
  bool tell_files = false;                  // IMA entries without a reference in full, not their digests alone
  Nonce nonce{};                            // of the request, for the hints below
  std::uint32_t max_age_s = 0;              // how old a quote the verifying side accepts
  Bytes cursor;                             // hint of the beginning of our logs it holds; empty: none
  std::vector<Bytes> known_keys;            // hints of our keys it knows
  std::vector<Bytes> distributors;          // hints of the distributors it believes
  std::function<void(Result<Bytes>)> done;  // called exactly once, on the TPM's thread or a worker's
};

// message_for encodes the evidence for one job with as much metadata as it lacks and has room for; denied
// "evidence.too-large".
Result<Bytes> message_for(const AttestJob& job, Evidence& evidence, const std::vector<View>& tpm_logs,
                          const OwnMetadata& own);

// fit_metadata chooses which items travel in full: those the other side does not know, smallest first, while
// they fit into `left` bytes.
std::vector<Bytes> fit_metadata(const OwnMetadata& own, const std::vector<Bytes>& known, std::size_t left);

}  // namespace attest
