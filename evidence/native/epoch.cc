#include "evidence/native/epoch.h"

#include <openssl/pem.h>

#include "evidence/cbor/cbor.h"
#include "evidence/core/crypto.h"

namespace attest {
namespace {

constexpr std::string_view kLabel = "attest/1 epoch-id";
constexpr std::uint64_t kMaxTime = std::uint64_t{1} << 40;  // some 34,000 years
constexpr std::size_t kMaxEpochId = 64;

Result<EpochId> decode_epoch(View bytes) {
  cbor::Reader in(bytes);
  EpochId out;
  if (in.map(4) != 4 || in.key(-1) != 0 || in.uint(1) != 1) in.fail("not version 1");
  if (in.key(0) != 1) in.fail("no time");
  out.time = static_cast<UnixTime>(in.uint(kMaxTime));
  if (in.key(1) != 2) in.fail("no sequence");
  out.sequence = in.uint();
  if (in.key(2) != 3) in.fail("no random bytes");
  View random = in.bytes(32, 32);
  std::copy(random.begin(), random.end(), out.random.begin());
  CHECK_OK(in.done("Epoch ID"));
  return out;
}

}  // namespace

Result<SignedEpochId> sign_epoch(const EpochId& epoch, EVP_PKEY* distributor) {
  if (epoch.time < 0 || static_cast<std::uint64_t>(epoch.time) > kMaxTime)
    return Error{Errc::malformed, "Epoch ID: its time cannot be written"};
  cbor::Writer out;
  out.map(4);
  out.uint(0), out.uint(1);
  out.uint(1), out.uint(static_cast<std::uint64_t>(epoch.time));
  out.uint(2), out.uint(epoch.sequence);
  out.uint(3), out.bytes(epoch.random);
  SignedEpochId made{std::move(out).finish(), {}};
  TRY(made.signature, sign_p256(distributor, {as_view(kLabel), made.epoch}));
  return made;
}

Result<Verified<EpochId>> verify_epoch(const SignedEpochId& epoch, EVP_PKEY* distributor) {
  if (auto signature = verify_p256(distributor, {as_view(kLabel), epoch.epoch}, epoch.signature); !signature)
    return Error{signature.error().code, "Epoch ID: not signed by this distributor"};
  TRY(EpochId read, decode_epoch(epoch.epoch));
  return SignatureCheck::mint(std::move(read));
}

Result<Bytes> encode_signed_epoch(const SignedEpochId& epoch) {
  if (epoch.epoch.size() > kMaxEpochId || epoch.signature.size() > kMaxP256Signature)
    return Error{Errc::denied, "Epoch ID: longer than its form allows"};
  cbor::Writer out;
  out.array(2);
  out.bytes(epoch.epoch);
  out.bytes(epoch.signature);
  return std::move(out).finish();
}

Result<SignedEpochId> decode_signed_epoch(View bytes) {
  cbor::Reader in(bytes);
  SignedEpochId out;
  if (in.array(2) != 2) in.fail("not a pair");
  out.epoch = to_bytes(in.bytes(kMaxEpochId, 1));
  out.signature = to_bytes(in.bytes(kMaxP256Signature, 1));
  CHECK_OK(in.done("signed Epoch ID"));
  return out;
}

Result<Bytes> read_distributor_key(View pem) {
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), 1 << 20))));
  OwnedPkey key(bio ? PEM_read_bio_PUBKEY_ex(bio.get(), nullptr, nullptr, nullptr, private_libctx(), nullptr)
                    : nullptr);
  if (!key) return Error{Errc::malformed, "distributor key: no PEM \"PUBLIC KEY\""};
  return write_p256(key.get());
}

}  // namespace attest
