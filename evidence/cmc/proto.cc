#include "evidence/cmc/proto.h"

#include <charconv>

#include "evidence/core/printable.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxRepeated = 1024;
constexpr std::string_view kService = "/grpcapi.CMCService/";

// ProtoField is one field of a message: its number and, by wire type, its value.
struct ProtoField {
  std::uint32_t number = 0;
  std::uint8_t wire = 0;  // 0 varint, 1 fixed64, 2 bytes, 5 fixed32
  std::uint64_t value = 0;
  View bytes;
};
constexpr std::uint8_t kVarint = 0, kBytes = 2;

std::uint64_t read_varint(Reader& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    std::uint8_t byte = in.u8();
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  in.fail();
  return 0;
}

ProtoField read_field(Reader& in) {
  ProtoField field;
  std::uint64_t tag = read_varint(in);
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.wire = tag & 7;
  if (tag >> 3 == 0 || tag >> 32 != 0) in.fail();
  if (field.wire == kVarint)
    field.value = read_varint(in);
  else if (field.wire == kBytes)
    field.bytes = in.take(static_cast<std::size_t>(read_varint(in)));
  else if (field.wire == 1 || field.wire == 5)
    in.take(field.wire == 1 ? 8 : 4);
  else
    in.fail();
  return field;
}

// Message reads the fields of one message; a wrong wire type or too many of a kind spoil it.
class Message {
 public:
  explicit Message(View bytes) : in_(bytes) {}
  template <class F>
  Status each(std::string_view what, F&& field) {
    while (in_.more()) {
      ProtoField f = read_field(in_);
      if (in_.good()) field(f);
      if (!in_.good() || bad_) break;
    }
    if (bad_) return Error{Errc::malformed, std::string(what) + ": a field of the wrong type, or too many of a kind"};
    return in_.done(what);
  }
  View bytes(const ProtoField& f) {
    bad_ = bad_ || f.wire != kBytes;
    return f.bytes;
  }
  std::string text(const ProtoField& f) { return std::string(as_text(bytes(f))); }
  std::uint64_t number(const ProtoField& f) {
    bad_ = bad_ || f.wire != kVarint;
    return f.value;
  }
  template <class T, class V>
  void append(std::vector<T>& list, V&& value) {
    bad_ = bad_ || list.size() == kMaxRepeated;
    if (!bad_) list.push_back(std::forward<V>(value));
  }
  void spoil(const Status& status) { bad_ = bad_ || !status; }

 private:
  Reader in_;
  bool bad_ = false;
};

Status read_key_config(View message, KeyConfig& out) {
  Message m(message);
  return m.each("key_config", [&](const ProtoField& f) {
    if (f.number == 1) out.type = m.text(f);
    if (f.number == 2) out.alg = m.text(f);
    if (f.number == 3) out.cn = m.text(f);
    if (f.number == 4) m.append(out.dns_names, m.text(f));
    if (f.number == 5) m.append(out.ip_addresses, m.text(f));
  });
}

Status read_hash(View message, ComponentHash& out) {
  Message m(message);
  return m.each("hash", [&](const ProtoField& f) {
    if (f.number == 1) out.alg = m.text(f);
    if (f.number == 2) out.content = to_bytes(m.bytes(f));
  });
}

Result<nlohmann::json> read_oci_spec(View bytes) {
  TRY(Encoding encoding, encoding_of(bytes));
  if (encoding == Encoding::json) {
    JsonSource in(as_text(bytes));
    nlohmann::json tree = in.free();
    CHECK_OK(in.done("oci_spec"));
    return tree;
  }
  CborSource in(bytes, false);
  nlohmann::json tree = in.free();
  CHECK_OK(in.done("oci_spec"));
  return tree;
}

Status read_ctr_data(View message, CtrData& out) {
  Message m(message);
  return m.each("ctr_data", [&](const ProtoField& f) {
    if (f.number == 1) out.config_sha256 = to_bytes(m.bytes(f));
    if (f.number == 2) out.rootfs_sha256 = to_bytes(m.bytes(f));
    if (f.number != 3) return;
    auto spec = read_oci_spec(m.bytes(f));
    m.spoil(spec ? ok() : Status(spec.error()));
    if (spec) out.oci_spec = *std::move(spec);
  });
}

