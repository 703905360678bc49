#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "evidence/cmc/codec.h"

namespace attest::cmc {

void CborSink::begin_key() {
  Open& map = open_.back();
  map.count++;
  pairs_.push_back({out_.bytes_so_far().size(), 0});
}

void CborSink::begin_value() {
  if (open_.empty()) return;
  Open& top = open_.back();
  if (top.map)
    pairs_.back().value = out_.bytes_so_far().size();
  else
    top.count++;
}

void CborSink::open(bool map) {
  begin_value();
  open_.push_back({map, out_.bytes_so_far().size(), 0, pairs_.size()});
  out_.null();  // the head's place
}

// order puts the pairs of a map into the order of their keys' bytes.
void CborSink::order(const Open& map) {
  std::span<Pair> pairs = std::span(pairs_).subspan(map.first_pair);
  View all = out_.bytes_so_far();
  auto key_of = [all](const Pair& pair) { return all.subspan(pair.key, pair.value - pair.key); };
  auto before = [&](const Pair& a, const Pair& b) { return std::ranges::lexicographical_compare(key_of(a), key_of(b)); };
  if (std::ranges::is_sorted(pairs, before)) return;
  struct Piece {
    Pair pair;
    std::size_t end;
  };
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < pairs.size(); i++) pieces.push_back({pairs[i], i + 1 < pairs.size() ? pairs[i + 1].key : all.size()});
  std::ranges::stable_sort(pieces, before, &Piece::pair);
  Bytes sorted;
  sorted.reserve(all.size() - pairs.front().key);
  for (const Piece& piece : pieces) sorted.insert(sorted.end(), all.begin() + static_cast<std::ptrdiff_t>(piece.pair.key), all.begin() + static_cast<std::ptrdiff_t>(piece.end));
  out_.replace(pairs.front().key, sorted);
}

void CborSink::close() {
  Open top = open_.back();
  open_.pop_back();
  if (top.map) order(top);
  pairs_.resize(top.first_pair);
  cbor::Writer head;
  top.map ? head.map(top.count) : head.array(top.count);
  out_.over_byte(top.begin, head.bytes_so_far());
}

void CborSink::key(const Field& field) {
  if (field.key < 0) return text_key(field.name);
  begin_key();
  out_.uint(static_cast<std::uint64_t>(field.key));
}

void CborSink::text_key(std::string_view key) {
  begin_key();
  out_.text(key);
}

void CborSink::text(std::string_view value) {
  begin_value();
  out_.text(value);
}

void CborSink::bytes(View value) {
  begin_value();
  out_.bytes(value);
}

void CborSink::boolean(bool value) {
  begin_value();
  out_.boolean(value);
}

void CborSink::null() {
  begin_value();
  out_.null();
}

void CborSink::raw(View value) {
  begin_value();
  out_.raw(value);
}

void CborSink::integer(std::int64_t value) {
  begin_value();
  value < 0 ? out_.negative(value) : out_.uint(static_cast<std::uint64_t>(value));
}

namespace {

// fraction is a number in eight bytes whatever it is, as CMC's encoder writes its floats: none is shortened.
std::array<std::uint8_t, 9> fraction(double value) {
  constexpr std::uint8_t kDouble = 0xfb;
  std::array<std::uint8_t, 9> item{kDouble};
  auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = item.size(); i-- > 1; bits >>= 8) item[i] = static_cast<std::uint8_t>(bits);
  return item;
}

}  // namespace

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
  if (value.is_number_unsigned()) {
    begin_value();
    return out_.uint(value.get<std::uint64_t>());
  }
  if (value.is_number_integer()) return integer(value.get<std::int64_t>());
  if (value.is_binary()) return bytes(value.get_binary());
  if (value.is_number()) return raw(fraction(value.get<double>()));
  null();
}

}  // namespace attest::cmc
