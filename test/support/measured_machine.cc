#include "test/support/measured_machine.h"

#include <gtest/gtest.h>

#include <fstream>

#include "evidence/core/hex.h"
#include "test/support/testdata.h"

namespace attest::test {
namespace {

using Digests = std::vector<std::pair<HashAlg, Digest>>;
constexpr HashAlg kBanks[] = {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384};  // of the recorded machines
constexpr std::uint32_t kNoAction = 3, kIpl = 0xd;

bool play_firmware(TpmCommands& tpm, View log) {
  Reader in(log);
  in.take(28);       // TCG_PCClientPCREvent: pcr, type, SHA-1
  in.take32le(512);  // Spec ID Event03
  while (in.more()) {
    std::uint32_t pcr = in.u32le(), type = in.u32le();
    Digests digests;
    for (std::uint32_t n = in.count32le(8); n > 0; n--) {
      auto alg = hash_alg_from_id(in.u16le());
      if (!alg) return false;
      digests.emplace_back(*alg, Digest::of(in.take(digest_size(*alg))));
    }
    in.take32le(1 << 20);
    if (in.good() && type != kNoAction && !tpm.extend(pcr, digests)) return false;
  }
  return in.done("event log").operator bool();
}

Digests ima_digests(View template_hash, View template_data) {
  if (equal(template_hash, Bytes(20))) {
    Digests violation;
    for (HashAlg bank : kBanks) violation.emplace_back(bank, Digest::filled(bank, 0xff));
    return violation;
  }
  Bytes padded = to_bytes(template_hash);
  padded.resize(48);
  return {{HashAlg::sha1, Digest::of(template_hash)},
          {HashAlg::sha256, sha256(template_data)},
          {HashAlg::sha384, Digest::of(padded)}};
}

// play_ima extends at most n entries and returns the bytes they fill; nullopt on failure.
std::optional<std::size_t> play_ima(TpmCommands& tpm, View list, std::size_t n) {
  Reader in(list);
  std::size_t end = 0;
  for (; n > 0 && in.more(); n--) {
    std::uint32_t pcr = in.u32le();
    View hash = in.take(20);
    in.take32le(64);
    View data = in.take32le(1 << 20);
    if (!in.good() || !tpm.extend(pcr, ima_digests(hash, data))) return std::nullopt;
    end = list.size() - in.left();
  }
  return end;
}

void append(const std::string& path, View bytes) {
  std::ofstream(path, std::ios::app | std::ios::binary) << as_text(bytes);
}

void field(Writer& out, View bytes) {
  out.u32le(static_cast<std::uint32_t>(bytes.size()));
  out.put(bytes);
}

// ima_ng_data is the template data d-ng | n-ng of a file with this SHA-256.
Bytes ima_ng_data(std::string_view path, View digest) {
  Bytes hash = to_bytes(as_view(std::string_view("sha256:\0", 8)));
  hash.insert(hash.end(), digest.begin(), digest.end());
  Bytes name = to_bytes(as_view(path));
  name.push_back(0);
  Writer out;
  field(out, hash);
  field(out, name);
  auto data = std::move(out).finish("ima-ng");
  return data ? *std::move(data) : Bytes{};
}

}  // namespace

std::unique_ptr<MeasuredMachine> MeasuredMachine::replay(Swtpm& tpm, const std::string& name,
                                                         std::size_t ima_entries) {
  std::string boot = fixture("boots/" + name);
  auto log = read_file(boot + "/binary_bios_measurements");
  auto ima = read_file(boot + "/ima.bin");
  auto yaml = read_file(boot + "/pcrs.yaml");
  if (!log || !ima || !yaml) {
    ADD_FAILURE() << "no recorded boot in " << boot;
    return nullptr;
  }
  std::unique_ptr<MeasuredMachine> machine(new MeasuredMachine(tpm));
  machine->recorded_ima_ = *std::move(ima);
  machine->pcrs_yaml_ = as_text(*yaml);
  append(machine->event_log(), *log);
  append(machine->ima_list(), {});
  TpmCommands commands(tpm.socket());
  auto played =
      play_firmware(commands, *log) ? play_ima(commands, machine->recorded_ima_, ima_entries) : std::nullopt;
  if (!played) {
    ADD_FAILURE() << "cannot replay " << boot;
    return nullptr;
  }
  machine->played_ = *played;
  append(machine->ima_list(), View(machine->recorded_ima_).first(*played));
  return machine;
}

Digest MeasuredMachine::recorded_pcr(HashAlg bank, unsigned pcr) const {
  std::size_t section = pcrs_yaml_.find(std::string("  ") + hash_alg_name(bank) + ":");
  if (section == std::string::npos) return {};
  std::string label = "\n    " + std::to_string(pcr);
  label.resize(7, ' ');
  std::size_t at = pcrs_yaml_.find(label + ": 0x", section);
  if (at == std::string::npos) return {};
  auto value = from_hex(std::string_view(pcrs_yaml_).substr(at + label.size() + 4, digest_size(bank) * 2));
  return value ? Digest::of(*value) : Digest{};
}

bool MeasuredMachine::grow(std::size_t n) {
  View rest = View(recorded_ima_).subspan(played_);
  Reader in(rest);
  for (; n > 0 && in.more(); n--) {
    in.u32le();
    View hash = in.take(20);
    in.take32le(64);
    View data = in.take32le(1 << 20);
    std::size_t end = recorded_ima_.size() - in.left();
    append(ima_list(), View(recorded_ima_).subspan(played_, end - played_));
    played_ = end;
    if (!in.good() || !tpm_.extend(10, ima_digests(hash, data))) return false;
  }
  return n == 0;
}

bool MeasuredMachine::add_entry(View template_hash, View template_data) {
  Writer out;
  out.u32le(10);
  out.put(template_hash);
  field(out, as_view("ima-ng"));
  field(out, template_data);
  auto entry = std::move(out).finish("IMA entry");
  if (!entry) return false;
  append(ima_list(), *entry);
  return tpm_.extend(10, ima_digests(template_hash, template_data));
}

bool MeasuredMachine::measure_file(std::string_view path, std::string_view content) {
  Bytes data = ima_ng_data(path, sha256(as_view(content)).view());
  return add_entry(hash_of(HashAlg::sha1, {data}).view(), data);
}

bool MeasuredMachine::list_violation(std::string_view path) {
  return add_entry(Bytes(20), ima_ng_data(path, Bytes(32)));
}

bool MeasuredMachine::measure_event(std::uint32_t pcr, std::string_view data) {
  Writer out;
  out.u32le(pcr);
  out.u32le(kIpl);
  out.u32le(std::size(kBanks));
  Digests digests;
  for (HashAlg bank : kBanks) {
    digests.emplace_back(bank, hash_of(bank, {as_view(data)}));
    out.u16le(static_cast<std::uint16_t>(bank));
    out.put(digests.back().second.view());
  }
  field(out, as_view(data));
  auto event = std::move(out).finish("event");
  if (!event) return false;
  append(event_log(), *event);
  return tpm_.extend(pcr, digests);
}

bool MeasuredMachine::extend_unlogged(std::uint32_t pcr) {
  Digests digests;
  for (HashAlg bank : kBanks) digests.emplace_back(bank, Digest::filled(bank, 0x5a));
  return tpm_.extend(pcr, digests);
}

bool MeasuredMachine::play_again() {
  auto log = read_file(event_log());
  auto ima = read_file(ima_list());
  TpmCommands commands(tpm_.socket());
  return log && ima && play_firmware(commands, *log) && play_ima(commands, *ima, kAll).has_value();
}

}  // namespace attest::test