Status read_event(View message, Component& out) {
  Message m(message);
  std::int32_t index = 0;  // which proto3 leaves out where it is 0
  Status read = m.each("measure_event", [&](const ProtoField& f) {
    if (f.number == 1) out.type = m.text(f);
    if (f.number == 2) out.name = m.text(f);
    if (f.number == 3) index = static_cast<std::int32_t>(m.number(f));
    if (f.number == 4) {
      ComponentHash hash;
      m.spoil(read_hash(m.bytes(f), hash));
      m.append(out.hashes, std::move(hash));
    }
    if (f.number == 5) out.version = m.text(f);
    if (f.number == 6) out.optional = m.number(f) != 0;
    if (f.number == 7) out.description = m.text(f);
    if (f.number == 9) {
      out.ctr.emplace();
      m.spoil(read_ctr_data(m.bytes(f), *out.ctr));
    }
  });
  out.properties = {{"cmc.index", std::to_string(index)}};
  return read;
}

void read_request_field(Message& m, const ProtoField& f, ApiRequest& out) {
  switch (out.call) {
    case Call::attest:
      if (f.number == 2) out.nonce = to_bytes(m.bytes(f));
      if (f.number == 3) m.append(out.cached, m.text(f));
      break;
    case Call::verify:
      if (f.number == 2) out.nonce = to_bytes(m.bytes(f));
      if (f.number == 3) out.report = to_bytes(m.bytes(f));
      if (f.number == 7) out.peer = m.text(f);
      if (f.number == 8) out.peer_addr = m.text(f);
      if (f.number == 9 && !m.bytes(f).empty()) out.policies = to_bytes(f.bytes);
      break;
    case Call::tls_create:
      if (f.number == 2) m.spoil(read_key_config(m.bytes(f), out.key_config));
      break;
    case Call::tls_sign:
      if (f.number == 2) out.key_id = m.text(f);
      if (f.number == 3) out.content = to_bytes(m.bytes(f));
      if (f.number == 4) out.hash_alg = m.text(f);
      break;
    case Call::tls_cert:
      if (f.number == 2) out.key_id = m.text(f);
      break;
    case Call::peer_cache:
      if (f.number == 2) out.peer = m.text(f);
      break;
    case Call::measure:
      if (f.number == 2) m.spoil(read_event(m.bytes(f), out.event));
      break;
    default:
      break;
  }
}

// Fields writes the fields of one message; empty values are left out, as proto3 does.
class FieldWriter {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    varint(static_cast<std::uint64_t>(field) << 3 | kVarint);
    varint(value);
  }
  void bytes(std::uint32_t field, View value) {
    if (!value.empty()) always(field, value);
  }
  void text(std::uint32_t field, std::string_view value) { bytes(field, as_view(value)); }
  // always is for elements of a list, which are there though empty.
  void always(std::uint32_t field, View value) {
    varint(static_cast<std::uint64_t>(field) << 3 | kBytes);
    varint(value.size());
    out_.insert(out_.end(), value.begin(), value.end());
  }
  Bytes finish() { return std::move(out_); }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::uint8_t>(value | 0x80));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  Bytes out_;
};

Bytes key_config_message(const KeyConfig& config) {
  FieldWriter out;
  out.text(1, config.type);
  out.text(2, config.alg);
  out.text(3, config.cn);
  for (const std::string& name : config.dns_names) out.always(4, as_view(name));
  for (const std::string& address : config.ip_addresses) out.always(5, as_view(address));
  return out.finish();
}

