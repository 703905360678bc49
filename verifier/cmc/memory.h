// memory.h: what was found out about signed items and attestation keys before, and cannot come out differently.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "evidence/cmc/metadata.h"
#include "evidence/metadata/jws.h"
#include "evidence/tpm/public_area.h"

namespace attest::cmc {

// KnownItem is a signed item that was read, all of whose signatures and chains were good.
struct KnownItem {
  std::vector<SignatureOutcome> signatures;
  Metadata metadata;
};

// KnownKey is an attestation key whose chain was good.
struct KnownKey {
  Verified<ChainFacts> facts;
  PublicArea area;
};

// Memory remembers facts, never verdicts: these bytes are an item that signers of these roots signed, this chain led to
// these roots. It owns the roots and CRLs, so that nothing found under other ones is ever met: new ones, a new memory. A
// fact counts from the moment it was found to the first end of validity of a certificate or CRL behind it. What an item
// says of its own validity, whether it was revoked, and every signature over a nonce are judged each time. Failures are
// not remembered. What was used least recently makes room. Thread safe.
class Memory {
 public:
  static constexpr std::size_t kMaxItems = 256;
  static constexpr std::size_t kMaxItemBytes = 16 << 20;  // of items, as they were signed
  static constexpr std::size_t kMaxChains = 256;  // of signers
  static constexpr std::size_t kMaxKeys = 256;

  Memory(TrustStore signers, TrustStore attestation_keys)
      : signers_(std::move(signers)), attestation_keys_(std::move(attestation_keys)), items_(kMaxItems, kMaxItemBytes), chains_(kMaxChains, kMaxChains), keys_(kMaxKeys, kMaxKeys) {}
  const TrustStore& signers() const { return signers_; }
  const TrustStore& attestation_keys() const { return attestation_keys_; }

  // item is what is known of the item with this SHA-256; nullptr if that is nothing, or counts no more.
  std::shared_ptr<const KnownItem> item(const Digest& sha256, UnixTime when) { return items_.find(sha256, when); }
  // keep remembers an item examined against signers() at `when`; one with a signature or chain that is not good is not kept.
  void keep(const Digest& sha256, std::size_t bytes, std::shared_ptr<const KnownItem> item, UnixTime when);
  // signer judges a chain in the role metadata_signer against signers(): most items of a machine have the same signer.
  Result<ChainFact> signer(const std::vector<Bytes>& chain, UnixTime when);
  // key judges a chain in the role fleet_attestation_key, and its leaf as read_key() does.
  Result<std::shared_ptr<const KnownKey>> key(const std::vector<Bytes>& chain, UnixTime when);

 private:
  // Recent holds facts by digest, each for its time.
  template <class T>
  class Recent {
   public:
    Recent(std::size_t max, std::size_t max_weight) : max_(max), max_weight_(max_weight) {}
    std::shared_ptr<const T> find(const Digest& key, UnixTime when);
    void keep(const Digest& key, std::shared_ptr<const T> fact, UnixTime since, UnixTime until, std::size_t weight);

   private:
    struct Entry {
      Digest key;
      std::shared_ptr<const T> fact;
      UnixTime since, until;
      std::size_t weight;
    };
    using Place = typename std::list<Entry>::iterator;
    void forget(Place place);
    const std::size_t max_, max_weight_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // what was used last first
    std::unordered_map<Digest, Place, DigestHash> by_key_;
    std::size_t weight_ = 0;
  };
  const TrustStore signers_, attestation_keys_;
  Recent<KnownItem> items_;
  Recent<Verified<ChainFacts>> chains_;
  Recent<KnownKey> keys_;
};

// read_key is the public area of a certified key; malformed for other forms of a key than a certificate.
Result<PublicArea> read_key(View certificate);

}  // namespace attest::cmc
