#include <cbor.h>

#include <nlohmann/json.hpp>
#include <set>

#include "evidence/cmc/codec.h"
#include "evidence/json/utf8.h"

namespace attest::cmc {

enum class CborKind : std::uint8_t { uint, negative, bytes, text, array, map, tag, boolean, null, number, stop };

struct CborHead {
  CborKind kind = CborKind::stop;
  std::uint64_t value = 0;  // integer, length, count, tag or truth
  bool indefinite = false;
  View content;          // of strings; it stays in the input
  std::size_t size = 0;  // head and content
};

namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxString = 256 << 20;
constexpr std::size_t kElement = 8;  // bytes an element has in most lists: of more, no memory is set aside before they are read

void set(void* context, CborKind kind, std::uint64_t value, bool indefinite = false) {
  auto* head = static_cast<CborHead*>(context);
  head->kind = kind;
  head->value = value;
  head->indefinite = indefinite;
}

template <CborKind kind, class T>
void on_value(void* context, T value) {
  if constexpr (std::is_floating_point_v<T>)
    set(context, kind, 0);  // nothing reads such values: not every one is a whole number
  else
    set(context, kind, static_cast<std::uint64_t>(value));
}
template <CborKind kind, class Size>
void on_string(void* context, cbor_data data, Size n) {
  set(context, kind, n);
  static_cast<CborHead*>(context)->content = View(data, n);
}
template <CborKind kind>
void on_start(void* context) {
  set(context, kind, 0, true);
}

// The length type of libcbor's string and collection callbacks differs between its versions; templates take either.
constexpr cbor_callbacks make_callbacks() {
  cbor_callbacks c{};  // every one is set
  c.uint8 = on_value<CborKind::uint>;
  c.uint16 = on_value<CborKind::uint>;
  c.uint32 = on_value<CborKind::uint>;
  c.uint64 = on_value<CborKind::uint>;
  c.negint8 = on_value<CborKind::negative>;
  c.negint16 = on_value<CborKind::negative>;
  c.negint32 = on_value<CborKind::negative>;
  c.negint64 = on_value<CborKind::negative>;
  c.byte_string = on_string<CborKind::bytes>;
  c.byte_string_start = on_start<CborKind::bytes>;
  c.string = on_string<CborKind::text>;
  c.string_start = on_start<CborKind::text>;
  c.array_start = on_value<CborKind::array>;
  c.indef_array_start = on_start<CborKind::array>;
  c.map_start = on_value<CborKind::map>;
  c.indef_map_start = on_start<CborKind::map>;
  c.tag = on_value<CborKind::tag>;
  c.boolean = on_value<CborKind::boolean>;
  c.null = on_start<CborKind::null>;
  c.undefined = on_start<CborKind::null>;
  c.float2 = on_value<CborKind::number>;
  c.float4 = on_value<CborKind::number>;
  c.float8 = on_value<CborKind::number>;
  c.indef_break = on_start<CborKind::stop>;
  return c;
}

constexpr cbor_callbacks kCallbacks = make_callbacks();

// canonical: as short as it can be, definite, no tag, and floats of eight bytes (CTAP2).
bool canonical(const CborHead& head) {
  if (head.kind == CborKind::null || head.kind == CborKind::boolean) return head.size == 1;
  if (head.kind == CborKind::number) return head.size == 9;
  if (head.indefinite || head.kind == CborKind::tag) return false;
  return head.size - head.content.size() == cbor::head_size(head.value);
}

// field_of is the field with this key, the number of fields if there is none. Most structures number theirs from 0.
std::size_t field_of(Fields fields, const CborHead& key) {
  if (key.kind == CborKind::uint && key.value < fields.size() && fields[key.value].key == static_cast<int>(key.value)) return key.value;
  for (std::size_t i = 0; i < fields.size(); i++) {
    bool number = key.kind == CborKind::uint && fields[i].key >= 0 && key.value == static_cast<std::uint64_t>(fields[i].key);
    bool name = key.kind == CborKind::text && fields[i].key == Field::kTextKey && as_text(key.content) == fields[i].name;
    bool negative = key.kind == CborKind::negative && fields[i].key < Field::kJsonOnly &&
                    key.value == static_cast<std::uint64_t>(-(fields[i].key + 1));
    if (number || negative || name) return i;
  }
  return fields.size();
}

bool collection(const CborHead& head) { return head.kind == CborKind::array || head.kind == CborKind::map; }

// short_head reads a head of one or two bytes, as almost all are, of a number, string, list or map that is there whole: half
// the time of a log is heads. false: it is another one, or not whole, and libcbor says what.
bool short_head(View in, CborHead& out) {
  constexpr CborKind kKinds[] = {CborKind::uint, CborKind::negative, CborKind::bytes, CborKind::text, CborKind::array, CborKind::map};
  constexpr unsigned kOneByteFollows = 24;
  if (in.size() < 2) return false;
  unsigned major = in[0] >> 5, info = in[0] & 0x1f;
  if (major >= std::size(kKinds) || info > kOneByteFollows) return false;
  std::size_t size = info == kOneByteFollows ? 2 : 1, value = info == kOneByteFollows ? in[1] : info;
  out.kind = kKinds[major];
  std::size_t content = out.kind == CborKind::bytes || out.kind == CborKind::text ? value : 0;
  if (in.size() - size < content) return false;
  out.value = value;
  out.indefinite = false;
  out.content = in.subspan(size, content);
  out.size = size + content;
  return true;
}

}  // namespace

