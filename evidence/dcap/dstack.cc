#include "evidence/dcap/dstack.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/reader.h"
#include "evidence/json/writer.h"

namespace attest {
namespace {

constexpr std::size_t kRtmrBytes = 48;

Bytes hex_text(JsonReader& json, std::size_t max_bytes) {
  std::string_view text = json.text();
  if (text.starts_with("0x")) text.remove_prefix(2);
  auto bytes = from_hex(text, max_bytes);
  if (!bytes) json.fail("must be hex");
  return bytes ? *std::move(bytes) : Bytes{};
}

std::uint32_t version_of(JsonReader& json) {
  if (json.kind() == JsonReader::Kind::number) return static_cast<std::uint32_t>(json.integer(1, 2));
  std::string_view text = json.text();
  if (text != "v1" && text != "v2" && text != "V1" && text != "V2" && text != "1" && text != "2")
    json.fail("unknown version of a runtime event");
  return text.ends_with('2') ? 2 : 1;
}

RtmrEvent read_event(JsonReader& json) {
  RtmrEvent event;
  bool imr = false, type = false;
  json.object([&](std::string_view key) {
    if (key == "imr") {
      event.imr = static_cast<std::uint32_t>(json.integer(0, 3));
      imr = true;
    } else if (key == "event_type") {
      event.type = static_cast<std::uint32_t>(json.integer(0, 0xffffffff));
      type = true;
    } else if (key == "digest") {
      event.digest = hex_text(json, 64);
    } else if (key == "event") {
      event.name = json.text();
    } else if (key == "event_payload") {
      event.payload = hex_text(json, kMaxDstackBytes);
    } else if (key == "version") {
      event.version = version_of(json);
    } else {
      json.skip();
    }
  });
  if (!imr || !type) json.fail("an event without \"imr\" or \"event_type\"");
  return event;
}

std::vector<RtmrEvent> read_events(JsonReader& json) {
  std::vector<RtmrEvent> out;
  json.array([&] {
    out.push_back(read_event(json));
    if (out.size() > kMaxDstackEvents) json.fail("more than 65536 events");
  });
  return out;
}

// nested_text is a document that some versions put into a text and some leave as it is.
std::string nested_text(JsonReader& json) {
  return std::string(json.kind() == JsonReader::Kind::string ? json.text() : json.raw());
}

}  // namespace

Result<std::vector<RtmrEvent>> parse_dstack_log(std::string_view text) {
  if (text.size() > kMaxDstackBytes) return Error{Errc::malformed, "RTMR event log: more than 16 MiB"};
  JsonReader json(text);
  std::vector<RtmrEvent> out = read_events(json);
  CHECK_OK(json.done("RTMR event log"));
  return out;
}

Result<DstackReport> parse_dstack_report(std::string_view text) {
  if (text.size() > kMaxDstackBytes) return Error{Errc::malformed, "quote report: more than 16 MiB"};
  DstackReport out;
  std::string log;
  bool has_log = false;
  JsonReader json(text);
  json.object([&](std::string_view key) {
    if (json.kind() == JsonReader::Kind::null) return json.skip();
    if (key == "quote") {
      out.quote = hex_text(json, 1 << 17);
    } else if (key == "event_log") {
      log = nested_text(json);
      has_log = true;
    } else if (key == "report_data") {
      out.report_data = hex_text(json, 64);
    } else if (key == "vm_config") {
      out.vm_config = nested_text(json);
    } else {
      json.skip();
    }
  });
  CHECK_OK(json.done("quote report"));
  if (!has_log) return Error{Errc::malformed, "quote report: \"event_log\" is missing"};
  TRY(out.events, parse_dstack_log(log));
  return out;
}

Digest runtime_digest(const RtmrEvent& event) {
  if (event.version == 2) {
    JsonWriter json;
    json.object()
        .field("name", event.name)
        .field("payload", to_hex(event.payload))
        .field("type", event.type)
        .end_object();
    return hash_of(HashAlg::sha384, {as_view(json.so_far())});
  }
  Writer type;
  type.u32le(event.type);
  auto bytes = std::move(type).finish("event type");
  if (!bytes) return {};
  return hash_of(HashAlg::sha384, {*bytes, as_view(":"), as_view(event.name), as_view(":"), event.payload});
}

Result<std::array<Digest, 4>> replay_rtmrs(const std::vector<RtmrEvent>& events) {
  TRY(Hasher hasher, Hasher::make(HashAlg::sha384));
  std::array<Digest, 4> out;
  out.fill(Digest::filled(HashAlg::sha384, 0));
  for (std::size_t i = 0; i < events.size(); i++) {
    const RtmrEvent& event = events[i];
    std::string where = "event " + std::to_string(i) + " (\"" + printable(event.name, 40) + "\")";
    Digest digest = Digest::of(event.digest);
    if (event.runtime()) {
      Digest computed = runtime_digest(event);
      if (!event.digest.empty() && !(computed == digest))
        return Error{Errc::mismatch, where + ": its digest is not that of its name and payload"};
      digest = computed;
    }
    if (digest.size() != kRtmrBytes || event.imr > 3)
      return Error{Errc::malformed, where + ": no SHA-384 digest, or no register 0 to 3"};
    out[event.imr] = hasher.extend(out[event.imr], digest.view());
  }
  return out;
}

}  // namespace attest
