#include "evidence/x509/certificate.h"

#include <openssl/pem.h>

#include <ctime>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::size_t kMaxFileBytes = 16 << 20;

// Kind is one kind of DER object a file may hold.
struct Kind {
  const char* what;
  const char* block;
  std::size_t max_bytes;
  Status (*check)(View der);
};

const Kind kCertificate = {"certificate", "CERTIFICATE", kMaxCertificateBytes, [](View der) -> Status {
                             CHECK_OK(parse_certificate(der));
                             return ok();
                           }};
const Kind kCrl = {"CRL", "X509 CRL", kMaxCrlBytes, [](View der) -> Status {
                     CHECK_OK(parse_crl(der));
                     return ok();
                   }};

// parse_der decodes exactly one object; T is made in the private library context.
template <class OwnedT, auto New, auto Decode>
Result<OwnedT> parse_der(View der, const Kind& kind) {
  ErrorMark mark;
  if (der.size() > kind.max_bytes)
    return Error{Errc::malformed,
                 std::string(kind.what) + ": more than " + std::to_string(kind.max_bytes) + " bytes"};
  auto* raw = New(private_libctx(), nullptr);
  if (raw == nullptr || private_libctx() == nullptr)
    return Error{Errc::io, std::string(kind.what) + ": out of memory"};
  const unsigned char* at = der.data();
  // On failure the decoder frees the object and clears the pointer.
  if (Decode(&raw, &at, static_cast<long>(der.size())) == nullptr) {
    OwnedT leftover(raw);
    return Error{Errc::malformed, std::string(kind.what) + ": not DER of this kind"};
  }
  OwnedT parsed(raw);
  if (at != der.data() + der.size())
    return Error{Errc::malformed, std::string(kind.what) + ": trailing bytes"};
  return parsed;
}

struct PemBlock {
  Owned<char, [](char*p) { OPENSSL_free(p); }> name, header;
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> data;
  long size = 0;
};

// next_block reads one PEM block; an unset name marks the end of the file.
Result<PemBlock> next_block(BIO* bio) {
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  PemBlock block;
  int read = PEM_read_bio(bio, &name, &header, &data, &block.size);
  block.name.reset(name);
  block.header.reset(header);
  block.data.reset(data);
  if (read == 1) return block;
  if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return PemBlock{};
  return Error{Errc::malformed, "broken PEM block"};
}

Result<std::vector<Bytes>> split_pem(View file, const Kind& kind) {
  if (file.empty()) return std::vector<Bytes>();
  ErrorMark mark;
  OwnedBio bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  if (!bio) return Error{Errc::io, "out of memory"};
  std::vector<Bytes> out;
  for (;;) {
    TRY(PemBlock block, next_block(bio.get()));
    if (!block.name) return out;
    if (std::string_view(block.name.get()) != kind.block || *block.header != '\0')
      return Error{Errc::malformed,
                   "a PEM block \"" + printable(block.name.get(), 40) + "\" in a file of " + kind.what + "s"};
    if (out.size() == kMaxCertificatesInFile)
      return Error{Errc::malformed,
                   "more than " + std::to_string(kMaxCertificatesInFile) + " " + kind.what + "s"};
    View der(block.data.get(), static_cast<std::size_t>(block.size));
    CHECK_OK(kind.check(der));
    out.push_back(to_bytes(der));
  }
}

Result<std::vector<Bytes>> split_any(View file, const Kind& kind) {
  if (file.size() > kMaxFileBytes)
    return Error{Errc::malformed, "more than " + std::to_string(kMaxFileBytes) + " bytes"};
  if (!file.empty() && file[0] == 0x30) {
    CHECK_OK(kind.check(file));
    return std::vector<Bytes>{to_bytes(file)};
  }
  TRY(auto out, split_pem(file, kind));
  if (out.empty()) return Error{Errc::malformed, std::string("no ") + kind.what + " in it"};
  return out;
}

Result<std::vector<Bytes>> split(View file, std::string_view name, const Kind& kind) {
  auto out = split_any(file, kind);
  if (out) return out;
  return Error{out.error().code, std::string(name) + ": " + out.error().what};
}

}  // namespace

Result<OwnedX509> parse_certificate(View der) {
  return parse_der<OwnedX509, X509_new_ex, d2i_X509>(der, kCertificate);
}
Result<OwnedX509Crl> parse_crl(View der) {
  return parse_der<OwnedX509Crl, X509_CRL_new_ex, d2i_X509_CRL>(der, kCrl);
}

Result<std::vector<Bytes>> split_certificates(View file, std::string_view name) {
  return split(file, name, kCertificate);
}
Result<std::vector<Bytes>> split_crls(View file, std::string_view name) { return split(file, name, kCrl); }

Result<std::vector<Bytes>> read_certificates(const std::string& path) {
  TRY(Bytes file, read_file(path, kMaxFileBytes));
  return split_certificates(file, path);
}

Result<std::vector<Bytes>> read_crls(const std::string& path) {
  TRY(Bytes file, read_file(path, kMaxFileBytes));
  return split_crls(file, path);
}

std::string certificates_to_pem(const std::vector<Bytes>& ders) {
  std::string out;
  for (const Bytes& der : ders) {
    std::string text = to_base64(der);
    out += "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t at = 0; at < text.size(); at += 64) out.append(text, at, 64).append("\n");
    out += "-----END CERTIFICATE-----\n";
  }
  return out;
}

std::string subject_text(const X509* certificate) {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return "?";
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return printable({data, static_cast<std::size_t>(size)}, 200);
}

std::string common_name(const X509* certificate) {
  ErrorMark mark;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); i >= 0;
       i = X509_NAME_get_index_by_NID(subject, NID_commonName, i))
    last = i;
  if (last < 0) return {};
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (size < 0) return {};
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owner(utf8);
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  return name.size() <= 200 && name.find('\0') == name.npos ? name : std::string();
}

Result<UnixTime> unix_time(const ASN1_TIME* time) {
  std::tm tm{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &tm) != 1) return Error{Errc::malformed, "certificate: unreadable time"};  // to OpenSSL no time is now
  return static_cast<UnixTime>(timegm(&tm));
}

Bytes spki_der(const EVP_PKEY* key) {
  ErrorMark mark;
  unsigned char* out = nullptr;
  int size = i2d_PUBKEY(key, &out);
  if (size <= 0) return {};
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owner(out);
  return {out, out + size};
}

}  // namespace attest
