#include "evidence/logs/ima/ascii.h"

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/logs/ima/template.h"
#include "evidence/logs/ima_list.h"

namespace attest::ima {
namespace {

Error bad_line(std::size_t number, std::string_view why) {
  return Error{Errc::malformed, "ima list: line " + std::to_string(number + 1) + ": " + std::string(why)};
}

std::string_view word(std::string_view& line) {
  std::size_t blank = std::min(line.find(' '), line.size());
  std::string_view first = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return first;
}

// The kernel prints a blank before each field, and nothing for an empty one. A name alone may hold blanks.
std::vector<std::string_view> split(std::string_view line, const std::vector<Field>& fields) {
  std::vector<std::string_view> words;
  std::size_t blanks = static_cast<std::size_t>(std::ranges::count(line, ' '));
  std::size_t surplus = blanks + 1 > fields.size() ? blanks + 1 - fields.size() : 0;
  for (const Field& field : fields) {
    std::string_view before = line;
    std::string_view value = word(line);
    if (field.kind == FieldKind::name && surplus > 0) {
      for (; surplus > 0; surplus--) {
        std::string_view more = word(line);
        value = before.substr(0, static_cast<std::size_t>(more.data() + more.size() - before.data()));
      }
    }
    words.push_back(value);
  }
  return words;
}

// "sha256:hex" or "verity:sha256:hex": the text up to the last colon, NUL, the digest.
Status put_digest(std::string_view id, std::string_view text, Writer& out) {
  std::size_t colon = text.rfind(':');
  std::string_view hex = colon == text.npos ? text : text.substr(colon + 1);
  TRY(Bytes digest, from_hex(hex, 128));
  Bytes field;
  if (colon != text.npos) {
    field = to_bytes(as_view(text.substr(0, colon + 1)));
    field.push_back(0);
  } else if (id != "d" && !text.empty()) {
    return Error{Errc::malformed, "a digest without its algorithm"};
  }
  field.insert(field.end(), digest.begin(), digest.end());
  out.u32le(static_cast<std::uint32_t>(field.size()));
  out.put(field);
  return ok();
}

Status put_number(std::string_view id, std::string_view text, Writer& out) {
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9' || value > 0xffffffffU) return Error{Errc::malformed, "no number"};
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  bool mode = id == "imode";
  if (text.empty() || value > (mode ? 0xffffU : 0xffffffffU)) return Error{Errc::malformed, "no number"};
  out.u32le(mode ? 2 : 4);
  if (mode)
    out.u16le(static_cast<std::uint16_t>(value));
  else
    out.u32le(static_cast<std::uint32_t>(value));
  return ok();
}

Status put_field(const Field& field, std::string_view text, Writer& out) {
  if (field.kind == FieldKind::digest) return put_digest(field.id, text, out);
  if (field.kind == FieldKind::number) return put_number(field.id, text, out);
  if (field.kind == FieldKind::name) {
    out.u32le(static_cast<std::uint32_t>(text.size() + 1));
    out.put(as_view(text));
    out.u8(0);
    return ok();
  }
  TRY(Bytes bytes, from_hex(text, kMaxImaData));
  out.u32le(static_cast<std::uint32_t>(bytes.size()));
  out.put(bytes);
  return ok();
}

// Template "ima": the digest without a length, and the name without a NUL.
Status put_old(const std::vector<std::string_view>& words, Writer& out) {
  TRY(Bytes digest, from_hex(words[0], 20));
  if (digest.size() != 20) return Error{Errc::malformed, "template \"ima\" has SHA-1 digests"};
  out.put(digest);
  out.u32le(static_cast<std::uint32_t>(words[1].size()));
  out.put(as_view(words[1]));
  return ok();
}

Status put_entry(std::string_view line, ImaBinary& out) {
  std::string_view pcr = word(line);
  if (pcr.empty() || pcr.size() > 2 || !std::ranges::all_of(pcr, [](char c) { return c >= '0' && c <= '9'; }))
    return Error{Errc::malformed, "does not begin with a PCR"};
  TRY(Bytes hash, from_hex(word(line), 64));
  if (hash.size() != 20 && hash.size() != 32 && hash.size() != 48 && hash.size() != 64)
    return Error{Errc::malformed, "no template hash"};
  if (!out.bytes.empty() && hash.size() != out.hash_size) return Error{Errc::malformed, "a hash of another length"};
  out.hash_size = hash.size();
  std::string_view name = word(line);
  TRY(std::vector<Field> fields, template_fields(name));
  std::vector<std::string_view> words = split(line, fields);
  Writer data, entry;
  for (std::size_t i = 0; i < fields.size() && name != "ima"; i++) CHECK_OK(put_field(fields[i], words[i], data));
  if (name == "ima") CHECK_OK(put_old(words, data));
  TRY(Bytes body, std::move(data).finish("ima entry"));
  entry.u32le(static_cast<std::uint32_t>(pcr.size() == 1 ? pcr[0] - '0' : (pcr[0] - '0') * 10 + (pcr[1] - '0')));
  entry.put(hash);
  entry.u32le(static_cast<std::uint32_t>(name.size()));
  entry.put(as_view(name));
  if (name != "ima") entry.u32le(static_cast<std::uint32_t>(body.size()));
  entry.put(body);
  TRY(Bytes bytes, std::move(entry).finish("ima entry"));
  out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
  return ok();
}

}  // namespace

bool looks_like_ascii(View bytes) {
  std::string_view line = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 256)));
  std::string_view pcr = word(line);
  std::string_view hash = word(line);
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !pcr.empty() && pcr.size() <= 2 && std::ranges::all_of(pcr, digit) && hash.size() >= 40 &&
         from_hex(hash, 64);
}

Result<ImaBinary> binary_of_ascii(View text) {
  if (text.size() > kMaxImaList) return Error{Errc::malformed, "ima list: longer than 1 GiB"};
  ImaBinary out;
  std::string_view rest = as_text(text);
  for (std::size_t number = 0; !rest.empty(); number++) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    Status added = put_entry(line, out);
    if (!added) return bad_line(number, added.error().what);
  }
  return out;
}

}  // namespace attest::ima
