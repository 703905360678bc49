#include "evidence/dcap/collateral.h"

#include <map>

#include "evidence/core/hex.h"
#include "evidence/json/reader.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

template <class T, class Same>
Status add_new(T item, std::vector<T>& out, Same same) {
  for (const T& other : out)
    if (same(other, item)) return ok();
  if (out.size() == kMaxCollateralItems)
    return Error{Errc::malformed, "collateral: more than 64 documents of one kind"};
  out.push_back(std::move(item));
  return ok();
}

template <class T>
Status add_json(Result<SignedJson<T>> parsed, std::vector<SignedJson<T>>& out) {
  TRY(SignedJson<T> item, std::move(parsed));
  return add_new(std::move(item), out, [](const auto& a, const auto& b) {
    return a.signed_bytes == b.signed_bytes && a.signature == b.signature;
  });
}

template <class T>
Status add_der(Result<T> parsed, std::vector<T>& out) {
  TRY(T item, std::move(parsed));
  return add_new(std::move(item), out, [](const auto& a, const auto& b) { return a.der == b.der; });
}

Status add_chain(View bytes, DcapCollateral& out) {
  TRY(auto chain, parse_dcap_chain(bytes));
  for (DcapCertificate& certificate : chain)
    CHECK_OK(add_der(Result<DcapCertificate>(std::move(certificate)), out.certificates));
  return ok();
}

// is_crl: the second element of a CRL's signed part is the algorithm, of a certificate's the serial number.
bool is_crl(View der) {
  DerReader whole(der);
  DerReader tbs = whole.inside(der_tag::kSequence).inside(der_tag::kSequence);
  return tbs.at(der_tag::kInteger);
}

Status add_pem_crls(std::string_view text, DcapCollateral& out) {
  TRY(auto ders, split_pem_crls(text));
  for (const Bytes& der : ders) CHECK_OK(add_der(parse_dcap_crl(der), out.crls));
  return ok();
}

// strings gathers the members of an object that are texts.
Result<std::map<std::string, std::string, std::less<>>> strings(std::string_view text) {
  std::map<std::string, std::string, std::less<>> out;
  JsonReader json(text);
  json.object([&](std::string_view key) {
    if (json.kind() != JsonReader::Kind::string) return json.skip();
    std::string name(key);
    out[name] = json.text();
  });
  CHECK_OK(json.done("collateral"));
  return out;
}

bool has_member(std::string_view text, std::string_view name) {
  JsonReader json(text);
  bool found = false;
  json.object([&](std::string_view key) {
    found = found || key == name;
    json.skip();
  });
  return found;
}

Status add_bundle(std::string_view text, DcapCollateral& out) {
  TRY(auto members, strings(text));
  auto at = [&](std::string_view name) {
    auto found = members.find(name);
    return found == members.end() ? std::string_view{} : std::string_view(found->second);
  };
  CHECK_OK(add_json(tcb_info_from(at("tcb_info"), at("tcb_info_signature")), out.tcb_infos));
  if (!at("qe_identity").empty())
    CHECK_OK(add_json(enclave_identity_from(at("qe_identity"), at("qe_identity_signature")), out.identities));
  for (std::string_view name : {"root_ca_crl", "pck_crl", "pck_crl_issuer_chain", "tcb_info_issuer_chain",
                                "qe_identity_issuer_chain", "pck_certificate_chain"})
    if (!at(name).empty()) CHECK_OK(add_collateral(as_view(at(name)), out));
  return ok();
}

Status add_object(std::string_view text, DcapCollateral& out) {
  if (has_member(text, "tcbInfo")) return add_json(parse_tcb_info(text), out.tcb_infos);
  if (has_member(text, "enclaveIdentity") || has_member(text, "qeIdentity"))
    return add_json(parse_enclave_identity(text), out.identities);
  if (has_member(text, "tcb_info") && has_member(text, "tcb_info_signature")) return add_bundle(text, out);
  return Error{Errc::unsupported, "not collateral"};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  while (!text.empty() && kBlank.find(text.back()) != kBlank.npos) text.remove_suffix(1);
  while (!text.empty() && kBlank.find(text.front()) != kBlank.npos) text.remove_prefix(1);
  return text;
}

Status add_text(std::string_view text, DcapCollateral& out) {
  if (text.starts_with('{')) return add_object(text, out);
  if (text.starts_with("-----BEGIN CERTIFICATE-----")) return add_chain(as_view(text), out);
  if (text.starts_with("-----BEGIN X509 CRL-----")) return add_pem_crls(text, out);
  auto bytes = from_hex(text, kMaxDcapCrlBytes);
  if (bytes && !bytes->empty() && bytes->front() == der_tag::kSequence) return add_collateral(*bytes, out);
  return Error{Errc::unsupported, "not collateral"};
}

}  // namespace

Status add_collateral(View file, DcapCollateral& out) {
  if (file.size() > kMaxCollateralBytes) return Error{Errc::malformed, "collateral: more than 8 MiB"};
  if (!file.empty() && file[0] == der_tag::kSequence && file.size() > 1 && (file[1] & 0x80) != 0) {
    if (is_crl(file)) return add_der(parse_dcap_crl(file), out.crls);
    return add_chain(file, out);
  }
  return add_text(trimmed(as_text(file)), out);
}

}  // namespace attest
