#include "verifier/logs/ima_replay.h"

namespace attest {

Result<ImaReplay> ImaReplay::make(HashAlg stored, const std::vector<HashAlg>& banks) {
  ImaReplay replay(stored);
  std::vector<HashAlg> needed{stored, HashAlg::sha1};
  needed.insert(needed.end(), banks.begin(), banks.end());
  for (HashAlg alg : needed) {
    if (replay.hasher(alg) != nullptr) continue;
    TRY(Hasher made, Hasher::make(alg));
    replay.hashers_.push_back(std::move(made));
  }
  replay.hashes_.resize(replay.hashers_.size());
  for (HashAlg bank : banks)
    for (bool padded : {false, true}) {
      if (padded && bank == HashAlg::sha1) continue;
      Form form;
      form.bank = bank;
      form.padded = padded;
      for (std::size_t pcr = 0; pcr < kPcrs; pcr++) form.values[pcr] = Digest::filled(bank, pcr >= 17 && pcr <= 22 ? 0xff : 0);
      replay.forms_.push_back(std::move(form));
    }
  return replay;
}

Hasher* ImaReplay::hasher(HashAlg alg) {
  for (Hasher& h : hashers_)
    if (h.alg() == alg) return &h;
  return nullptr;
}

void ImaReplay::expect(HashAlg bank, std::uint32_t pcr, View value) {
  for (Form& form : forms_)
    if (form.bank == bank) form.expected[pcr] = Digest::of(value);
}

void ImaReplay::extend_form(Form& form, const ImaEntry& entry) {
  Digest digest;
  if (entry.violation()) {
    digest = Digest::filled(form.bank, 0xff);
  } else if (form.bank == stored_) {
    digest = Digest::of(entry.template_hash);
  } else {
    HashAlg from = form.padded ? HashAlg::sha1 : form.bank;
    for (std::size_t i = 0; i < hashers_.size(); i++)
      if (hashers_[i].alg() == from) digest = hashes_[i];
    if (form.padded) digest = padded_sha1(form.bank, stored_ == HashAlg::sha1 ? entry.template_hash : digest.view());
  }
  form.values[entry.pcr] = hasher(form.bank)->extend(form.values[entry.pcr], digest.view());
  form.touched[entry.pcr] = true;
  if (form.expected.empty()) return;
  auto expected = form.expected.find(entry.pcr);
  if (expected != form.expected.end() && expected->second == form.values[entry.pcr]) form.reached[entry.pcr] = entries_;
}

Result<bool> ImaReplay::extend(const ImaEntry& entry) {
  if (entry.pcr >= kPcrs) return Error{Errc::malformed, "ima list: a PCR above 23"};
  entries_++;
  bool right = true;
  for (std::size_t i = 0; i < hashers_.size() && !entry.violation(); i++) {
    auto hash = ima_template_hash(hashers_[i], entry.template_name, entry.data);
    if (!hash && hash.error().code == Errc::io) return std::move(hash).error();
    hashes_[i] = hash ? *hash : Digest{};  // data without the form of its template has no hash
    if (hashers_[i].alg() == stored_) right = equal(hashes_[i].view(), entry.template_hash);
  }
  for (Form& form : forms_) extend_form(form, entry);
  return right;
}

}  // namespace attest
