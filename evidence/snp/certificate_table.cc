#include "evidence/snp/certificate_table.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::size_t kEntry = 24, kMaxEntries = 64;
using Guid = std::array<std::uint8_t, 16>;

// Slot is a GUID of the GHCB specification as it lies in memory: the first three groups little-endian.
struct Slot {
  Guid guid;
  Bytes SnpCertificateTable::*where;
};

constexpr Slot kSlots[] = {
    // 63da758d-e664-4564-adc5-f4b93be8accd
    {{0x8d, 0x75, 0xda, 0x63, 0x64, 0xe6, 0x64, 0x45, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd}, &SnpCertificateTable::vcek},
    // a8074bc2-a25a-483e-aae6-39c045a0b8a1
    {{0xc2, 0x4b, 0x07, 0xa8, 0x5a, 0xa2, 0x3e, 0x48, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1}, &SnpCertificateTable::vlek},
    // 4ab7b379-bbac-4fe4-a02f-05aef327c782
    {{0x79, 0xb3, 0xb7, 0x4a, 0xac, 0xbb, 0xe4, 0x4f, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82}, &SnpCertificateTable::ask},
    // c0b406a4-a803-4952-9743-3fb6014cd0ae
    {{0xa4, 0x06, 0xb4, 0xc0, 0x03, 0xa8, 0x52, 0x49, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae}, &SnpCertificateTable::ark},
    // 92f81bc3-5811-4d3d-97ff-d19f88dc67ea
    {{0xc3, 0x1b, 0xf8, 0x92, 0x11, 0x58, 0x3d, 0x4d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea}, &SnpCertificateTable::crl},
};

struct Entry {
  Guid guid;
  std::uint32_t offset = 0, length = 0;
  bool end() const {
    return offset == 0 && length == 0 && std::ranges::all_of(guid, [](std::uint8_t b) { return b == 0; });
  }
};

Error bad(std::string_view what) { return {Errc::malformed, "snp certificate table: " + std::string(what)}; }

Result<std::vector<Entry>> read_entries(View bytes) {
  Reader in(bytes);
  std::vector<Entry> entries;
  for (;;) {
    Entry entry;
    entry.guid = in.array<16>();
    entry.offset = in.u32le();
    entry.length = in.u32le();
    if (!in.good()) return bad("ends before its last entry");
    if (entry.end()) return entries;
    if (entries.size() == kMaxEntries) return bad("more than 64 entries");
    entries.push_back(entry);
  }
}

}  // namespace

std::vector<Bytes> SnpCertificateTable::above() const {
  std::vector<Bytes> out;
  for (const Bytes* certificate : {&ask, &ark})
    if (!certificate->empty()) out.push_back(*certificate);
  return out;
}

Result<SnpCertificateTable> parse_certificate_table(View bytes) {
  if (bytes.size() > kMaxCertificateTable) return bad("more than 1 MiB");
  SnpCertificateTable table;
  if (bytes.empty()) return table;  // a host that gives none
  TRY(std::vector<Entry> entries, read_entries(bytes));
  std::size_t head = (entries.size() + 1) * kEntry;
  for (const Entry& entry : entries) {
    if (entry.offset < head || entry.offset > bytes.size() || entry.length > bytes.size() - entry.offset)
      return bad("an entry points outside");
    auto slot = std::ranges::find(kSlots, entry.guid, &Slot::guid);
    if (slot == std::end(kSlots)) {
      table.others++;
      continue;
    }
    Bytes& where = table.*(slot->where);
    if (!where.empty() || entry.length == 0) return bad("an entry is empty or there twice");
    where = to_bytes(bytes.subspan(entry.offset, entry.length));
  }
  return table;
}

Bytes encode_certificate_table(const SnpCertificateTable& table) {
  std::vector<const Slot*> used;
  for (const Slot& slot : kSlots)
    if (!(table.*(slot.where)).empty()) used.push_back(&slot);
  Bytes out((used.size() + 1) * kEntry), data;
  std::size_t at = 0;
  auto u32le = [&](std::size_t value) {
    for (unsigned i = 0; i < 4; i++) out[at++] = static_cast<std::uint8_t>(value >> (8 * i));
  };
  for (const Slot* slot : used) {
    const Bytes& item = table.*(slot->where);
    for (std::uint8_t b : slot->guid) out[at++] = b;
    u32le(out.size() + data.size());
    u32le(item.size());
    data.insert(data.end(), item.begin(), item.end());
  }
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

}  // namespace attest
