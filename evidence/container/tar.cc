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

// split_path divides a path that is too long for the name's field at a slash into prefix and name; false where the
// field holds it, or where it cannot be divided.
bool split_path(std::string_view path, std::string_view& prefix, std::string_view& name) {
  if (path.size() <= kName || !ascii(path)) return false;
  std::size_t last = path.ends_with('/') ? path.size() - 1 : path.size();
  std::size_t at = path.rfind('/', std::min(kPrefix, last - 1));
  if (at == path.npos || at == 0 || path.size() - at - 1 > kName) return false;
  prefix = path.substr(0, at);
  name = path.substr(at + 1);
  return !name.empty();
}

// plain is a text without what a header cannot say: its record says it.
std::string plain(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return ascii({&c, 1}); });
  return out;
}

// record is "LENGTH key=value\n", the length counting itself.
std::string record(std::string_view key, std::string_view value) {
  std::size_t rest = key.size() + value.size() + 3, size = rest + std::to_string(rest).size();
  if (std::to_string(size).size() + rest != size) size++;
  return std::to_string(size) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

// put_text fills a field of 100 bytes. Readers of old archives take a file whose name ends in a slash for a folder, so a
// text that is cut off behind a slash ends before it.
void put_text(Bytes& block, std::size_t at, std::string_view text) {
  put(block, at, text.substr(0, kName));
  if (text.size() <= kName || text[kName - 1] != '/') return;
  std::size_t end = text.substr(0, kName - 1).find_last_not_of('/');
  block[at + (end == text.npos ? 0 : end + 1)] = 0;
}

void finish(Bytes& block) {
  put(block, 257, std::string_view("ustar\00000", 8));
  put(block, 148, "        ");
  std::uint64_t sum = 0;
  for (std::uint8_t byte : block) sum += byte;
  put_octal(block, 148, 6, sum);
  block[154] = 0;
}

Bytes block_of(const TarEntry& entry, std::string_view name, std::string_view prefix, std::string_view link) {
  Bytes block(kBlock);
  put_text(block, 0, name);
  put_octal(block, 100, 7, entry.mode);
  put_octal(block, 108, 7, entry.uid <= kMaxOctal7 ? entry.uid : 0);
  put_octal(block, 116, 7, entry.gid <= kMaxOctal7 ? entry.gid : 0);
  put_octal(block, 124, 11, entry.size <= kMaxOctal11 ? entry.size : 0);
  put_octal(block, 136, 11, 0);
  block[156] = static_cast<std::uint8_t>(entry.type);
  put_text(block, 157, link);
  put_octal(block, 329, 7, entry.major);
  put_octal(block, 337, 7, entry.minor);
  put(block, 345, prefix);
  finish(block);
  return block;
}

// extended_block is the header of the records that precede an entry. It stands for no file: no device numbers.
Bytes extended_block(std::string_view path, std::size_t size) {
  std::string_view folder, file = path;  // of a folder, with its slash, all but the last part is its name
  if (std::size_t slash = path.rfind('/'); slash != path.npos) {
    folder = path.substr(0, slash + 1);
    file = path.substr(slash + 1);
  }
  std::string name = plain(std::string(folder) + "PaxHeaders.0" + (file.empty() ? "" : "/") + std::string(file)).substr(0, kName);
  while (name.ends_with('/')) name.pop_back();
  Bytes block(kBlock);
  put(block, 0, name);
  for (std::size_t at : {std::size_t{100}, std::size_t{108}, std::size_t{116}}) put_octal(block, at, 7, 0);
  put_octal(block, 124, 11, size);
  put_octal(block, 136, 11, 0);
  block[156] = 'x';
  finish(block);
  return block;
}

// records are what a ustar header has no place for, by name. Where there is one for another reason, a long path has its
// own even if it could be divided.
std::string records(const TarEntry& entry, bool divided) {
  std::string out;
  if (!entry.capability.empty()) out += record("SCHILY.xattr.security.capability", as_text(entry.capability));
  if (entry.gid > kMaxOctal7) out += record("gid", std::to_string(entry.gid));
  if (entry.link.size() > kName || !ascii(entry.link)) out += record("linkpath", entry.link);
  if (!divided && (entry.path.size() > kName || !ascii(entry.path))) out += record("path", entry.path);
  if (entry.size > kMaxOctal11) out += record("size", std::to_string(entry.size));
  if (entry.uid > kMaxOctal7) out += record("uid", std::to_string(entry.uid));
  return out;
}

}  // namespace

Bytes tar_header(const TarEntry& entry) {
  std::string_view prefix, name;
  bool divided = split_path(entry.path, prefix, name);
  if (records(entry, divided).empty())
    return block_of(entry, divided ? name : std::string_view(entry.path), prefix, entry.link);
  std::string pax = records(entry, false);
  Bytes out = extended_block(entry.path, pax.size());
  out.insert(out.end(), pax.begin(), pax.end());
  out.resize((out.size() + kBlock - 1) / kBlock * kBlock);
  Bytes block = block_of(entry, plain(entry.path), "", plain(entry.link));
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

}  // namespace attest::container
