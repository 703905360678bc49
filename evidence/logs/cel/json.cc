#include "evidence/core/hex.h"
#include "evidence/json/reader.h"
#include "evidence/logs/cel/cel.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest::cel {
namespace {

constexpr std::int64_t kMaxNumber = 0x7fffffffffffffff;

Bytes hex(JsonReader& json, std::size_t max) {
  auto bytes = from_hex(json.text(), max);
  if (!bytes) json.fail("no hexadecimal text");
  return bytes ? *std::move(bytes) : Bytes{};
}

void read_digests(JsonReader& json, CelRecord& record) {
  json.array([&] {
    CelDigest digest;
    json.object([&](std::string_view key) {
      if (key == "hashAlg") {
        auto id = hash_id(json.text());
        if (!id) json.fail("unknown hash");
        digest.alg = id.value_or(0);
      } else if (key == "digest") {
        digest.value = hex(json, 64);
      } else {
        json.skip();
      }
    });
    if (record.digests.size() == kMaxDigests || digest.alg == 0 || digest.value.empty()) json.fail("digests out of bounds");
    record.digests.push_back(std::move(digest));
  });
}

void set_register(JsonReader& json, Register kind, CelRecord& record, bool& seen) {
  if (seen) json.fail("two registers");
  seen = true;
  record.kind = kind;
  record.reg = static_cast<std::uint32_t>(json.integer(0, 0xffffffff));
}

// The name of a type as the specification writes it ("ev_separator"), or its number.
void read_event_type(JsonReader& json, CelRecord& record) {
  if (json.kind() == JsonReader::Kind::number) {
    record.event_type = static_cast<std::uint32_t>(json.integer(0, 0xffffffff));
    return;
  }
  std::string name(json.text());
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  auto type = tcg_event_type_of(name);
  if (!type) json.fail("unknown event type");
  record.event_type = type.value_or(0);
}

void read_content(JsonReader& json, CelRecord& record) {
  if (json.kind() != JsonReader::Kind::object) return json.skip();
  json.object([&](std::string_view key) {
    if (key == "event_type") {
      read_event_type(json, record);
    } else if (key == "event_data" || key == "template_data") {
      record.data = hex(json, kMaxLog);
    } else if (key == "template_name" || key == "eventType") {
      record.name = json.text();
    } else if (key == "string") {
      record.text = json.text();
    } else if (json.kind() == JsonReader::Kind::string) {
      std::string name(key);
      record.other.emplace_back(std::move(name), json.text());
    } else if (json.kind() == JsonReader::Kind::number) {
      std::string name(key);
      record.other.emplace_back(std::move(name), std::to_string(json.integer(0, kMaxNumber)));
    } else {
      json.skip();
    }
  });
}

CelRecord read_record(JsonReader& json) {
  CelRecord record;
  bool seen = false;
  json.object([&](std::string_view key) {
    if (key == "recnum") {
      record.number = static_cast<std::uint64_t>(json.integer(0, kMaxNumber));
    } else if (key == "pcr") {
      set_register(json, Register::pcr, record, seen);
    } else if (key == "nv_index" || key == "nvIndex") {
      set_register(json, Register::nv_index, record, seen);
    } else if (key == "rtmr") {
      set_register(json, Register::rtmr, record, seen);
    } else if (key == "digests") {
      read_digests(json, record);
    } else if (key == "content_type") {
      record.content_type = json.text();
    } else if (key == "content") {
      read_content(json, record);
    } else {
      json.skip();
    }
  });
  if (!seen) json.fail("no register");
  return record;
}

}  // namespace

Result<std::vector<CelRecord>> parse_cel_json(std::string_view text, bool sequence) {
  std::vector<CelRecord> records;
  auto add = [&](JsonReader& json) {
    if (records.size() == kMaxRecords) json.fail("more than 65536 records");
    records.push_back(read_record(json));
  };
  if (!sequence) {
    JsonReader json(text);
    json.array([&] { add(json); });
    CHECK_OK(json.done("cel"));
    return records;
  }
  // RFC 7464: a separator before and a line end behind each text; some writers leave the separator out.
  bool separated = text.find('\x1e') != text.npos;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(separated ? '\x1e' : '\n'), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.find_first_not_of(" \t\r\n") == one.npos) continue;
    JsonReader json(one);
    add(json);
    CHECK_OK(json.done("cel: record " + std::to_string(records.size() - 1)));
  }
  return records;
}

}  // namespace attest::cel
