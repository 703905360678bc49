#include "evidence/firmware/stub_initrd.h"

#include <algorithm>
#include <array>

namespace attest {
namespace {

constexpr unsigned kMicrocodeSince = 256, kProfilesSince = 257;
constexpr std::string_view kFolder = ".extra";
constexpr std::uint32_t kReadOnlyFile = 0100444, kReadOnlyFolder = 0040555;

void append(Bytes& out, View bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void align(Bytes& out) { out.resize((out.size() + 3) / 4 * 4); }

// An entry of an archive in cpio's "new" format: thirteen numbers of eight hexadecimal digits, the name, the content; name and content
// each filled up to a multiple of four. Numbers are in lower case, but for the length of the trailer's name.
void put_entry(Bytes& out, std::uint32_t inode, std::uint32_t mode, std::string_view name, View content, const char* digits) {
  const auto size = static_cast<std::uint32_t>(content.size()), length = static_cast<std::uint32_t>(name.size() + 1);
  const std::array<std::uint32_t, 13> fields{inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0};
  append(out, as_view("070701"));
  for (std::uint32_t field : fields)
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back(static_cast<std::uint8_t>(digits[(field >> shift) & 15]));
  append(out, as_view(name));
  out.push_back(0);
  align(out);
  append(out, content);
  align(out);
}

// archive holds one file, in a folder.
Bytes archive(std::string_view name, View content) {
  constexpr const char *kLower = "0123456789abcdef", *kUpper = "0123456789ABCDEF";
  Bytes out;
  put_entry(out, 1, kReadOnlyFolder, kFolder, {}, kLower);
  put_entry(out, 2, kReadOnlyFile, std::string(kFolder) + "/" + std::string(name), content, kLower);
  put_entry(out, 0, 0, "TRAILER!!!", {}, kUpper);
  return out;
}

Bytes in_memory(const PeSection& section) {
  Bytes out = to_bytes(section.content);
  out.resize(out.size() + section.zeros);
  return out;
}

// Pieces are handed over one behind the other.
struct Pieces {
  std::vector<Bytes> all;
  void add(const PeSection* section) {
    if (section != nullptr) all.push_back(in_memory(*section));
  }
  void pack(const PeSection* section, std::string_view name) {
    if (section != nullptr) all.push_back(archive(name, in_memory(*section)));
  }
};

}  // namespace

Bytes stub_initrd(const UnifiedImage& image) {
  Pieces pieces;
  if (image.stub_major >= kMicrocodeSince) pieces.add(image.section(".ucode"));
  pieces.add(image.section(".initrd"));
  pieces.pack(image.signature ? &*image.signature : nullptr, "tpm2-pcr-signature.json");
  pieces.pack(image.section(".pcrpkey"), "tpm2-pcr-public-key.pem");
  if (image.stub_major >= kProfilesSince) {
    pieces.pack(image.section(".osrel"), "os-release");
    pieces.pack(image.section(".profile"), "profile");
  }
  if (pieces.all.size() == 1) return std::move(pieces.all.front());
  Bytes out;
  for (Bytes& piece : pieces.all) {
    append(out, piece);
    align(out);
    piece = {};
  }
  return out;
}

}  // namespace attest
