#include "apps/attestctl/artefacts/pcr_values.h"

#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

constexpr std::uint32_t kMaxRegister = 31;

std::optional<std::uint16_t> bank_of(std::string_view name, std::size_t size) {
  if (name == "sm3_256" || name == "sm3") return std::uint16_t{0x0012};
  if (auto alg = hash_alg_from_name(name)) return static_cast<std::uint16_t>(*alg);
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == size) return static_cast<std::uint16_t>(alg);
  return std::nullopt;
}

// "7", "rtmr0" (register 1) or "PCR-00".
std::optional<std::uint32_t> register_of(std::string_view name) {
  bool rtmr = name.starts_with("rtmr");
  if (rtmr) name.remove_prefix(4);
  if (name.starts_with("PCR-")) name.remove_prefix(4);
  if (name.empty() || name.size() > 2) return std::nullopt;
  std::uint32_t number = 0;
  for (char c : name) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  number += rtmr ? 1 : 0;
  return number <= kMaxRegister ? std::optional(number) : std::nullopt;
}

Status add(std::string_view bank, std::string_view reg, std::string_view hex, PcrValues& out) {
  if (hex.starts_with("0x")) hex.remove_prefix(2);
  TRY(Bytes value, from_hex(hex, 64));
  auto number = register_of(reg);
  auto alg = bank_of(bank, value.size());
  if (!number || !alg) return Error{Errc::malformed, "pcr values: no register or no bank of this length"};
  out[*alg][*number] = std::move(value);
  return ok();
}

Status add_object(std::string_view bank, const Json& object, PcrValues& out) {
  for (const auto& [reg, value] : object.items())
    if (value.is_string()) CHECK_OK(add(bank, reg, value.get<std::string>(), out));
  return ok();
}

Status from_json(const Json& json, PcrValues& out) {
  for (const auto& [name, value] : json.items()) {
    std::string_view bank = name;
    for (std::string_view prefix : {"pcrs_", "rtmrs_"})
      if (bank.starts_with(prefix)) bank.remove_prefix(prefix.size());
    if (value.is_object() && bank_of(bank, 0)) CHECK_OK(add_object(bank, value, out));
    if (value.is_string() && register_of(name)) CHECK_OK(add("", name, value.get<std::string>(), out));
  }
  return ok();
}

// One line: a register, a colon, hexadecimal digits with or without blanks. Other lines say other things.
Status from_line(std::string_view line, PcrValues& out) {
  std::size_t colon = line.find(':');
  if (colon == line.npos) return ok();
  auto bare = [](std::string_view text) {
    std::string kept;
    for (char c : text)
      if (c != ' ' && c != '\t' && c != '\r') kept += c;
    return kept;
  };
  std::string reg = bare(line.substr(0, colon)), value = bare(line.substr(colon + 1));
  if (!register_of(reg) || value.empty()) return ok();
  return add("", reg, value, out);
}

}  // namespace

Result<PcrValues> read_pcr_values(View file) {
  PcrValues out;
  std::string_view text = as_text(file);
  if (text.find_first_not_of(" \t\r\n") != text.npos && text[text.find_first_not_of(" \t\r\n")] == '{') {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return Error{Errc::malformed, "pcr values: no JSON object"};
    CHECK_OK(from_json(json, out));
  } else {
    while (!text.empty()) {
      std::size_t end = std::min(text.find('\n'), text.size());
      CHECK_OK(from_line(text.substr(0, end), out));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  if (out.empty()) return Error{Errc::malformed, "pcr values: none found"};
  return out;
}

}  // namespace attest::ctl