Bytes event_message(const Component& event) {
  FieldWriter out;
  out.text(1, event.type);
  out.text(2, event.name);
  std::int32_t index = 0;
  if (const std::string* text = event.property("cmc.index"))
    std::from_chars(text->data(), text->data() + text->size(), index);
  out.number(3, static_cast<std::uint64_t>(static_cast<std::int64_t>(index)));
  for (const ComponentHash& hash : event.hashes) {
    FieldWriter inner;
    inner.text(1, hash.alg);
    inner.bytes(2, hash.content);
    out.always(4, inner.finish());
  }
  out.text(5, event.version);
  out.number(6, event.optional ? 1 : 0);
  out.text(7, event.description);
  if (event.ctr) {
    FieldWriter inner;
    inner.bytes(1, event.ctr->config_sha256);
    inner.bytes(2, event.ctr->rootfs_sha256);
    if (event.ctr->oci_spec) inner.text(3, event.ctr->oci_spec->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    out.always(9, inner.finish());
  }
  return out.finish();
}

Status check_version(Call call, const std::string& version) {
  if (version == kApiVersion || (call == Call::tls_create && version.empty())) return ok();
  return Error{Errc::unsupported, "API version \"" + printable(version, 20) + "\"; this agent speaks 1.4.0"};
}

}  // namespace

std::optional<Call> proto_call(std::string_view path) {
  if (!path.starts_with(kService)) return std::nullopt;
  for (std::uint32_t type = 1; auto call = call_of(type); type++)
    if (path.substr(kService.size()) == call_name(*call)) return call;
  return std::nullopt;
}

Result<ApiRequest> decode_proto_request(Call call, View message) {
  ApiRequest out;
  out.call = call;
  out.version.clear();
  Message m(message);
  CHECK_OK(m.each(call_name(call), [&](const ProtoField& f) {
    if (f.number == 1)
      out.version = m.text(f);
    else
      read_request_field(m, f, out);
  }));
  CHECK_OK(check_version(call, out.version));
  out.version = kApiVersion;
  return out;
}

Bytes encode_proto_request(const ApiRequest& request) {
  FieldWriter out;
  out.text(1, request.version);
  switch (request.call) {
    case Call::attest:
      out.bytes(2, request.nonce);
      for (const std::string& digest : request.cached) out.always(3, as_view(digest));
      break;
    case Call::verify:
      out.bytes(2, request.nonce);
      out.bytes(3, request.report);
      out.text(7, request.peer);
      out.text(8, request.peer_addr);
      if (request.policies) out.bytes(9, *request.policies);
      break;
    case Call::tls_create:
      out.always(2, key_config_message(request.key_config));
      break;
    case Call::tls_sign:
      out.text(2, request.key_id);
      out.bytes(3, request.content);
      out.text(4, request.hash_alg);
      break;
    case Call::tls_cert:
      out.text(2, request.key_id);
      break;
    case Call::peer_cache:
      out.text(2, request.peer);
      break;
    case Call::measure:
      out.always(2, event_message(request.event));
      break;
    default:
      break;
  }
  return out.finish();
}

Bytes encode_proto_response(const ApiResponse& response) {
  FieldWriter out;
  out.text(1, response.version);
  out.bytes(2, response.call == Call::attest ? response.report : response.call == Call::verify ? response.result : Bytes());
  out.text(2, response.key_id);
  out.bytes(2, response.signed_content);
  for (const Bytes& pem : response.certificate) out.always(2, pem);
  for (const std::string& digest : response.cache) out.always(2, as_view(digest));
  out.number(2, response.success ? 1 : 0);
  return out.finish();
}

Result<ApiResponse> decode_proto_response(Call call, View message) {
  ApiResponse out;
  out.call = call;
  out.version.clear();
  Message m(message);
  CHECK_OK(m.each(call_name(call), [&](const ProtoField& f) {
    if (f.number == 1) out.version = m.text(f);
    if (f.number != 2) return;
    if (call == Call::attest) out.report = to_bytes(m.bytes(f));
    if (call == Call::verify) out.result = to_bytes(m.bytes(f));
    if (call == Call::tls_create) out.key_id = m.text(f);
    if (call == Call::tls_sign) out.signed_content = to_bytes(m.bytes(f));
    if (call == Call::tls_cert) m.append(out.certificate, to_bytes(m.bytes(f)));
    if (call == Call::peer_cache) m.append(out.cache, m.text(f));
    if (call == Call::measure || call == Call::update_certs || call == Call::update_metadata) out.success = m.number(f) != 0;
  }));
  return out;
}

}  // namespace attest::cmc