bool CborSource::head(CborHead& out) {
  if (!good()) return false;
  if (!short_head(in_, out)) {
    cbor_decoder_result result = cbor_stream_decode(in_.data(), in_.size(), &kCallbacks, &out);
    if (result.status != CBOR_DECODER_FINISHED) {
      fail(in_.empty() || result.status == CBOR_DECODER_NEDATA ? "ends too early" : "not well formed");
      return false;
    }
    out.size = result.read;
  }
  if (!strict_ || canonical(out)) return true;
  fail("not in canonical form");
  return false;
}

// take reads a head and stands behind it (and behind the content of a definite string); tags are passed over.
bool CborSource::take(CborHead& out) {
  for (int tags = 0; head(out); tags++) {
    in_ = in_.subspan(out.size);
    if (out.kind == CborKind::stop) fail("an end without a beginning");
    if (out.kind != CborKind::tag) return good();
    if (tags == 4) fail("too many tags");
    out = {};
  }
  return false;
}

bool CborSource::peek(CborHead& out) {
  View before = in_;
  bool read = take(out);
  in_ = before;
  return read;
}

// An item's encoding is the beginning of no other one.
bool CborSource::repeats(View item) {
  if (!good() || item.empty() || in_.size() < item.size() || !equal(in_.first(item.size()), item)) return false;
  in_ = in_.subspan(item.size());
  return true;
}

bool CborSource::null() {
  CborHead next;
  if (!peek(next) || next.kind != CborKind::null) return false;
  return take(next);
}

// ended passes over the end of a list or map of indefinite length, if it comes next.
bool CborSource::ended() {
  CborHead next;
  if (!head(next) || next.kind != CborKind::stop) return false;
  in_ = in_.subspan(next.size);
  return true;
}

void CborSource::elements(const CborHead& head, Visit<> one) {
  if (++depth_ > kMaxDepth) return fail("nested more than 32 deep");
  if (!head.indefinite && head.value > kMaxElements) return fail("more than 131072 elements");
  for (std::size_t i = 0; good() && (head.indefinite || i < head.value); i++) {
    if (head.indefinite && ended()) break;
    if (!good()) return;
    if (i == kMaxElements) return fail("more than 131072 elements");
    std::size_t before = in_.size();
    one();
    if (good() && in_.size() == before) fail("an element was not read");
  }
  depth_--;
}

// check_order: keys of a canonical map ascend in their encoded form; no map has a key twice.
void CborSource::check_order(View& before, View key) {
  auto ascends = [&] {
    if (before.size() == 1 && key.size() == 1) return before[0] < key[0];  // as almost all
    int order = std::memcmp(before.data(), key.data(), std::min(before.size(), key.size()));
    return order != 0 ? order < 0 : before.size() < key.size();
  };
  if (strict_ && !before.empty() && !ascends()) fail("map keys out of order");
  before = key;
}

void CborSource::object(Fields fields, Visit<std::size_t> member) {
  CborHead map;
  if (!take(map) || map.kind == CborKind::null) return;
  if (map.kind != CborKind::map) return fail("a map was expected");
  std::uint64_t seen = 0;
  if (fields.size() > 64) return fail("a structure of more than 64 members");
  View before;
  elements(map, [&] {
    View start = in_;
    CborHead key;
    if (!take(key)) return;
    check_order(before, start.first(start.size() - in_.size()));
    std::size_t i = field_of(fields, key);
    if (i == fields.size()) {
      if (strict_) return fail("an unknown key");
      return collection(key) || key.indefinite ? fail("a key that is neither number nor text") : skip();
    }
    if ((seen >> i & 1) != 0) return fail("key \"" + std::string(fields[i].name) + "\" stands twice");
    seen |= std::uint64_t{1} << i;
    member(i);
  });
}

void CborSource::array(Visit<> element) {
  CborHead list;
  if (!take(list) || list.kind == CborKind::null) return;
  if (list.kind != CborKind::array) return fail("a list was expected");
  std::size_t announced = list.indefinite ? 0 : std::min<std::size_t>(list.value, in_.size() / kElement + 1);
  elements(list, [&] {
    announced_ = announced;  // lists within this one set their own
    element();
  });
}

