#include "evidence/metadata/manifest.h"

#include <charconv>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/writer.h"
#include "evidence/metadata/jws.h"

namespace attest {
namespace {

constexpr std::size_t kMaxHashes = 16;
constexpr std::size_t kMaxText = 4096;
constexpr std::uint32_t kPcrs = 24;
constexpr std::uint32_t kMaxIndex = 255;

struct AnchorRow {
  std::string_view name;
  AnchorKind kind;
  bool needs_index;
};
constexpr AnchorRow kAnchors[] = {{"TPM", AnchorKind::tpm, true},
                                  {"TDX", AnchorKind::tdx, true},
                                  {"SNP", AnchorKind::snp, false},
                                  {"SGX", AnchorKind::sgx, false},
                                  {"SW", AnchorKind::sw, false}};

const AnchorRow* find_anchor(std::string_view name) {
  for (const AnchorRow& row : kAnchors)
    if (row.name == name) return &row;
  return nullptr;
}

// Properties are the two that count, as text.
struct Properties {
  std::optional<std::string> anchor, index;
};

void read_hash(JsonReader& json, ReferenceValue& value) {
  std::string alg;
  std::string content;
  json.object([&](std::string_view key) {
    if (key == "alg")
      alg = json.text();
    else if (key == "content")
      content = json.text();
    else
      json.skip();
  });
  auto known = hash_alg_from_name(alg);
  if (!known || !json.good()) return;
  auto bytes = from_hex(content, 64);
  if (!bytes || bytes->size() != digest_size(*known))
    return json.fail(printable(alg, 20) + " hash of a wrong form");
  if (value.hash(*known) != nullptr) return json.fail("two " + printable(alg, 20) + " hashes");
  if (value.hashes.size() == kMaxHashes) return json.fail("too many hashes");
  value.hashes.emplace_back(*known, Digest::of(*bytes));
}

void keep_once(JsonReader& json, std::optional<std::string>& slot, std::string&& value,
               std::string_view name) {
  if (slot) return json.fail("property " + std::string(name) + " stands twice");
  slot = std::move(value);
}

void read_property(JsonReader& json, Properties& properties) {
  std::string name, value;
  json.object([&](std::string_view key) {
    if (key == "name")
      name = json.text();
    else if (key == "value" && json.kind() == JsonReader::Kind::string)
      value = json.text();
    else
      json.skip();
  });
  if (name == "cmc.ta") keep_once(json, properties.anchor, std::move(value), name);
  if (name == "cmc.index") keep_once(json, properties.index, std::move(value), name);
}

std::string bounded_text(JsonReader& json) {
  std::string_view text = json.text();
  if (text.size() > kMaxText) json.fail("a text of more than " + std::to_string(kMaxText) + " bytes");
  return std::string(text);
}

// place sets anchor and register from the properties.
void place(JsonReader& json, ReferenceValue& value, const Properties& properties) {
  if (!json.good()) return;
  if (!properties.anchor) return json.fail("property cmc.ta is missing");
  const AnchorRow* row = find_anchor(*properties.anchor);
  if (row == nullptr) return json.fail("cmc.ta \"" + printable(*properties.anchor, 20) + "\" is unknown");
  value.anchor = row->kind;
  if (row->kind == AnchorKind::tpm && value.hashes.empty()) return json.fail("no hash of a known algorithm");
  if (!properties.index) {
    if (row->needs_index) json.fail("property cmc.index is missing");
    return;
  }
  const std::string& text = *properties.index;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value.reg);
  std::uint32_t limit = row->kind == AnchorKind::tpm ? kPcrs - 1 : kMaxIndex;
  if (error != std::errc() || end != text.data() + text.size() || value.reg > limit)
    json.fail("cmc.index \"" + printable(text, 20) + "\" is not a number from 0 to " + std::to_string(limit));
}

void read_component(JsonReader& json, ReferenceValue& value) {
  Properties properties;
  json.object([&](std::string_view key) {
    if (key == "name")
      value.name = bounded_text(json);
    else if (key == "description")
      value.description = bounded_text(json);
    else if (key == "optional")
      value.optional = json.boolean();
    else if (key == "hashes" && !json.null())
      json.array([&] { read_hash(json, value); });
    else if (key == "properties" && !json.null())
      json.array([&] { read_property(json, properties); });
    else if (key != "hashes" && key != "properties")
      json.skip();
  });
  place(json, value, properties);
}

// read_components adds a list of components; a failure is prefixed with the component's number.
void read_components(JsonReader& json, std::vector<ReferenceValue>& references) {
  if (json.null()) return;
  json.array([&] {
    if (references.size() == kMaxComponents)
      return json.fail("more than " + std::to_string(kMaxComponents) + " components");
    read_component(json, references.emplace_back());
    if (!json.good()) json.in_context("component " + std::to_string(references.size()));
  });
}

// component_class is the CycloneDX type by what a PCR holds.
const char* component_class(const ReferenceValue& value) {
  if (value.anchor != AnchorKind::tpm) return "application";
  if (value.reg <= 3) return "firmware";
  if (value.reg <= 5 || value.reg == 8 || value.reg == 9) return "operating-system";
  return value.reg <= 7 ? "platform" : "application";
}

void write_component(JsonWriter& json, const ReferenceValue& value) {
  json.object().field("type", component_class(value)).field("name", value.name).key("hashes").array();
  for (const auto& [alg, digest] : value.hashes) {
    std::string name = hash_alg_name(alg);
    name.replace(0, 3, "SHA-");
    json.object().field("alg", name).field("content", to_hex(digest.view())).end_object();
  }
  json.end_array();
  if (value.optional) json.field("optional", true);
  if (!value.description.empty()) json.field("description", value.description);
  json.key("properties").array();
  for (const AnchorRow& row : kAnchors) {
    if (row.kind != value.anchor) continue;
    json.object().field("name", "cmc.ta").field("value", row.name).end_object();
    json.object().field("name", "cmc.index").field("value", std::to_string(value.reg)).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

const Digest* ReferenceValue::hash(HashAlg alg) const {
  for (const auto& [have, digest] : hashes)
    if (have == alg) return &digest;
  return nullptr;
}

void read_sbom(JsonReader& json, Manifest& manifest) {
  if (json.null()) return;
  json.object([&](std::string_view key) {
    if (key == "components")
      read_components(json, manifest.references);
    else
      json.skip();
  });
  for (std::uint32_t i = 0; i < manifest.references.size(); i++)
    if (manifest.references[i].anchor == AnchorKind::tpm) manifest.tpm.push_back(i);
  manifest.references.shrink_to_fit();  // they are kept for long
  manifest.tpm.shrink_to_fit();
}

void read_details(JsonReader& json, Manifest& manifest) {
  if (json.kind() != JsonReader::Kind::object) return json.skip();
  json.object([&](std::string_view key) {
    if (key != "attest.order") return json.skip();
    std::string_view order = json.text();
    if (json.good() && order != "log") json.fail("attest.order \"" + printable(order, 20) + "\" is unknown");
    manifest.log_ordered = true;
  });
}

Result<std::vector<ReferenceValue>> parse_components(View text) {
  if (text.size() > kMaxMetadataBytes) return Error{Errc::malformed, "components: more than 16 MiB"};
  std::vector<ReferenceValue> references;
  JsonReader json(as_text(text));
  read_components(json, references);
  CHECK_OK(json.done("components"));
  return references;
}

std::string write_components(const std::vector<ReferenceValue>& references) {
  JsonWriter json;
  json.array();
  for (const ReferenceValue& value : references) write_component(json, value);
  return std::move(json.end_array()).finish();
}

}  // namespace attest
