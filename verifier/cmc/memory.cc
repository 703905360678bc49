#include "verifier/cmc/memory.h"

#include "evidence/tpm/signing_key.h"
#include "verifier/tpm/chain_key.h"

namespace attest::cmc {

template <class T>
std::shared_ptr<const T> Memory::Recent<T>::find(const Digest& key, UnixTime when) {
  std::lock_guard lock(mutex_);
  auto at = by_key_.find(key);
  if (at == by_key_.end()) return nullptr;
  Place place = at->second;
  if (when >= place->since && when < place->until) {
    entries_.splice(entries_.begin(), entries_, place);
    return place->fact;
  }
  if (when >= place->until) forget(place);  // a clock that was set back and forth may need the others again
  return nullptr;
}

template <class T>
void Memory::Recent<T>::forget(Place place) {
  weight_ -= place->weight;
  by_key_.erase(place->key);
  entries_.erase(place);
}

template <class T>
void Memory::Recent<T>::keep(const Digest& key, std::shared_ptr<const T> fact, UnixTime since, UnixTime until, std::size_t weight) {
  if (key.empty() || since >= until || weight > max_weight_) return;
  std::lock_guard lock(mutex_);
  if (auto at = by_key_.find(key); at != by_key_.end()) forget(at->second);
  entries_.push_front({key, std::move(fact), since, until, weight});
  by_key_[key] = entries_.begin();
  weight_ += weight;
  while (entries_.size() > max_ || weight_ > max_weight_) forget(std::prev(entries_.end()));
}

template class Memory::Recent<KnownItem>;  // item() stands in the header

void Memory::keep(const Digest& sha256, std::size_t bytes, std::shared_ptr<const KnownItem> item, UnixTime when) {
  if (item->signatures.empty()) return;
  UnixTime until = item->signatures.front().not_after;
  for (const SignatureOutcome& signature : item->signatures) {
    if (signature.signature_error || signature.chain_error || signature.root.empty()) return;
    until = std::min(until, signature.not_after);
  }
  items_.keep(sha256, std::move(item), when, until, bytes);
}

Result<ChainFact> Memory::signer(const std::vector<Bytes>& chain, UnixTime when) {
  TRY(Digest of, chain_key(chain));
  if (ChainFact known = chains_.find(of, when)) return known;
  TRY(auto facts, signers_.verify(chain, ChainRole::metadata_signer, when));
  auto fact = std::make_shared<const Verified<ChainFacts>>(std::move(facts));
  chains_.keep(of, fact, when, (*fact)->not_after, 1);
  return ChainFact(std::move(fact));
}

Result<std::shared_ptr<const KnownKey>> Memory::key(const std::vector<Bytes>& chain, UnixTime when) {
  TRY(Digest of, chain_key(chain));
  if (auto known = keys_.find(of, when)) return known;
  TRY(auto facts, attestation_keys_.verify(chain, ChainRole::fleet_attestation_key, when));
  if (EVP_PKEY_up_ref(facts->key.get()) != 1) return Error{Errc::io, "certificate: cannot hold its key"};
  TRY(PublicArea area, bare_area(OwnedPkey(facts->key.get())));
  UnixTime until = facts->not_after;
  std::shared_ptr<const KnownKey> key(new KnownKey{std::move(facts), std::move(area)});
  keys_.keep(of, key, when, until, 1);
  return key;
}

Result<PublicArea> read_key(View certificate) {
  TRY(OwnedX509 parsed, parse_certificate(certificate));  // a certificate and no other form of a key
  TRY(SigningKey key, read_signing_key(certificate));
  return std::move(key.area);
}

}  // namespace attest::cmc
