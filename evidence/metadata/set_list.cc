#include "evidence/metadata/set_list.h"

#include <algorithm>
#include <set>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/indent.h"
#include "evidence/json/reader.h"
#include "evidence/json/writer.h"
#include "evidence/metadata/jws.h"

namespace attest {
namespace {

constexpr const char* kType = "Set List";
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxPayload = 1 << 20;
constexpr MetadataType kListed[] = {MetadataType::manifest, MetadataType::image_description};

std::string read_name(JsonReader& json) {
  std::string name(json.text());
  bool control = std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (json.good() && (name.empty() || name.size() > kMaxName || control))
    json.fail("a name must be 1 to 256 bytes without control characters");
  return name;
}

UnixTime read_time(JsonReader& json) {
  auto when = parse_rfc3339(json.text());
  if (!when && json.good()) json.fail(when.error().what);
  return when ? *when : 0;
}

MetadataType read_type(JsonReader& json) {
  std::string_view text = json.text();
  for (MetadataType type : kListed)
    if (text == metadata_type_name(type)) return type;
  if (json.good()) json.fail("an item that is neither a manifest nor an image description");
  return MetadataType::manifest;
}

SetEntry read_entry(JsonReader& json) {
  SetEntry entry;
  bool typed = false;
  json.object([&](std::string_view key) {
    if (key == "type") {
      entry.type = read_type(json);
      typed = true;
    } else if (key == "name") {
      entry.name = read_name(json);
    } else if (key == "digest") {
      auto digest = from_hex(json.text(), 32);
      if (json.good() && (!digest || digest->size() != 32)) json.fail("a digest must be a SHA-256 in hex");
      if (digest) entry.digest = Digest::of(*digest);
    } else if (key == "until") {
      entry.until = read_time(json);
    } else {
      json.fail("a member nobody knows");
    }
  });
  if (json.good() && (!typed || entry.name.empty() || entry.digest.empty())) json.fail("an item without type, name or digest");
  return entry;
}

void read_validity(JsonReader& json, SetList& list) {
  json.object([&](std::string_view key) {
    if (key == "notBefore")
      list.not_before = read_time(json);
    else if (key == "notAfter")
      list.not_after = read_time(json);
    else
      json.fail("a member nobody knows");
  });
}

void read_items(JsonReader& json, SetList& list) {
  json.array([&] {
    if (list.entries.size() == SetList::kMaxEntries) return json.fail("more than 1,024 items");
    list.entries.push_back(read_entry(json));
  });
}

void read_member(JsonReader& json, std::string_view key, SetList& list, std::string& type) {
  if (key == "type")
    type = json.text();
  else if (key == "name")
    list.name = read_name(json);
  else if (key == "sequence")
    list.sequence = static_cast<std::uint64_t>(json.integer(1, INT64_MAX));
  else if (key == "version")
    list.version = json.text();
  else if (key == "validity")
    read_validity(json, list);
  else if (key == "items")
    read_items(json, list);
  else
    json.fail("a member nobody knows");
}

// check_entries: what is current must be clear, and no item may be listed twice.
Status check_entries(const SetList& list) {
  std::set<std::pair<MetadataType, std::string>> current, all;
  std::set<std::string> digests;
  for (const SetEntry& entry : list.entries) {
    std::string what = std::string(metadata_type_name(entry.type)) + " \"" + printable(entry.name) + "\"";
    if (!digests.insert(to_hex(entry.digest.view())).second) return Error{Errc::malformed, what + " is listed twice"};
    all.insert({entry.type, entry.name});
    if (!entry.until && !current.insert({entry.type, entry.name}).second)
      return Error{Errc::malformed, "two items are current as " + what + ": one of them needs an end"};
  }
  if (current.size() != all.size()) return Error{Errc::malformed, "an old item is listed without the one that replaces it"};
  return ok();
}

Status check_list(SetList& list, const std::string& type) {
  if (type != kType) return Error{Errc::unsupported, "not a set list but \"" + printable(type, 40) + "\""};
  if (list.name.empty() || list.sequence == 0) return Error{Errc::malformed, "name or sequence is missing"};
  auto version = parse_rfc3339(list.version);
  if (!version) return Error{Errc::malformed, "version: " + version.error().what};
  list.version_time = *version;
  if (list.not_after == 0 || list.not_before > list.not_after) return Error{Errc::malformed, "validity is missing or ends before it begins"};
  if (list.entries.empty()) return Error{Errc::malformed, "it lists nothing"};
  return check_entries(list);
}

}  // namespace

const SetEntry* SetList::find(const Digest& item) const {
  auto it = std::ranges::find(entries, item, &SetEntry::digest);
  return it == entries.end() ? nullptr : &*it;
}

std::string describe(const SetList& list) {
  return "set list \"" + printable(list.name) + "\" number " + std::to_string(list.sequence);
}

Result<SetList> parse_set_list(View payload) {
  if (payload.size() > kMaxPayload) return Error{Errc::malformed, "set list: more than 1 MiB"};
  SetList list;
  std::string type;
  JsonReader json(as_text(payload));
  json.object([&](std::string_view key) { read_member(json, key, list, type); });
  CHECK_OK(json.done("set list"));
  if (auto status = check_list(list, type); !status)
    return Error{status.error().code, describe(list) + ": " + status.error().what};
  return list;
}

Result<std::string> write_set_list(const SetList& list) {
  JsonWriter json;
  json.object().field("type", kType).field("name", list.name).field("sequence", list.sequence).field("version", list.version);
  json.key("validity").object().field("notBefore", format_rfc3339(list.not_before));
  json.field("notAfter", format_rfc3339(list.not_after)).end_object().key("items").array();
  for (const SetEntry& entry : list.entries) {
    json.object().field("type", metadata_type_name(entry.type)).field("name", entry.name);
    json.field("digest", to_hex(entry.digest.view()));
    if (entry.until) json.field("until", format_rfc3339(*entry.until));
    json.end_object();
  }
  std::string text = json_indent(json.end_array().end_object().so_far());
  auto again = parse_set_list(as_view(text));
  if (!again) return Error{Errc::mismatch, "this set list would be refused: " + again.error().what};
  return text;
}

void carry_over(const SetList& old, std::optional<UnixTime> until, UnixTime now, SetList& list) {
  const std::vector<SetEntry> fresh = list.entries;
  for (SetEntry entry : old.entries) {
    bool over = entry.until && *entry.until < now;
    if (list.find(entry.digest) != nullptr || over) continue;
    bool replaced = std::ranges::any_of(fresh, [&](const SetEntry& e) { return e.type == entry.type && e.name == entry.name; });
    if (replaced && !entry.until) entry.until = until;
    if (replaced && !entry.until) continue;
    list.entries.push_back(std::move(entry));
  }
}

Result<Verified<SetList>> verify_set_list(View item, const TrustStore& roots, UnixTime when) {
  TRY(auto content, verify_jws(item, roots, when));
  TRY(SetList list, parse_set_list(content->payload));
  list.signer = content->signers.front();
  list.digest = sha256(item);
  if (list.digest.empty()) return Error{Errc::io, "set list: cannot hash"};
  return SignatureCheck::mint(std::move(list));
}

}  // namespace attest
