#include "evidence/firmware/pe_image.h"

#include <algorithm>

namespace attest {
namespace {

constexpr std::size_t kNewHeaderAt = 0x3c, kCoffBytes = 24, kSectionBytes = 40, kChecksumAt = 64;
constexpr std::uint16_t kPe32 = 0x10b, kPe32Plus = 0x20b;
constexpr std::uint32_t kCertificates = 4;  // number of the data directory

Error bad(std::string_view what) { return {Errc::malformed, "pe image: " + std::string(what)}; }

struct Headers {
  std::size_t checksum = 0, certificate_entry = 0;  // offsets; the entry is 0 where there is none
  std::size_t size = 0;                             // of all headers
  std::size_t certificates = 0, certificate_bytes = 0;
  std::size_t section_table = 0;
  std::uint16_t sections = 0;
};

// The optional header: where the checksum and the entry of the certificates stand.
Status read_optional(View file, std::size_t at, std::size_t bytes, Headers& out) {
  if (at > file.size() || bytes > file.size() - at) return bad("its optional header is truncated");
  View header = file.subspan(at, bytes);
  Reader in(header);
  std::uint16_t magic = in.u16le();
  if (magic != kPe32 && magic != kPe32Plus) return bad("its optional header is of an unknown kind");
  std::size_t directories = magic == kPe32 ? 96 : 112;
  if (bytes < directories) return bad("its optional header is too short");
  out.checksum = at + kChecksumAt;
  Reader sizes(header.subspan(60));
  out.size = sizes.u32le();
  std::uint32_t count = Reader(header.subspan(directories - 4)).u32le();
  if (count > (bytes - directories) / 8) return bad("it has more data directories than room for them");
  if (count <= kCertificates) return ok();
  std::size_t entry = directories + 8 * kCertificates;
  Reader certificates(header.subspan(entry));
  out.certificate_entry = at + entry;
  out.certificates = certificates.u32le();
  out.certificate_bytes = certificates.u32le();
  return ok();
}

Result<Headers> read_headers(View file) {
  if (!is_pe_image(file) || file.size() < kNewHeaderAt + 4) return bad("it does not begin as one");
  std::size_t at = Reader(file.subspan(kNewHeaderAt)).u32le();
  if (at > file.size() || file.size() - at < kCoffBytes) return bad("its header lies outside of it");
  Reader in(file.subspan(at));
  if (in.u32le() != 0x00004550) return bad("it has no PE header");
  Headers out;
  in.take(2);
  out.sections = in.u16le();
  in.take(12);
  std::size_t optional = in.u16le();
  CHECK_OK(read_optional(file, at + kCoffBytes, optional, out));
  out.section_table = at + kCoffBytes + optional;
  if (out.sections > kMaxPeSections) return bad("it has too many sections");
  if (out.size > file.size() || out.section_table + kSectionBytes * out.sections > out.size)
    return bad("its headers are larger than they say");
  if (out.certificate_bytes > file.size() || out.certificate_entry + 8 > out.size)
    return bad("its certificates lie outside of it");
  if (out.certificate_bytes > 0 && out.certificates != file.size() - out.certificate_bytes)
    return bad("its certificates are not at its end");
  return out;
}

struct Raw {
  std::size_t offset = 0, size = 0;
};

Status read_section(View file, Reader& in, PeImage& out, std::vector<Raw>& raws) {
  View name = in.take(8);
  std::uint32_t loaded = in.u32le();
  in.u32le();
  Raw raw;
  raw.size = in.u32le();
  raw.offset = in.u32le();
  in.take(16);
  if (!in.good()) return bad("its table of sections is truncated");
  if (raw.size == 0) raw.offset = 0;
  if (raw.offset > file.size() || raw.size > file.size() - raw.offset) return bad("a section lies outside of it");
  auto end = std::ranges::find(name, std::uint8_t{0});
  View content = file.subspan(raw.offset, std::min<std::size_t>(raw.size, loaded));
  PeSection section{std::string(name.begin(), end), content, loaded - static_cast<std::uint32_t>(content.size())};
  out.sections.push_back(std::move(section));
  if (raw.size > 0) raws.push_back(raw);
  return ok();
}

}  // namespace

bool is_pe_image(View file) { return file.size() > 1 && file[0] == 'M' && file[1] == 'Z'; }

Result<PeImage> parse_pe_image(View file) {
  TRY(Headers headers, read_headers(file));
  PeImage out;
  std::vector<Raw> raws;
  Reader table(file.subspan(headers.section_table));
  for (unsigned i = 0; i < headers.sections; i++) CHECK_OK(read_section(file, table, out, raws));
  out.hashed.push_back(file.first(headers.checksum));
  std::size_t after = headers.checksum + 4;
  if (headers.certificate_entry > 0) {
    out.hashed.push_back(file.subspan(after, headers.certificate_entry - after));
    after = headers.certificate_entry + 8;
  }
  out.hashed.push_back(file.subspan(after, headers.size - after));
  std::ranges::stable_sort(raws, {}, &Raw::offset);
  std::size_t sum = headers.size;
  for (const Raw& raw : raws) {
    out.hashed.push_back(file.subspan(raw.offset, raw.size));
    sum += raw.size;
  }
  // What no section covers, as far as the certificates.
  std::size_t end = file.size() - headers.certificate_bytes;
  if (sum < end) out.hashed.push_back(file.subspan(sum, end - sum));
  return out;
}

Result<Bytes> authenticode_bytes(View file) {
  TRY(PeImage image, parse_pe_image(file));
  Bytes out;
  std::size_t size = 0;
  for (View part : image.hashed) size += part.size();
  if (size > 2 * file.size()) return bad("its sections overlap");
  out.reserve(size);
  for (View part : image.hashed) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace attest
