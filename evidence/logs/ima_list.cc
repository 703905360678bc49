#include "evidence/logs/ima_list.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::size_t kSha1 = 20;
constexpr std::size_t kPcrSize = 4;
constexpr std::size_t kImaName = 256;        // IMA_EVENT_NAME_LEN_MAX + 1
constexpr std::size_t kMaxFields = 64;
constexpr std::array<std::uint8_t, kImaName> kZeros{};

Error bad_entry(std::size_t number, const char* why) {
  return Error{Errc::malformed, "ima list: entry " + std::to_string(number) + ": " + why};
}

// Template "ima" carries no length: a SHA-1 digest, the name's length and the name, without NUL.
View read_old_template(Reader& in, View rest) {
  in.take(kSha1);
  View name = in.take32le(kImaName - 1);
  return in.good() ? rest.first(kSha1 + 4 + name.size()) : View{};
}

ImaEntry read_entry(Reader& in, View bytes, std::size_t hash_size) {
  ImaEntry e;
  e.pcr = in.u32le();
  e.template_hash = in.take(hash_size);
  e.template_name = as_text(in.take32le(kMaxImaTemplateName));
  if (e.pcr > 23 || e.template_name.empty()) in.fail();
  if (e.template_name == "ima") {
    e.data = read_old_template(in, bytes.last(in.left()));
  } else {
    e.data = in.take32le(kMaxImaData);
  }
  return e;
}

// OldTemplate is the data of template "ima" in its parts.
struct OldTemplate {
  View digest;
  View name;
};
Result<OldTemplate> split_old(View data) {
  Reader in(data);
  OldTemplate t;
  t.digest = in.take(kSha1);
  t.name = in.take32le(kImaName - 1);
  CHECK_OK(in.done("ima template data"));
  return t;
}

std::string shown(View name) {
  std::string out;
  while (!name.empty() && name.back() == 0) name = name.first(name.size() - 1);
  for (std::uint8_t c : name) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out += static_cast<char>(c);
    } else {
      out += "\\x" + to_hex(View(&c, 1));
    }
  }
  return out;
}

// d-ng is "sha256:" NUL digest; d-ngv2 has a type in front, "ima:sha256:" or "verity:sha256:".
void read_digest_field(View field, ImaHint& hint) {
  auto nul = std::ranges::find(field, std::uint8_t{0});
  if (nul == field.end()) return;
  std::string_view head = as_text(field.first(static_cast<std::size_t>(nul - field.begin())));
  if (head.empty() || head.back() != ':') return;
  head.remove_suffix(1);
  std::size_t colon = head.rfind(':');
  hint.digest_alg = shown(as_view(colon == head.npos ? head : head.substr(colon + 1)));
  hint.digest = field.subspan(head.size() + 2);
}

bool begins_with_digest_and_name(std::string_view name) {
  constexpr std::string_view kKnown[] = {"ima-ng",  "ima-ngv2",   "ima-sig", "ima-sigv2",
                                         "ima-buf", "ima-modsig", "evm-sig"};
  for (std::string_view known : kKnown)
    if (name == known) return true;
  return name.starts_with("d-ng|n-ng") || name.starts_with("d-ngv2|n-ng");
}

}  // namespace

Result<ImaList> parse_ima_list(View bytes, Stray stray, std::size_t hash_size) {
  if (bytes.size() > kMaxImaList) return Error{Errc::malformed, "ima list: longer than 1 GiB"};
  ImaList list;
  Reader in(bytes);
  while (in.more()) {
    if (stray == Stray::report && in.left() < kPcrSize + hash_size) {
      list.stray_bytes = in.rest().size();
      break;
    }
    ImaEntry e = read_entry(in, bytes, hash_size);
    if (!in.good()) return bad_entry(list.entries.size(), "truncated or out of bounds");
    list.entries.push_back(e);
  }
  return list;
}

Result<Digest> ima_template_hash(Hasher& hasher, std::string_view template_name, View data) {
  Digest digest;
  if (template_name == "ima") {
    TRY(OldTemplate t, split_old(data));
    digest = hasher.of({t.digest, t.name, View(kZeros).first(kImaName - t.name.size())});
  } else {
    digest = hasher.of({data});
  }
  if (digest.empty()) return Error{Errc::io, "ima list: hashing failed"};
  return digest;
}

Digest padded_sha1(HashAlg bank, View sha1) {
  Digest d = Digest::filled(bank, 0);
  std::copy_n(sha1.begin(), std::min(sha1.size(), d.size()), d.data());
  return d;
}

Result<Digest> ima_extend_digest(Hasher& hasher, const ImaEntry& entry, ImaExtend mode) {
  if (entry.violation()) return Digest::filled(hasher.alg(), 0xff);
  if (hasher.alg() == HashAlg::sha1) return Digest::of(entry.template_hash);
  if (mode == ImaExtend::padded_sha1) return padded_sha1(hasher.alg(), entry.template_hash);
  return ima_template_hash(hasher, entry.template_name, entry.data);
}

Result<MeasuredEvent> ima_measured_event(Hasher& hasher, const ImaEntry& entry, ImaExtend mode) {
  MeasuredEvent m;
  TRY(m.digest, ima_extend_digest(hasher, entry, mode));
  m.pcr = static_cast<std::uint8_t>(entry.pcr);
  m.kind = LogKind::ima;
  m.full = {m.pcr, 0, std::string(entry.template_name), to_bytes(entry.template_hash), to_bytes(entry.data)};
  return m;
}

Result<std::vector<View>> ima_fields(std::string_view template_name, View data) {
  if (template_name == "ima") {
    TRY(OldTemplate t, split_old(data));
    return std::vector<View>{t.digest, t.name};
  }
  std::vector<View> fields;
  Reader in(data);
  while (in.more()) {
    if (fields.size() == kMaxFields) in.fail();
    fields.push_back(in.take32le(kMaxImaData));
  }
  CHECK_OK(in.done("ima template data"));
  return fields;
}

ImaHint ima_hint(std::string_view template_name, View data) {
  ImaHint hint;
  if (template_name == "ima") {
    auto old = split_old(data);
    if (old) hint = {shown(old->name), "sha1", old->digest};
    return hint;
  }
  if (!begins_with_digest_and_name(template_name)) return hint;
  Reader in(data);
  View digest = in.take32le(kMaxImaData);
  View name = in.take32le(kMaxImaData);
  if (!in.good()) return hint;
  read_digest_field(digest, hint);
  hint.name = shown(name);
  return hint;
}

}  // namespace attest
