#include "test/support/boot_maker.h"

#include <algorithm>

#include "evidence/core/hash.h"
#include "evidence/firmware/stub_initrd.h"
#include "test/support/recording.h"

namespace attest::test {
namespace {

constexpr std::size_t kHeaders = 0x400, kOptional = 240, kAlign = 0x200;
constexpr std::uint32_t kApplication = 0x80000003, kIpl = 0x0000000d, kTag = 0x00000006;

Bytes finished(Writer out) { return must(std::move(out).finish("image")); }

void optional_header(Writer& out) {
  std::size_t start = out.size();
  out.u16le(0x20b);
  out.put(Bytes(58));
  out.u32le(kHeaders);
  out.put(Bytes(108 - 64));
  out.u32le(16);  // data directories
  out.put(Bytes(kOptional - (out.size() - start)));
}

Bytes with_nul(const std::string& text) {
  Bytes out = to_bytes(as_view(text));
  out.push_back(0);
  return out;
}

Bytes tagged(std::uint32_t id, const std::string& text) {
  Writer out;
  out.u32le(id);
  out.u32le(static_cast<std::uint32_t>(text.size()));
  out.put(as_view(text));
  return finished(std::move(out));
}

Bytes log_of(const std::vector<LoggedEvent>& events, const std::vector<std::pair<std::uint16_t, HashAlg>>& banks) {
  Writer spec, out;
  spec.put(as_view(std::string_view("Spec ID Event03\0", 16)));
  spec.u32le(0);
  spec.put(Bytes{0, 2, 0, 2});
  spec.u32le(static_cast<std::uint32_t>(banks.size()));
  for (auto [id, alg] : banks) spec.u16le(id), spec.u16le(static_cast<std::uint16_t>(digest_size(alg)));
  spec.u8(0);
  Bytes head = finished(std::move(spec));
  out.u32le(banks.size() == 1 ? 1 : 0);
  out.u32le(3);
  out.put(Bytes(20));
  out.u32le(static_cast<std::uint32_t>(head.size()));
  out.put(head);
  for (const LoggedEvent& event : events) {
    out.u32le(event.pcr);
    out.u32le(event.type);
    out.u32le(static_cast<std::uint32_t>(banks.size()));
    for (auto [id, alg] : banks) out.u16le(id), out.put(hash_of(alg, {event.measured}).view());
    out.u32le(static_cast<std::uint32_t>(event.data.size()));
    out.put(event.data);
  }
  return finished(std::move(out));
}

const ImageSection* find(const std::vector<ImageSection>& sections, const std::string& name) {
  auto found = std::ranges::find(sections, name, &ImageSection::name);
  return found == sections.end() ? nullptr : &*found;
}

}  // namespace

ImageSection stub_section(const std::string& version) {
  return {".sdmagic", to_bytes(as_view("#### LoaderInfo: systemd-stub " + version + " ####")), 0};
}

Bytes unified_image(const std::vector<ImageSection>& sections) {
  Writer head, body;
  head.put(as_view("MZ"));
  head.put(Bytes(0x3a));
  head.u32le(0x40);
  head.u32le(0x00004550);
  head.u16le(0x8664);
  head.u16le(static_cast<std::uint16_t>(sections.size()));
  head.put(Bytes(12));
  head.u16le(kOptional);
  head.u16le(0x22);
  optional_header(head);
  for (const ImageSection& section : sections) {
    std::size_t raw = (section.content.size() + kAlign - 1) / kAlign * kAlign;
    Bytes name = to_bytes(as_view(section.name));
    name.resize(8);
    head.put(name);
    head.u32le(static_cast<std::uint32_t>(section.content.size()) + section.zeros);
    head.u32le(0);
    head.u32le(static_cast<std::uint32_t>(section.zeros == 0 ? raw : section.content.size()));
    head.u32le(static_cast<std::uint32_t>(kHeaders + body.size()));
    head.put(Bytes(16));
    body.put(section.content);
    body.put(Bytes(raw - section.content.size()));
  }
  head.put(Bytes(kHeaders - head.size()));
  Bytes out = finished(std::move(head)), rest = finished(std::move(body));
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Bytes boot_log(const std::vector<LoggedEvent>& events) {
  return log_of(events, {{4, HashAlg::sha1}, {11, HashAlg::sha256}, {12, HashAlg::sha384}});
}

Bytes ccel_log(const std::vector<LoggedEvent>& events) { return log_of(events, {{12, HashAlg::sha384}}); }

Bytes utf16(const std::string& text) {
  Bytes out;
  for (char c : text) out.push_back(static_cast<std::uint8_t>(c)), out.push_back(0);
  return out;
}

std::vector<LoggedEvent> unified_boot(const std::vector<ImageSection>& sections, const std::vector<std::string>& measured) {
  std::vector<LoggedEvent> out{{4, kApplication, must(authenticode_bytes(unified_image(sections))), {}}};
  for (const std::string& name : measured) {
    const ImageSection* section = find(sections, name);
    if (section == nullptr) continue;
    Bytes content = section->content, text = utf16(name + std::string(1, '\0'));
    content.resize(content.size() + section->zeros);
    out.push_back({11, kIpl, with_nul(name), text});
    out.push_back({11, kIpl, content, text});
  }
  if (const ImageSection* kernel = find(sections, ".linux"))
    out.push_back({4, kApplication, must(authenticode_bytes(kernel->content)), {}});
  if (const ImageSection* line = find(sections, ".cmdline")) {
    std::string text(as_text(line->content));
    text.push_back('\0');
    out.push_back({9, kTag, utf16(text), tagged(0x8f3b22ed, "LOADED_IMAGE::LoadOptions")});
  }
  Bytes image = unified_image(sections);
  if (auto parsed = parse_unified_image(image))
    if (Bytes initrd = stub_initrd(*parsed); !initrd.empty()) out.push_back({9, kTag, initrd, tagged(0x8f3b22ec, "Linux initrd")});
  return out;
}

}  // namespace attest::test
