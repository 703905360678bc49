#include "evidence/native/binder.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "evidence/core/crypto.h"

namespace attest {
namespace {

using OwnedKdfCtx = Owned<EVP_KDF_CTX, EVP_KDF_CTX_free>;

constexpr std::string_view kServerTagLabel = "attest/1 S-inhs";

Error no_crypto(const char* what) { return {Errc::io, std::string(what) + ": OpenSSL gave no context"}; }

Status check_bounds(const BinderInputs& in) {
  if (in.client_share.size() > kMaxShare || in.server_share.size() > kMaxShare)
    return Error{Errc::malformed, "binder: key share longer than " + std::to_string(kMaxShare) + " bytes"};
  if (in.leaf_der.empty() || in.leaf_der.size() > kMaxLeaf)
    return Error{Errc::malformed, "binder: leaf certificate of " + std::to_string(in.leaf_der.size()) + " bytes"};
  if (in.cipher == 0) return Error{Errc::malformed, "binder: no cipher suite"};
  if (in.reply.size() > kMaxShare) return Error{Errc::malformed, "binder: reply too long"};
  if (in.reply.empty() != (in.prover == Role::client))
    return Error{Errc::malformed, std::string("binder: reply ") + (in.reply.empty() ? "absent" : "present") +
                                      " for the " + role_name(in.prover) + " role"};
  auto zero = [](std::uint8_t b) { return b == 0; };
  if (std::ranges::all_of(in.secret_tag, zero)) return Error{Errc::malformed, "binder: no handshake secret"};
  return ok();
}

// Element is one DER value (X.690, 8.1 and 10.1: definite lengths in the fewest octets).
struct Element {
  View whole;    // tag and length too
  View content;
};

std::size_t der_length(Reader& in) {
  std::size_t first = in.u8();
  if (first < 0x80) return first;
  std::size_t length = first == 0x81 ? in.u8() : first == 0x82 ? in.u16be() : 0;
  if (length < (first == 0x81 ? 0x80U : 0x100U)) in.fail();
  return length;
}

Element element(Reader& in, std::uint8_t tag) {
  Reader start = in;
  if (in.u8() != tag) in.fail();
  View content = in.take(der_length(in));
  View whole = start.take(start.left() - in.left());
  return in.good() ? Element{whole, content} : Element{};
}

// find_spki lends the SubjectPublicKeyInfo of a certificate (RFC 5280, 4.1). Only the outline is walked: OpenSSL decodes the
// key as well, which takes longer than the whole appraisal of a quote, four times a handshake.
Result<View> find_spki(View certificate) {
  constexpr std::uint8_t kSequence = 0x30, kInteger = 0x02, kBitString = 0x03, kVersion = 0xa0;
  Reader in(certificate);
  Reader outer(element(in, kSequence).content);
  CHECK_OK(in.done("leaf certificate"));
  Reader tbs(element(outer, kSequence).content);
  element(outer, kSequence);   // signatureAlgorithm
  element(outer, kBitString);  // signatureValue
  CHECK_OK(outer.done("leaf certificate"));
  if (Reader peek = tbs; peek.u8() == kVersion) element(tbs, kVersion);
  element(tbs, kInteger);                              // serialNumber
  for (int i = 0; i < 4; i++) element(tbs, kSequence);  // signature, issuer, validity, subject
  Element spki = element(tbs, kSequence);
  (void)tbs.rest();  // unique identifiers, extensions
  CHECK_OK(tbs.done("leaf certificate"));
  return spki.whole;
}

// Binder inputs between the module and the daemon: fixed order, every variable part behind a u32 length.
constexpr std::size_t kMaxReply = 64;

}  // namespace

Result<RequestHeader> parse_request_header(View request) {
  if (request.size() > RequestHeader::kMaxRequest)
    return Error{Errc::malformed, "request of " + std::to_string(request.size()) + " bytes"};
  Reader in(request);
  std::uint8_t version = in.u8();
  RequestHeader header;
  header.flags = in.u8();
  header.nonce = in.array<32>();
  (void)in.rest();
  CHECK_OK(in.done("request"));
  if (version != RequestHeader::kVersion)
    return Error{Errc::unsupported, "request: version " + std::to_string(version) + ", this side speaks 1"};
  return header;
}

Result<std::array<std::uint8_t, 32>> server_secret_tag(const Secret& secret, HashAlg hash) {
  static EVP_KDF* const kdf = EVP_KDF_fetch(private_libctx(), "HKDF", nullptr);
  OwnedKdfCtx ctx(kdf != nullptr ? EVP_KDF_CTX_new(kdf) : nullptr);
  if (!ctx) return no_crypto("binder");
  if (secret.reveal().size() != digest_size(hash))
    return Error{Errc::malformed, "binder: traffic secret of " + std::to_string(secret.reveal().size()) + " bytes"};
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  std::string digest = hash == HashAlg::sha384 ? "SHA2-384" : "SHA2-256";
  View key = secret.reveal();
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(key.data()), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(kServerTagLabel.data()),
                                        kServerTagLabel.size()),
      OSSL_PARAM_construct_end()};
  std::array<std::uint8_t, 32> tag{};
  if (EVP_KDF_derive(ctx.get(), tag.data(), tag.size(), params) != 1)
    return Error{Errc::io, "binder: HKDF-Expand failed"};
  return tag;
}

