#include "evidence/ek/ek_file.h"

#include "evidence/core/hex.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

constexpr std::size_t kMaxText = 1 << 20;
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";

Error malformed(const std::string& why) { return Error{Errc::malformed, "ek certificate: " + why}; }

bool filler(std::uint8_t byte) {
  return byte == 0x00 || byte == 0xff || byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t';
}

bool all_filler(View bytes) { return std::ranges::all_of(bytes, filler); }

// tcg_nv_body is what TCG_PCCLIENT_STORED_CERT holds (TCG PC Client Specific Implementation, 7.4.5.1).
std::optional<View> tcg_nv_body(View bytes) {
  Reader in(bytes);
  std::uint16_t tag = in.u16be();
  std::uint8_t type = in.u8();
  std::size_t size = in.u16be();
  std::uint16_t full = in.u16be();
  if (!in.good() || tag != 0x1001 || type != 0 || full != 0x1002 || size < 2 || size - 2 > in.left())
    return std::nullopt;
  return bytes.subspan(7);  // padding behind it is told as with bare DER
}

Result<EkFile> read_der(View bytes, EkForm form) {
  EkFile out;
  out.form = form;
  for (View rest = bytes;;) {
    View one = der_prefix(rest, der_tag::kSequence);
    if (one.empty() || out.certificates.size() == EkFile::kMaxCertificates) {
      out.trailing_bytes = rest.size();
      out.padding = all_filler(rest);
      break;
    }
    out.certificates.push_back(to_bytes(one));
    rest = rest.subspan(one.size());
  }
  if (out.certificates.empty()) return malformed("neither DER, PEM, a TCG NV index nor JSON");
  return out;
}

std::string squeezed(std::string_view text) {
  std::string out;
  for (char c : text)
    if (!filler(static_cast<std::uint8_t>(c))) out += c;
  return out;
}

Result<EkFile> read_pem(std::string_view text) {
  EkFile out;
  out.form = EkForm::pem;
  while (out.certificates.size() < EkFile::kMaxCertificates) {
    std::size_t begin = text.find(kBegin);
    if (begin == text.npos) break;
    std::size_t end = text.find(kEnd, begin);
    if (end == text.npos) return malformed("PEM without its end");
    std::string_view inside = text.substr(begin + kBegin.size(), end - begin - kBegin.size());
    TRY(Bytes der, from_base64(squeezed(inside), kMaxText));
    View one = der_prefix(der, der_tag::kSequence);
    if (one.empty()) return malformed("PEM without a certificate in it");
    out.trailing_bytes = der.size() - one.size();
    out.padding = all_filler(View(der).subspan(one.size()));
    out.certificates.push_back(to_bytes(one));
    text.remove_prefix(end + kEnd.size());
  }
  if (out.certificates.empty()) return malformed("PEM without a certificate");
  return out;
}

// json_text is the value of a top-level text field; the answers of key services are flat objects of texts,
// and the alphabet of base64url needs no escapes.
std::string_view json_text(std::string_view json, std::string_view field) {
  std::string name = "\"" + std::string(field) + "\"";
  std::size_t at = json.find(name);
  if (at == json.npos) return {};
  at = json.find_first_not_of(" \t\r\n", at + name.size());
  if (at == json.npos || json[at] != ':') return {};
  at = json.find_first_not_of(" \t\r\n", at + 1);
  if (at == json.npos || json[at] != '"') return {};
  std::size_t end = json.find('"', at + 1);
  return end == json.npos ? std::string_view{} : json.substr(at + 1, end - at - 1);
}

Result<EkFile> read_json(std::string_view json) {
  std::string text(json_text(json, "certificate"));
  for (std::size_t at = text.find("%3D"); at != text.npos; at = text.find("%3D")) text.erase(at, 3);
  while (!text.empty() && text.back() == '=') text.pop_back();
  if (text.empty()) return malformed("JSON without a \"certificate\"");
  TRY(Bytes der, from_base64url(text, kMaxText));
  return read_der(der, EkForm::json);
}

}  // namespace

const char* ek_form_name(EkForm form) {
  constexpr const char* kNames[] = {"der", "pem", "tcg-nv", "json"};
  return kNames[static_cast<int>(form)];
}

Result<EkFile> read_ek_file(View bytes) {
  if (all_filler(bytes)) return Error{Errc::unsupported, "ek certificate: there is none"};
  if (bytes.size() > kMaxText) return malformed("more than 1 MiB");
  std::string_view text = as_text(bytes);
  if (auto body = tcg_nv_body(bytes)) return read_der(*body, EkForm::tcg_nv);
  if (!der_prefix(bytes, der_tag::kSequence).empty()) return read_der(bytes, EkForm::der);
  if (text.find(kBegin) != text.npos) return read_pem(text);
  std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') return read_json(text);
  return read_der(bytes, EkForm::der);
}

}  // namespace attest
