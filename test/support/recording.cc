#include "test/support/recording.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "evidence/core/hex.h"
#include "test/support/testdata.h"

namespace attest::test {
namespace {

// "  sha256:" opens a bank, "    0 : 0x3E69…" is one value.
std::map<std::pair<HashAlg, int>, Digest> read_pcrs(View yaml) {
  std::map<std::pair<HashAlg, int>, Digest> out;
  std::istringstream lines{std::string(as_text(yaml))};
  std::string line;
  HashAlg bank = HashAlg::sha1;
  while (std::getline(lines, line)) {
    std::size_t hex = line.find("0x");
    if (hex == line.npos) {
      std::string name = line.substr(line.find_first_not_of(' '));
      bank = hash_alg_from_name(name.substr(0, name.find(':'))).value_or(HashAlg::sha1);
    } else {
      out[{bank, std::atoi(line.c_str())}] = Digest::of(must(from_hex(line.substr(hex + 2))));
    }
  }
  return out;
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "test set-up: %s\n", why.c_str());
  std::abort();
}

Bytes must_read(const std::string& path) {
  auto bytes = read_file(path);
  if (!bytes) give_up("cannot read " + path);
  return *bytes;
}

Recording recording(const std::string& boot, bool early) {
  Recording r;
  std::string machine = fixture("boots/" + boot);
  r.folder = machine + (early ? "/early/" : "/");
  r.event_log = must_read(machine + "/binary_bios_measurements");
  r.ima = r.file("ima.bin");
  r.nonce = r.file("nonce.bin");
  r.pcrs = read_pcrs(r.file("pcrs.yaml"));
  return r;
}

Bytes Recording::file(const std::string& name) const { return must_read(folder + name); }
Bytes Recording::attest(const std::string& key) const { return file("quote_" + key + ".msg"); }
Bytes Recording::signature(const std::string& key) const { return file("quote_" + key + ".sig"); }

Bytes Recording::public_area(const std::string& key) const {
  std::string machine = folder.ends_with("/early/") ? folder.substr(0, folder.size() - 6) : folder;
  return must_read(machine + "ak_" + key + ".pub");
}
Bytes Recording::name(const std::string& key) const {
  std::string machine = folder.ends_with("/early/") ? folder.substr(0, folder.size() - 6) : folder;
  return must_read(machine + "ak_" + key + ".name");
}

Bytes flipped(View bytes, std::size_t at, std::uint8_t mask) {
  Bytes out = to_bytes(bytes);
  out.at(at) = static_cast<std::uint8_t>(out.at(at) ^ mask);
  return out;
}
Bytes truncated(View bytes, std::size_t by) { return to_bytes(bytes.first(bytes.size() - by)); }
Bytes trailed(View bytes, std::uint8_t value) {
  Bytes out = to_bytes(bytes);
  out.push_back(value);
  return out;
}

}  // namespace attest::test
