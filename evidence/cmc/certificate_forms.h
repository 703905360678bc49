// certificate_forms.h: certificates as results show them, each written once.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "evidence/cmc/codec.h"
#include "evidence/core/hash.h"

namespace attest::cmc {

// CertificateForms remembers what write_certificate() wrote, which follows from the certificate's bytes alone and says
// nothing of its being good. What was used least recently makes room. Thread safe.
class CertificateForms {
 public:
  static constexpr std::size_t kMaxForms = 256;
  static constexpr std::size_t kMaxBytes = 2 << 20;
  // write writes the certificate as write_certificate() does; false (nothing written) if it cannot be parsed.
  bool write(Sink& out, View der);

 private:
  struct Form {
    Digest key;
    std::shared_ptr<const Bytes> written;
  };
  std::shared_ptr<const Bytes> find(const Digest& key);
  void keep(const Digest& key, std::shared_ptr<const Bytes> written);
  std::mutex mutex_;
  std::list<Form> forms_;  // what was used last first
  std::unordered_map<Digest, std::list<Form>::iterator, DigestHash> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace attest::cmc
