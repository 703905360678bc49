#include "evidence/tpm/kdf.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "evidence/core/crypto.h"

namespace attest {
namespace {

using OwnedMac = Owned<EVP_MAC, EVP_MAC_free>;
using OwnedMacCtx = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;

std::array<std::uint8_t, 4> u32be(std::uint32_t v) {
  return {static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16),
          static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
}

constexpr std::array<std::uint8_t, 1> kNul{0};

// blocks fills `bits` with what block(counter) gives, counters from 1.
template <class F>
Result<Secret> blocks(std::uint32_t bits, F&& block) {
  Secret out(bits / 8);
  std::size_t done = 0;
  for (std::uint32_t counter = 1; done < out.fill().size(); counter++) {
    TRY(Secret part, block(u32be(counter)));
    std::size_t n = std::min(part.reveal().size(), out.fill().size() - done);
    std::copy_n(part.reveal().begin(), n, out.fill().begin() + static_cast<std::ptrdiff_t>(done));
    done += n;
  }
  return out;
}

}  // namespace

Result<Secret> hmac(HashAlg hash, View key, std::initializer_list<View> parts) {
  OwnedMac mac(EVP_MAC_fetch(private_libctx(), "HMAC", nullptr));
  OwnedMacCtx ctx(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  std::string name = hash_alg_name(hash);
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                         OSSL_PARAM_END};
  bool fine = ctx && EVP_MAC_init(ctx.get(), key.data(), key.size(), params) == 1;
  for (View part : parts) fine = fine && EVP_MAC_update(ctx.get(), part.data(), part.size()) == 1;
  Secret out(digest_size(hash));
  std::size_t size = 0;
  fine = fine && EVP_MAC_final(ctx.get(), out.fill().data(), &size, out.fill().size()) == 1;
  if (!fine || size != out.fill().size()) return Error{Errc::io, "tpm kdf: HMAC failed"};
  return out;
}

Result<Secret> kdfa(HashAlg hash, View key, std::string_view label, View context_u, View context_v,
                    std::uint32_t bits) {
  auto length = u32be(bits);
  return blocks(bits, [&](std::array<std::uint8_t, 4> counter) {
    return hmac(hash, key, {counter, as_view(label), kNul, context_u, context_v, length});
  });
}

Result<Secret> kdfe(HashAlg hash, View z, std::string_view label, View party_u, View party_v,
                    std::uint32_t bits) {
  return blocks(bits, [&](std::array<std::uint8_t, 4> counter) -> Result<Secret> {
    Digest digest = hash_of(hash, {counter, z, as_view(label), kNul, party_u, party_v});
    if (digest.empty()) return Error{Errc::io, "tpm kdf: hashing failed"};
    Secret part = Secret::copy_of(digest.view());
    OPENSSL_cleanse(digest.data(), digest.size());
    return part;
  });
}

}  // namespace attest
