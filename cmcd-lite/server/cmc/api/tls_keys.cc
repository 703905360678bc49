#include "cmcd-lite/server/cmc/api/tls_keys.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "drivers/sw/key_file.h"
#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

Error openssl_failed() { return {Errc::io, "key: OpenSSL failed"}; }

struct AlgRow {
  std::string_view name;
  const char* curve;  // nullptr: RSA
  unsigned bits;
  const char* tpm;    // the driver's name; nullptr: TPMs make none
};
constexpr AlgRow kAlgs[] = {{"EC256", "P-256", 0, "ec-p256"},
                            {"EC384", "P-384", 0, "ec-p384"},
                            {"EC521", "P-521", 0, nullptr},
                            {"RSA2048", nullptr, 2048, "rsa-2048"},
                            {"RSA4096", nullptr, 4096, nullptr}};

Result<const AlgRow*> alg_row(std::string_view alg) {
  for (const AlgRow& row : kAlgs)
    if (row.name == alg) return &row;
  return Error{Errc::unsupported, "TLSCreate: no algorithm \"" + printable(alg, 20) + "\"; there are EC256, EC384, EC521, RSA2048, RSA4096"};
}

// read_leaf fills in what the leaf of a chain says.
Status read_leaf(FleetKey& key) {
  TRY(OwnedX509 leaf, parse_certificate(key.chain.front()));
  key.spki_der = spki_der(X509_get0_pubkey(leaf.get()));
  TRY(key.term, term_of(leaf.get()));
  return ok();
}

std::shared_ptr<EVP_PKEY> shared(OwnedPkey key) { return {key.release(), EVP_PKEY_free}; }

}  // namespace

Status FleetKeys::read_chain(const fs::path& path) {
  FleetKey key;
  key.id = path.stem().string();
  TRY(key.chain, read_certificates(path));
  CHECK_OK(read_leaf(key));
  fs::path secret = fs::path(path).replace_extension(".pem");
  auto software = read_sw_key(secret);
  if (!software && software.error().code != Errc::mismatch) return software.error();
  key.in_tpm = !software;
  if (software) {
    key.software = shared(*std::move(software));
    if (spki_der(key.software.get()) != key.spki_der)
      return Error{Errc::mismatch, path.string() + ": certifies another key than that of " + secret.string()};
  }
  keys_.insert_or_assign(key.id, std::move(key));
  return ok();
}

Status FleetKeys::open(fs::path folder) {
  std::lock_guard lock(mutex_);
  folder_ = std::move(folder);
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".chain" && keys_.size() < kMaxKeys) CHECK_OK(read_chain(it->path()));
  return ok();
}

std::optional<FleetKey> FleetKeys::find(std::string_view id) const {
  std::lock_guard lock(mutex_);
  auto at = keys_.find(id);
  if (at == keys_.end()) return std::nullopt;
  return at->second;
}

Status FleetKeys::add(FleetKey key) {
  std::lock_guard lock(mutex_);
  if (keys_.size() >= kMaxKeys) return Error{Errc::denied, "TLSCreate: this agent keeps 1,024 keys already"};
  CHECK_OK(read_leaf(key));
  fs::path path = folder_ / key.id;
  if (key.software) CHECK_OK(write_sw_key(path.string() + ".pem", key.software.get()));
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  CHECK_OK(write_file_atomic(path.string() + ".chain", as_view(certificates_to_pem(key.chain)), 0600));
  keys_.insert_or_assign(key.id, std::move(key));
  return ok();
}

Status FleetKeys::renew(std::string_view id, std::vector<Bytes> chain) {
  std::lock_guard lock(mutex_);
  auto at = keys_.find(id);
  if (at == keys_.end()) return Error{Errc::denied, "the key is not there any more"};
  FleetKey fresh = at->second;
  fresh.chain = std::move(chain);
  CHECK_OK(read_leaf(fresh));
  if (fresh.spki_der != at->second.spki_der) return Error{Errc::mismatch, "the certificate is for another key"};
  CHECK_OK(write_file_atomic((folder_ / fresh.id).string() + ".chain", as_view(certificates_to_pem(fresh.chain)), 0600));
  at->second = std::move(fresh);
  return ok();
}

std::vector<FleetKeyTerm> FleetKeys::terms() const {
  std::lock_guard lock(mutex_);
  std::vector<FleetKeyTerm> out;
  for (const auto& [id, key] : keys_) out.push_back({id, sha256(key.spki_der), key.term});
  return out;
}

std::size_t FleetKeys::size() const {
  std::lock_guard lock(mutex_);
  return keys_.size();
}

Result<std::string> new_key_id() {
  std::array<std::uint8_t, 16> bytes{};
  if (RAND_bytes_ex(private_libctx(), bytes.data(), bytes.size(), 0) != 1) return openssl_failed();
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string hex = to_hex(bytes);
  for (std::size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
  return hex;
}

Result<std::shared_ptr<EVP_PKEY>> make_fleet_key(std::string_view alg) {
  TRY(const AlgRow* row, alg_row(alg));
  ErrorMark mark;
  OwnedPkey key(row->curve != nullptr ? EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", row->curve)
                                      : EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", static_cast<std::size_t>(row->bits)));
  if (!key) return openssl_failed();
  return shared(std::move(key));
}

Result<std::string> tpm_algorithm(std::string_view alg) {
  TRY(const AlgRow* row, alg_row(alg));
  if (row->tpm == nullptr) return Error{Errc::unsupported, "TLSCreate: keys of type tpm are EC256, EC384 or RSA2048"};
  return std::string(row->tpm);
}

Result<Bytes> sign_with_software(EVP_PKEY* key, const DigestScheme& scheme, View digest) {
  if (digest.size() != digest_size(scheme.hash))
    return Error{Errc::malformed, "a digest of " + std::to_string(digest.size()) + " bytes for " + hash_alg_name(scheme.hash)};
  ErrorMark mark;
  OwnedPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key, nullptr));
  bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  if (!context || EVP_PKEY_sign_init(context.get()) != 1) return openssl_failed();
  if (rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), scheme.pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
    return openssl_failed();
  if (EVP_PKEY_CTX_set_signature_md(context.get(), evp_md(scheme.hash)) != 1) return openssl_failed();
  if (rsa && scheme.pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) != 1) return openssl_failed();
  std::size_t size = 0;
  if (EVP_PKEY_sign(context.get(), nullptr, &size, digest.data(), digest.size()) != 1) return openssl_failed();
  Bytes out(size);
  if (EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) != 1) return openssl_failed();
  out.resize(size);
  return out;
}

}  // namespace attest
