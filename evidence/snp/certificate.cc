#include "evidence/snp/certificate.h"

#include "evidence/core/error_mark.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::string_view kArc = "1.3.6.1.4.1.3704.1.";  // AMD's extensions, clause 4.1
constexpr std::size_t kMaxText = 64;
constexpr std::size_t kHwid = 64, kTurinHwid = 8;

// Extensions are the values under AMD's arc; each may be there once.
struct Extensions {
  struct Item {
    std::string oid;  // behind the arc: "3.8"
    View value;
  };
  std::vector<Item> items;
  const View* find(std::string_view oid) const {
    for (const Item& item : items)
      if (item.oid == oid) return &item.value;
    return nullptr;
  }
};

Error bad(std::string_view oid, std::string_view what) {
  return {Errc::malformed, "snp key certificate: extension " + std::string(kArc) + std::string(oid) + " " + std::string(what)};
}

Result<Extensions> extensions_of(const X509* certificate) {
  Extensions out;
  for (int i = 0; i < X509_get_ext_count(certificate); i++) {
    X509_EXTENSION* extension = X509_get_ext(certificate, i);
    char oid[80];
    int size = OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(extension), 1);
    if (size <= 0 || size >= static_cast<int>(sizeof oid)) continue;
    std::string_view name(oid);
    if (!name.starts_with(kArc)) continue;
    name.remove_prefix(kArc.size());
    if (out.find(name) != nullptr) return bad(name, "is there twice");
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    out.items.push_back({std::string(name), View(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)))});
  }
  return out;
}

// integer reads a DER INTEGER from 0 to 255.
Result<std::uint8_t> integer(const Extensions& extensions, std::string_view oid) {
  const View* value = extensions.find(oid);
  if (value == nullptr) return bad(oid, "is absent");
  Reader in(*value);
  bool tag = in.u8() == 0x02;
  std::uint8_t length = in.u8();
  std::uint8_t high = length == 2 ? in.u8() : 0;
  std::uint8_t number = in.u8();
  // Shortest form, not negative: one byte below 0x80, or 00 and a byte from 0x80 on.
  bool shortest = length == 1 ? number < 0x80 : length == 2 && high == 0 && number >= 0x80;
  if (!tag || !shortest || !in.done("integer")) return bad(oid, "is no integer from 0 to 255");
  return number;
}

// ia5 reads a DER IA5String of printable characters.
Result<std::string> ia5(const Extensions& extensions, std::string_view oid) {
  const View* value = extensions.find(oid);
  if (value == nullptr) return bad(oid, "is absent");
  Reader in(*value);
  bool tag = in.u8() == 0x16;
  View text = in.take(in.u8());
  bool plain = std::ranges::all_of(text, [](std::uint8_t c) { return c >= 0x20 && c < 0x7f; });
  if (!tag || !plain || text.empty() || text.size() > kMaxText || !in.done("text"))
    return bad(oid, "is no text of 1 to 64 characters");
  return std::string(as_text(text));
}

// hwid: AMD writes the bytes as they are; some certificates wrap them in an OCTET STRING.
Result<Bytes> hwid_of(const Extensions& extensions, SnpProduct product) {
  const View* value = extensions.find("4");
  if (value == nullptr) return bad("4", "(hardware id) is absent");
  std::size_t size = product == SnpProduct::turin ? kTurinHwid : kHwid;
  View bytes = *value;
  if (bytes.size() == size + 2 && bytes[0] == 0x04 && bytes[1] == size) bytes = bytes.subspan(2);
  if (bytes.size() != size)
    return bad("4", "(hardware id) has " + std::to_string(value->size()) + " bytes, " + std::to_string(size) + " are due");
  return to_bytes(bytes);
}

Result<std::shared_ptr<EVP_PKEY>> p384_key(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  char group[32] = {};
  if (key == nullptr || EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1 ||
      std::string_view(group) != "secp384r1")
    return Error{Errc::unsupported, "snp key certificate: its key is not on P-384"};
  if (EVP_PKEY_up_ref(key) != 1) return Error{Errc::io, "snp key certificate: cannot hold its key"};
  return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

Status read_tcb(const Extensions& extensions, SnpKeyCertificate& out) {
  TRY(out.tcb.bl, integer(extensions, "3.1"));
  TRY(out.tcb.tee, integer(extensions, "3.2"));
  TRY(out.tcb.snp, integer(extensions, "3.3"));
  TRY(out.tcb.ucode, integer(extensions, "3.8"));
  constexpr std::string_view kSpare[] = {"3.4", "3.5", "3.6", "3.7"};
  for (std::size_t i = 0; i < 4; i++)
    if (extensions.find(kSpare[i]) != nullptr) {
      TRY(out.spl4_to_7[i], integer(extensions, kSpare[i]));
    }
  if (out.product == SnpProduct::turin) {
    TRY(out.tcb.fmc, integer(extensions, "3.9"));
  }
  return ok();
}

}  // namespace

const char* snp_role_name(SnpCertificateRole role) {
  constexpr const char* names[] = {"VCEK", "VLEK", "ASK", "ASVK", "ARK"};
  return names[static_cast<int>(role)];
}

std::optional<SnpCertificateName> snp_certificate_name(std::string_view name) {
  if (name == "SEV-VCEK") return SnpCertificateName{SnpCertificateRole::vcek, SnpProduct::unknown};
  if (name == "SEV-VLEK") return SnpCertificateName{SnpCertificateRole::vlek, SnpProduct::unknown};
  constexpr std::pair<std::string_view, SnpCertificateRole> kAuthorities[] = {
      {"SEV-VLEK-", SnpCertificateRole::asvk}, {"SEV-", SnpCertificateRole::ask}, {"ARK-", SnpCertificateRole::ark}};
  for (auto [prefix, role] : kAuthorities) {
    if (!name.starts_with(prefix)) continue;
    SnpProduct product = snp_product_from_name(name.substr(prefix.size()));
    if (product == SnpProduct::unknown || name.find('-', prefix.size()) != std::string_view::npos) return std::nullopt;
    return SnpCertificateName{role, product};
  }
  return std::nullopt;
}

Result<SnpKeyCertificate> parse_snp_key_certificate(View der) {
  ErrorMark mark;
  TRY(OwnedX509 certificate, parse_certificate(der));
  auto name = snp_certificate_name(common_name(certificate.get()));
  if (!name || (name->role != SnpCertificateRole::vcek && name->role != SnpCertificateRole::vlek))
    return Error{Errc::untrusted, "certificate \"" + subject_text(certificate.get()) + "\" is not an AMD VCEK or VLEK"};
  SnpKeyCertificate out;
  out.role = name->role;
  TRY(Extensions extensions, extensions_of(certificate.get()));
  TRY(std::uint8_t struct_version, integer(extensions, "1"));
  out.struct_version = struct_version;
  TRY(out.product_name, ia5(extensions, "2"));
  out.product = snp_product_from_name(out.product_name);
  if (out.product == SnpProduct::unknown)
    return Error{Errc::unsupported, "snp key certificate: product \"" + printable(out.product_name) + "\" is not known"};
  CHECK_OK(read_tcb(extensions, out));
  if (out.role == SnpCertificateRole::vcek) {
    TRY(out.hwid, hwid_of(extensions, out.product));
  } else {
    TRY(out.csp_id, ia5(extensions, "5"));
  }
  TRY(out.not_before, unix_time(X509_get0_notBefore(certificate.get())));
  TRY(out.not_after, unix_time(X509_get0_notAfter(certificate.get())));
  TRY(out.key, p384_key(certificate.get()));
  return out;
}

}  // namespace attest
