#include "evidence/core/hash.h"

#include "evidence/core/crypto.h"

namespace attest {
namespace {

struct Row {
  HashAlg alg;
  const char* name;
};
constexpr Row kRows[] = {{HashAlg::sha1, "sha1"},
                         {HashAlg::sha256, "sha256"},
                         {HashAlg::sha384, "sha384"},
                         {HashAlg::sha512, "sha512"}};

}  // namespace

std::optional<HashAlg> hash_alg_from_id(std::uint16_t tpm_alg_id) {
  for (const Row& row : kRows)
    if (static_cast<std::uint16_t>(row.alg) == tpm_alg_id) return row.alg;
  return std::nullopt;
}

std::optional<HashAlg> hash_alg_from_name(std::string_view name) {
  std::array<char, 6> plain{};  // as long as the longest name
  std::size_t size = 0;
  for (char c : name) {
    if (c == '-') continue;
    if (size == plain.size()) return std::nullopt;
    plain[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const Row& row : kRows)
    if (std::string_view(plain.data(), size) == row.name) return row.alg;
  return std::nullopt;
}

const char* hash_alg_name(HashAlg alg) {
  for (const Row& row : kRows)
    if (row.alg == alg) return row.name;
  return "unknown";
}

Digest Digest::of(View bytes) {
  Digest d;
  if (bytes.size() > d.bytes_.size()) return d;
  std::copy(bytes.begin(), bytes.end(), d.bytes_.begin());
  d.size_ = static_cast<std::uint8_t>(bytes.size());
  return d;
}

Digest Digest::filled(HashAlg alg, std::uint8_t value) {
  Digest d;
  d.size_ = static_cast<std::uint8_t>(digest_size(alg));
  std::fill_n(d.bytes_.begin(), d.size_, value);
  return d;
}

const EVP_MD* evp_md(HashAlg alg) {
  static const EVP_MD* const fetched[] = {
      EVP_MD_fetch(private_libctx(), "SHA1", nullptr), EVP_MD_fetch(private_libctx(), "SHA2-256", nullptr),
      EVP_MD_fetch(private_libctx(), "SHA2-384", nullptr), EVP_MD_fetch(private_libctx(), "SHA2-512", nullptr)};
  for (std::size_t i = 0; i < std::size(kRows); i++)
    if (kRows[i].alg == alg) return fetched[i];
  return nullptr;
}

Result<Hasher> Hasher::make(HashAlg alg) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!ctx || evp_md(alg) == nullptr || EVP_DigestInit_ex2(ctx.get(), evp_md(alg), nullptr) != 1)
    return Error{Errc::io, std::string("cannot set up ") + hash_alg_name(alg)};
  return Hasher(alg, std::move(ctx));
}

Digest Hasher::of(std::initializer_list<View> parts) {
  Digest out;
  unsigned size = 0;
  if (EVP_DigestInit_ex2(ctx_.get(), nullptr, nullptr) != 1) return {};
  std::uint8_t block[128];  // what is short is hashed in one piece: registers are extended by the ten thousand
  std::size_t held = 0;
  auto pass_on = [&] {
    bool good = held == 0 || EVP_DigestUpdate(ctx_.get(), block, held) == 1;
    OPENSSL_cleanse(block, held);  // it may have been a secret
    held = 0;
    return good;
  };
  for (View part : parts) {
    if (part.size() <= sizeof block - held) {
      std::ranges::copy(part, block + held);
      held += part.size();
      continue;
    }
    if (!pass_on() || EVP_DigestUpdate(ctx_.get(), part.data(), part.size()) != 1) return {};
  }
  if (!pass_on()) return {};
  if (EVP_DigestFinal_ex(ctx_.get(), out.data(), &size) != 1) return {};
  out.resize(size);
  return out;
}

Digest hash_of(HashAlg alg, std::initializer_list<View> parts) {
  auto hasher = Hasher::make(alg);
  return hasher ? hasher->of(parts) : Digest{};
}

Digest sha256(std::initializer_list<View> parts) { return hash_of(HashAlg::sha256, parts); }

}  // namespace attest
