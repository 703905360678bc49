// tar.cc: headers of tar archives (POSIX ustar and pax).
#include <algorithm>

#include "evidence/container/rootfs.h"

namespace attest::container {
namespace {

constexpr std::size_t kBlock = 512, kName = 100, kPrefix = 155;
constexpr std::uint64_t kMaxOctal7 = 07777777, kMaxOctal11 = 077777777777;

void put(Bytes& block, std::size_t at, std::string_view text) { std::ranges::copy(text, block.begin() + static_cast<long>(at)); }

void put_octal(Bytes& block, std::size_t at, std::size_t digits, std::uint64_t value) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  put(block, at, text);
}

bool ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != 0; });
}

// split_path divides a long path at a slash into prefix and name; false if it does not fit.
bool split_path(std::string_view path, std::string_view& prefix, std::string_view& name) {
  name = path;
  if (path.size() <= kName) return true;
  std::size_t last = path.ends_with('/') ? path.size() - 1 : path.size();
  std::size_t at = path.rfind('/', std::min(kPrefix, last - 1));
  if (at == path.npos || at == 0 || path.size() - at - 1 > kName) return false;
  prefix = path.substr(0, at);
  name = path.substr(at + 1);
  return !name.empty();
}

// record is "LENGTH key=value\n", the length counting itself.
std::string record(std::string_view key, std::string_view value) {
  std::size_t rest = key.size() + value.size() + 3, size = rest + std::to_string(rest).size();
  if (std::to_string(size).size() + rest != size) size++;
  return std::to_string(size) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

Bytes block_of(std::string_view path, std::string_view link, char type, const TarEntry& entry, std::uint64_t size) {
  Bytes block(kBlock);
  std::string_view prefix, name;
  if (!split_path(path, prefix, name)) name = path.substr(0, kName);
  put(block, 0, name.substr(0, kName));
  put_octal(block, 100, 7, entry.mode);
  put_octal(block, 108, 7, entry.uid <= kMaxOctal7 ? entry.uid : 0);
  put_octal(block, 116, 7, entry.gid <= kMaxOctal7 ? entry.gid : 0);
  put_octal(block, 124, 11, size <= kMaxOctal11 ? size : 0);
  put_octal(block, 136, 11, 0);
  block[156] = static_cast<std::uint8_t>(type);
  put(block, 157, link.substr(0, kName));
  put(block, 257, std::string_view("ustar\00000", 8));
  put_octal(block, 329, 7, entry.major);
  put_octal(block, 337, 7, entry.minor);
  put(block, 345, prefix);
  put(block, 148, "        ");
  std::uint64_t sum = 0;
  for (std::uint8_t byte : block) sum += byte;
  put_octal(block, 148, 6, sum);
  block[154] = 0;
  return block;
}

// records are what a ustar header has no place for, by name.
std::string records(const TarEntry& entry) {
  std::string out, name(entry.path);
  std::string_view prefix, rest;
  bool fits = split_path(entry.path, prefix, rest) && ascii(entry.path);
  if (!entry.capability.empty()) out += record("SCHILY.xattr.security.capability", as_text(entry.capability));
  if (entry.gid > kMaxOctal7) out += record("gid", std::to_string(entry.gid));
  if (entry.link.size() > kName || !ascii(entry.link)) out += record("linkpath", entry.link);
  if (!fits) out += record("path", entry.path);
  if (entry.size > kMaxOctal11) out += record("size", std::to_string(entry.size));
  if (entry.uid > kMaxOctal7) out += record("uid", std::to_string(entry.uid));
  return out;
}

}  // namespace

Bytes tar_header(const TarEntry& entry) {
  Bytes out;
  std::string pax = records(entry);
  if (!pax.empty()) {
    std::size_t slash = entry.path.rfind('/', entry.path.size() < 2 ? 0 : entry.path.size() - 2);
    std::string name = slash == std::string::npos ? "PaxHeaders.0/" + entry.path
                                                  : entry.path.substr(0, slash) + "/PaxHeaders.0" + entry.path.substr(slash);
    TarEntry none;
    out = block_of(name.substr(0, kName), "", 'x', none, pax.size());
    out.insert(out.end(), pax.begin(), pax.end());
    out.resize((out.size() + kBlock - 1) / kBlock * kBlock);
  }
  Bytes block = block_of(entry.path, entry.link, entry.type, entry, entry.size);
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

}  // namespace attest::container
