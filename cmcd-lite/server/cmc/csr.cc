#include "cmcd-lite/server/cmc/csr.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

using OwnedReq = Owned<X509_REQ, X509_REQ_free>;
using OwnedNames = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using OwnedAlg = Owned<X509_ALGOR, X509_ALGOR_free>;

void free_extensions(STACK_OF(X509_EXTENSION) * list) { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
using OwnedExtensions = Owned<STACK_OF(X509_EXTENSION), free_extensions>;

Error openssl_failed() { return {Errc::io, "key: OpenSSL failed to make a certificate request"}; }

bool host_name(const std::string& name) {
  auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '*' || c == '_';
  };
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, good);
}

bool numeric(const std::string& address) {
  in6_addr out{};
  return ::inet_pton(AF_INET, address.c_str(), &out) == 1 || ::inet_pton(AF_INET6, address.c_str(), &out) == 1;
}

Status add_names(X509_REQ* request, const cmc::KeyConfig& config) {
  X509_NAME* subject = X509_REQ_get_subject_name(request);
  const auto* cn = reinterpret_cast<const unsigned char*>(config.cn.data());
  if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, cn, static_cast<int>(config.cn.size()), -1, 0) != 1)
    return openssl_failed();
  std::string names;
  for (const std::string& name : config.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& address : config.ip_addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
  if (names.empty()) return ok();
  OwnedExtensions list(sk_X509_EXTENSION_new_null());
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  if (!list || extension == nullptr || sk_X509_EXTENSION_push(list.get(), extension) <= 0) {
    X509_EXTENSION_free(extension);
    return openssl_failed();
  }
  if (X509_REQ_add_extensions(request, list.get()) != 1) return openssl_failed();
  return ok();
}

// signature_kind is the signature's algorithm for a key, and its hash.
std::pair<int, HashAlg> signature_kind(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return {NID_sha256WithRSAEncryption, HashAlg::sha256};
  int bits = EVP_PKEY_get_bits(key);
  if (bits > 384) return {NID_ecdsa_with_SHA512, HashAlg::sha512};
  if (bits > 256) return {NID_ecdsa_with_SHA384, HashAlg::sha384};
  return {NID_ecdsa_with_SHA256, HashAlg::sha256};
}

Status put_signature(X509_REQ* request, const EVP_PKEY* key, const SignContent& sign) {
  auto [nid, hash] = signature_kind(key);
  OwnedAlg algorithm(X509_ALGOR_new());
  bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  if (!algorithm || X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr) != 1 ||
      X509_REQ_set1_signature_algo(request, algorithm.get()) != 1)
    return openssl_failed();
  unsigned char* tbs = nullptr;
  int size = i2d_re_X509_REQ_tbs(request, &tbs);
  if (size <= 0) return openssl_failed();
  Bytes content(tbs, tbs + size);
  OPENSSL_free(tbs);
  TRY(Bytes signature, sign(hash, content));
  ASN1_BIT_STRING* bits = ASN1_BIT_STRING_new();
  if (bits == nullptr || ASN1_BIT_STRING_set(bits, signature.data(), static_cast<int>(signature.size())) != 1) {
    ASN1_BIT_STRING_free(bits);
    return openssl_failed();
  }
  bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7L);
  bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  X509_REQ_set0_signature(request, bits);
  return ok();
}

// add_name puts one alternative name where requests have it.
Status add_name(const GENERAL_NAME* name, cmc::KeyConfig& out) {
  int kind = 0;
  const void* value = GENERAL_NAME_get0_value(name, &kind);
  const auto* text = static_cast<const ASN1_STRING*>(value);
  if (kind != GEN_DNS && kind != GEN_IPADD) return Error{Errc::unsupported, "certificate: alternative names are DNS names and IP addresses"};
  const unsigned char* bytes = ASN1_STRING_get0_data(text);
  auto size = static_cast<std::size_t>(ASN1_STRING_length(text));
  if (kind == GEN_DNS) {
    out.dns_names.emplace_back(reinterpret_cast<const char*>(bytes), size);
    return ok();
  }
  std::array<char, INET6_ADDRSTRLEN> address{};
  int family = size == 4 ? AF_INET : AF_INET6;
  if ((size != 4 && size != 16) || ::inet_ntop(family, bytes, address.data(), address.size()) == nullptr)
    return Error{Errc::malformed, "certificate: an IP address of " + std::to_string(size) + " bytes"};
  out.ip_addresses.emplace_back(address.data());
  return ok();
}

}  // namespace

Result<cmc::KeyConfig> names_of(const X509* certificate) {
  ErrorMark mark;
  cmc::KeyConfig out;
  out.cn = common_name(certificate);
  OwnedNames names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; i++) CHECK_OK(add_name(sk_GENERAL_NAME_value(names.get(), i), out));
  CHECK_OK(check_names(out));
  return out;
}

Status check_names(const cmc::KeyConfig& config) {
  if (config.cn.empty() || config.cn.size() > 64 || printable(config.cn) != config.cn)
    return Error{Errc::malformed, "TLSCreate: the common name must be 1 to 64 printable characters"};
  for (const std::string& name : config.dns_names)
    if (!host_name(name)) return Error{Errc::malformed, "TLSCreate: \"" + printable(name) + "\" is no DNS name"};
  for (const std::string& address : config.ip_addresses)
    if (!numeric(address)) return Error{Errc::malformed, "TLSCreate: \"" + printable(address) + "\" is no IP address"};
  return ok();
}

Result<Bytes> make_csr(View spki_der, const cmc::KeyConfig& config, const SignDigest& sign) {
  return make_csr_over(spki_der, config, [&sign](HashAlg hash, View content) { return sign(hash, hash_of(hash, {content}).view()); });
}

Result<Bytes> make_csr_over(View spki_der, const cmc::KeyConfig& config, const SignContent& sign) {
  ErrorMark mark;
  const unsigned char* at = spki_der.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki_der.size()), private_libctx(), nullptr));
  OwnedReq request(X509_REQ_new_ex(private_libctx(), nullptr));
  if (!key || !request || X509_REQ_set_version(request.get(), 0) != 1 || X509_REQ_set_pubkey(request.get(), key.get()) != 1)
    return openssl_failed();
  CHECK_OK(add_names(request.get(), config));
  CHECK_OK(put_signature(request.get(), key.get(), sign));
  unsigned char* der = nullptr;
  int size = i2d_X509_REQ(request.get(), &der);
  if (size <= 0) return openssl_failed();
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace attest
