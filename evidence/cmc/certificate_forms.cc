#include "evidence/cmc/certificate_forms.h"

#include "evidence/cmc/result.h"

namespace attest::cmc {

std::shared_ptr<const Bytes> CertificateForms::find(const Digest& key) {
  std::lock_guard lock(mutex_);
  auto at = by_key_.find(key);
  if (at == by_key_.end()) return nullptr;
  forms_.splice(forms_.begin(), forms_, at->second);
  return at->second->written;
}

void CertificateForms::keep(const Digest& key, std::shared_ptr<const Bytes> written) {
  std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return;
  bytes_ += written->size();
  forms_.push_front({key, std::move(written)});
  by_key_[key] = forms_.begin();
  while (forms_.size() > kMaxForms || bytes_ > kMaxBytes) {
    bytes_ -= forms_.back().written->size();
    by_key_.erase(forms_.back().key);
    forms_.pop_back();
  }
}

bool CertificateForms::write(Sink& out, View der) {
  std::uint8_t encoding = static_cast<std::uint8_t>(out.encoding());
  Digest key = sha256({View(&encoding, 1), der});
  if (key.empty()) return write_certificate(out, der);
  if (auto known = find(key)) {
    out.raw(*known);
    return true;
  }
  auto alone = make_sink(out.encoding());
  if (!write_certificate(*alone, der)) return false;
  auto written = std::make_shared<const Bytes>(alone->finish());
  out.raw(*written);
  keep(key, std::move(written));
  return true;
}

}  // namespace attest::cmc