void CborSource::text_map(Visit<std::string> entry) {
  CborHead map;
  if (!take(map) || map.kind == CborKind::null) return;
  if (map.kind != CborKind::map) return fail("a map was expected");
  std::set<std::string> seen;
  View before;
  elements(map, [&] {
    View start = in_;
    std::string key = text();
    check_order(before, start.first(start.size() - in_.size()));
    if (good() && !seen.insert(key).second) return fail("a key stands twice");
    if (good()) entry(std::move(key));
  });
}

// string lends a definite string; pieces are put together in `whole`, which it lends then.
View CborSource::string(bool text, Bytes& whole) {
  CborHead head;
  if (!take(head) || head.kind == CborKind::null) return {};
  CborKind due = text ? CborKind::text : CborKind::bytes;
  if (head.kind != due) {
    fail(text ? "a text was expected" : "a byte string was expected");
    return {};
  }
  if (!head.indefinite) return head.content;
  for (CborHead part; this->head(part); part = {}) {
    in_ = in_.subspan(part.size);
    if (part.kind == CborKind::stop) return whole;
    if (part.kind != due || part.indefinite || whole.size() + part.content.size() > kMaxString) {
      fail("a string in pieces of another kind");
      break;
    }
    whole.insert(whole.end(), part.content.begin(), part.content.end());
  }
  return {};
}

std::string CborSource::text() {
  Bytes whole;
  View text = string(true, whole);
  if (!valid_utf8(as_text(text))) fail("a text that is not UTF-8");
  return good() ? std::string(as_text(text)) : std::string();
}

Bytes CborSource::bytes() {
  Bytes whole;
  View bytes = string(false, whole);
  return good() ? to_bytes(bytes) : Bytes();
}

View CborSource::lent(bool text) {
  Bytes whole;
  View string = this->string(text, whole);
  if (!whole.empty()) fail("a string in pieces");
  return good() ? string : View();
}

std::string_view CborSource::lent_text() {
  std::string_view text = as_text(lent(true));
  if (!valid_utf8(text)) fail("a text that is not UTF-8");
  return good() ? text : std::string_view();
}

View CborSource::lent_bytes() { return lent(false); }

bool CborSource::boolean() {
  CborHead head;
  if (take(head) && head.kind != CborKind::boolean) fail("true or false was expected");
  return good() && head.value != 0;
}

std::int64_t CborSource::integer(std::int64_t min, std::int64_t max) {
  CborHead head;
  if (!take(head)) return 0;
  bool number = head.kind == CborKind::uint || head.kind == CborKind::negative;
  if (!number || head.value > INT64_MAX) {
    fail("a number was expected");
    return 0;
  }
  auto value = static_cast<std::int64_t>(head.value);
  if (head.kind == CborKind::negative) value = -1 - value;
  if (value >= min && value <= max) return value;
  fail("number " + std::to_string(value) + " is out of bounds");
  return 0;
}

nlohmann::json CborSource::free() {
  View value = raw();  // bounds the depth
  if (!good()) return {};
  auto tags = nlohmann::json::cbor_tag_handler_t::ignore;
  nlohmann::json tree = nlohmann::json::from_cbor(value.begin(), value.end(), true, false, tags);
  if (!tree.is_discarded()) return tree;
  fail("a value that cannot be shown");
  return {};
}

View CborSource::read_canonical(Visit<CborSource&> read) {
  if (!good()) return {};
  CborSource inner(in_, true);
  read(inner);
  if (!inner.good()) fail(inner.why_);
  if (!good()) return {};
  View whole = in_.first(in_.size() - inner.in_.size());
  in_ = inner.in_;
  return whole;
}

View CborSource::raw() {
  View before = in_;
  skip(depth_);
  return good() ? before.first(before.size() - in_.size()) : View();
}

void CborSource::skip(int depth) {
  CborHead head;
  if (depth > kMaxDepth) return fail("nested more than 32 deep");
  if (!take(head)) return;
  if (head.kind == CborKind::text && !valid_utf8(as_text(head.content))) return fail("a text that is not UTF-8");
  if (!collection(head) && !head.indefinite) return;
  if (head.kind == CborKind::null) return;
  View before;
  for (std::uint64_t i = 0; good() && (head.indefinite || i < head.value); i++) {
    if (head.indefinite && ended()) return;
    View start = in_;
    skip(depth + 1);
    if (head.kind != CborKind::map || !good()) continue;
    check_order(before, start.first(start.size() - in_.size()));
    skip(depth + 1);
  }
}

void CborSource::fail(std::string_view why) {
  if (why_.empty()) why_ = why;
}

Status CborSource::done(std::string_view what) {
  if (!good()) return Error{Errc::malformed, std::string(what) + ": " + why_};
  if (!in_.empty())
    return Error{Errc::malformed, std::string(what) + ": " + std::to_string(in_.size()) + " trailing bytes"};
  return ok();
}

}  // namespace attest::cmc
