#include "evidence/dcap/td_firmware.h"

#include "evidence/core/owned.h"
#include "evidence/firmware/guid_table.h"

namespace attest {
namespace {

constexpr std::size_t kPage = 4096, kChunk = 256;
constexpr std::size_t kMaxSections = 64;
constexpr std::uint64_t kMaxMemory = 1 << 30;
constexpr std::uint32_t kExtend = 1, kAugment = 2;

// e47a6535-984a-4798-865e-4685a7bf8ec2
constexpr FirmwareGuid kMetadata = {0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                                    0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2};

Error bad(std::string_view what) { return {Errc::malformed, "firmware image: " + std::string(what)}; }

Status check(const TdSection& section, View image, std::uint64_t& total) {
  if (section.offset > image.size() || section.size > image.size() - section.offset)
    return bad("a TDX section lies outside of it");
  if (section.gpa % kPage != 0 || section.memory % kPage != 0) return bad("a TDX section is not made of whole pages");
  if (section.size > section.memory) return bad("a TDX section is larger than its memory");
  if (section.memory > kMaxMemory || section.gpa > ~std::uint64_t{0} - section.memory)
    return bad("a TDX section is too large");
  total += section.memory;
  return total <= kMaxMemory ? ok() : Status(bad("its TDX sections are too large"));
}

// "TDVF", length, version, count, and that many sections of 32 bytes.
Result<std::vector<TdSection>> read_sections(View image, std::uint32_t from_end) {
  if (from_end > image.size()) return bad("its TDX metadata lie outside");
  Reader in(image.last(from_end));
  bool magic = in.u32le() == 0x46564454;
  in.u32le();
  std::uint32_t version = in.u32le();
  std::uint32_t count = in.count32le(kMaxSections);
  if (!in.good() || !magic) return bad("its TDX metadata are malformed");
  if (version != 1) return Error{Errc::unsupported, "firmware image: TDX metadata of version " + std::to_string(version)};
  std::vector<TdSection> out;
  std::uint64_t total = 0;
  for (; count > 0; count--) {
    TdSection section;
    section.offset = in.u32le();
    section.size = in.u32le();
    section.gpa = in.u64le();
    section.memory = in.u64le();
    section.type = in.u32le();
    std::uint32_t attributes = in.u32le();
    if (!in.good()) return bad("its TDX metadata are truncated");
    section.extended = (attributes & kExtend) != 0;
    section.augmented = (attributes & kAugment) != 0;
    CHECK_OK(check(section, image, total));
    out.push_back(section);
  }
  return out;
}

// Measurement is the running SHA-384 over what the TDX module is asked to do.
class Measurement {
 public:
  static Result<Measurement> make() {
    Measurement out;
    if (!out.ctx_ || EVP_DigestInit_ex2(out.ctx_.get(), evp_md(HashAlg::sha384), nullptr) != 1) return failed();
    return out;
  }
  void add(std::uint64_t gpa) { operation("MEM.PAGE.ADD", gpa); }
  void extend(std::uint64_t gpa, View page) {
    for (std::size_t at = 0; at < page.size(); at += kChunk) {
      operation("MR.EXTEND", gpa + at);
      update(page.subspan(at, kChunk));
    }
  }
  Result<Digest> finish() {
    Digest digest = Digest::filled(HashAlg::sha384, 0);
    if (bad_ || EVP_DigestFinal_ex(ctx_.get(), digest.data(), nullptr) != 1) return failed();
    return digest;
  }

 private:
  static Error failed() { return {Errc::io, "tdx measurement: hashing failed"}; }
  void update(View bytes) { bad_ = bad_ || EVP_DigestUpdate(ctx_.get(), bytes.data(), bytes.size()) != 1; }
  // A block of 128 bytes: the name, and the address at 16.
  void operation(std::string_view name, std::uint64_t gpa) {
    std::array<std::uint8_t, 128> block{};
    std::copy(name.begin(), name.end(), block.begin());
    for (unsigned i = 0; i < 8; i++) block[16 + i] = static_cast<std::uint8_t>(gpa >> (8 * i));
    update(block);
  }
  OwnedMdCtx ctx_{EVP_MD_CTX_new()};
  bool bad_ = false;
};

// page_of is the content of a page of a section: zeros behind the end of the image's part.
Bytes page_of(const TdSection& section, View image, std::uint64_t at) {
  Bytes page(kPage, 0);
  View content = image.subspan(section.offset, section.size);
  if (at < content.size()) {
    content = content.subspan(at, std::min<std::size_t>(kPage, content.size() - at));
    std::copy(content.begin(), content.end(), page.begin());
  }
  return page;
}

void measure(Measurement& measurement, const TdSection& section, View image, TdOrder order) {
  for (std::uint64_t at = 0; at < section.memory; at += kPage) {
    measurement.add(section.gpa + at);
    if (section.extended && order == TdOrder::page) measurement.extend(section.gpa + at, page_of(section, image, at));
  }
  if (!section.extended || order == TdOrder::page) return;
  for (std::uint64_t at = 0; at < section.memory; at += kPage)
    measurement.extend(section.gpa + at, page_of(section, image, at));
}

}  // namespace

Result<std::vector<TdSection>> parse_td_firmware(View image) {
  TRY(std::vector<FirmwareEntry> table, firmware_guid_table(image));
  for (const FirmwareEntry& entry : table) {
    if (entry.guid != kMetadata) continue;
    TRY(std::uint32_t offset, firmware_number(entry));
    return read_sections(image, offset);
  }
  return Error{Errc::unsupported, "firmware image: no TDX metadata; it cannot be launched as a trust domain"};
}

Result<Digest> td_measurement(View image, TdOrder order) {
  TRY(std::vector<TdSection> sections, parse_td_firmware(image));
  TRY(Measurement measurement, Measurement::make());
  for (const TdSection& section : sections)
    if (!section.augmented) measure(measurement, section, image, order);
  return measurement.finish();
}

}  // namespace attest
