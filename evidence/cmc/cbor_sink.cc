#include <algorithm>
#include <nlohmann/json.hpp>

#include "evidence/cmc/codec.h"

namespace attest::cmc {

void CborSink::put(View value) {
  if (open_.empty()) {
    root_.insert(root_.end(), value.begin(), value.end());
    return;
  }
  Open& top = open_.back();
  if (top.map) {
    top.pairs.emplace_back(std::move(top.key), to_bytes(value));
    top.key.clear();
    return;
  }
  top.count++;
  top.elements.insert(top.elements.end(), value.begin(), value.end());
}

void CborSink::end_object() {
  Open top = std::move(open_.back());
  open_.pop_back();
  std::ranges::sort(top.pairs, {}, &std::pair<Bytes, Bytes>::first);
  cbor::Writer out;
  out.map(top.pairs.size());
  for (const auto& [key, value] : top.pairs) {
    out.raw(key);
    out.raw(value);
  }
  put(out.bytes_so_far());
}

void CborSink::end_array() {
  Open top = std::move(open_.back());
  open_.pop_back();
  cbor::Writer out;
  out.array(top.count);
  out.raw(top.elements);
  put(out.bytes_so_far());
}

void CborSink::key(const Field& field) {
  if (field.key < 0) return text_key(field.name);
  cbor::Writer out;
  out.uint(static_cast<std::uint64_t>(field.key));
  open_.back().key = std::move(out).finish();
}

void CborSink::text_key(std::string_view key) {
  cbor::Writer out;
  out.text(key);
  open_.back().key = std::move(out).finish();
}

namespace {

template <class F>
Bytes item(F&& write) {
  cbor::Writer out;
  write(out);
  return std::move(out).finish();
}

}  // namespace

void CborSink::text(std::string_view value) { put(item([&](auto& out) { out.text(value); })); }
void CborSink::bytes(View value) { put(item([&](auto& out) { out.bytes(value); })); }
void CborSink::boolean(bool value) { put(item([&](auto& out) { out.boolean(value); })); }
void CborSink::null() { put(item([](auto& out) { out.null(); })); }

void CborSink::integer(std::int64_t value) {
  Bytes out = item([&](auto& writer) { writer.uint(static_cast<std::uint64_t>(value < 0 ? -1 - value : value)); });
  if (value < 0) out[0] = static_cast<std::uint8_t>(out[0] | 0x20);
  put(out);
}

void CborSink::free(const nlohmann::json& value) {
  if (value.is_object()) {
    object();
    for (const auto& [name, member] : value.items()) {
      text_key(name);
      free(member);
    }
    return end_object();
  }
  if (value.is_array()) {
    array();
    for (const auto& element : value) free(element);
    return end_array();
  }
  if (value.is_string()) return text(value.get_ref<const std::string&>());
  if (value.is_boolean()) return boolean(value.get<bool>());
  if (value.is_number_integer()) return integer(value.get<std::int64_t>());
  if (value.is_binary()) return bytes(value.get_binary());
  if (value.is_number()) return put(nlohmann::json::to_cbor(value));
  null();
}

}  // namespace attest::cmc