Result<Digest> spki_sha256(View leaf_der) {
  TRY(View spki, find_spki(leaf_der));
  Digest digest = sha256(spki);
  if (digest.empty()) return no_crypto("leaf certificate");
  return digest;
}

Result<Digest> compute_binder(const BinderInputs& in) {
  CHECK_OK(check_bounds(in));
  TRY(RequestHeader header, parse_request_header(in.request));
  TRY(Digest spki, spki_sha256(in.leaf_der));
  Writer out;
  out.put(as_view("attest/1 binder"));
  out.u8(static_cast<std::uint8_t>(in.prover));
  out.put(header.nonce);
  out.put(in.client_random);
  out.put(in.server_random);
  out.u16be(in.cipher);
  out.u32be(in.group);
  out.lv32(in.client_share);
  out.lv32(in.server_share);
  out.put(sha256(in.request).view());
  out.u8(in.reply.empty() ? 0 : 1);
  out.put(in.reply.empty() ? Digest::filled(HashAlg::sha256, 0).view() : sha256(in.reply).view());
  out.put(spki.view());
  out.put(sha256(in.leaf_der).view());
  out.put(in.secret_tag);
  TRY(Bytes bytes, std::move(out).finish("binder"));
  Digest binder = sha256(bytes);
  if (binder.size() != 32) return no_crypto("binder");
  return binder;
}

Digest evidence_hash(const Digest& binder, View context) {
  return sha256({as_view("attest/1 evidence"), binder.view(), sha256(context).view()});
}

Result<Digest> raw_evidence_hash(View nonce, View context) {
  if (nonce.empty() || nonce.size() > 64)
    return Error{Errc::denied, "nonce of " + std::to_string(nonce.size()) + " bytes; 1 to 64 are allowed"};
  if (as_text(nonce).starts_with(kReservedNoncePrefix))
    return Error{Errc::denied, "nonce begins \"attest/\", which is reserved for handshakes"};
  Writer out;
  out.put(as_view("attest/1 raw"));
  out.lv32(nonce);
  out.put(sha256(context).view());
  TRY(Bytes bytes, std::move(out).finish("raw evidence"));
  return sha256(bytes);
}

void write_inputs(Writer& out, const BinderInputs& in) {
  out.u8(static_cast<std::uint8_t>(in.prover));
  out.put(in.client_random);
  out.put(in.server_random);
  out.u16be(in.cipher);
  out.u32be(in.group);
  for (const Bytes* part : {&in.client_share, &in.server_share, &in.request, &in.reply, &in.leaf_der}) out.lv32(*part);
  out.put(in.secret_tag);
}

BinderInputs read_inputs(Reader& in) {
  BinderInputs out;
  std::uint8_t role = in.u8();
  if (role > 1) in.fail();
  out.prover = role == 1 ? Role::client : Role::server;
  out.client_random = in.array<32>();
  out.server_random = in.array<32>();
  out.cipher = in.u16be();
  out.group = in.u32be();
  out.client_share = to_bytes(in.take32be(kMaxShare));
  out.server_share = to_bytes(in.take32be(kMaxShare));
  out.request = to_bytes(in.take32be(RequestHeader::kMaxRequest));
  out.reply = to_bytes(in.take32be(kMaxReply));
  out.leaf_der = to_bytes(in.take32be(kMaxLeaf));
  out.secret_tag = in.array<32>();
  return out;
}

}  // namespace attest
