#include "evidence/cbor/cbor.h"

#include <cbor.h>

namespace attest::cbor {
namespace {

constexpr int kMaxDepth = 16;

}  // namespace

std::size_t head_size(std::uint64_t v) {
  if (v < 24) return 1;
  if (v <= 0xff) return 2;
  if (v <= 0xffff) return 3;
  return v <= 0xffffffff ? 5 : 9;
}

// Head is one decoded item head; for texts and byte strings the content stays in the input.
struct Reader::Head {
  Type type = Type::null;
  std::uint64_t value = 0;   // integer, length, or count
  View content;              // bytes and text
  std::size_t head_size = 0;
  std::size_t size = 0;      // head and content
  bool refused = false;
};

namespace {

struct Sink {
  Type type = Type::null;
  std::uint64_t value = 0;
  View content;
  bool refused = true;
};

void set(void* context, Type type, std::uint64_t value) {
  auto* sink = static_cast<Sink*>(context);
  sink->type = type;
  sink->value = value;
  sink->refused = false;
}

template <class T>
void on_uint(void* c, T v) {
  set(c, Type::uint, v);
}
template <class T>
void on_negative(void* c, T v) {
  set(c, Type::negative, v);
}
template <class Size>
void on_bytes(void* c, cbor_data data, Size n) {
  set(c, Type::bytes, n);
  static_cast<Sink*>(c)->content = View(data, n);
}
template <class Size>
void on_text(void* c, cbor_data data, Size n) {
  set(c, Type::text, n);
  static_cast<Sink*>(c)->content = View(data, n);
}
template <class Size>
void on_array(void* c, Size n) {
  set(c, Type::array, n);
}
template <class Size>
void on_map(void* c, Size n) {
  set(c, Type::map, n);
}

// The length type of libcbor's string and collection callbacks differs between its versions; these templates take
// whichever it is. Everything not named here stays refused: tags, floats, indefinite lengths, undefined.
cbor_callbacks make_callbacks() {
  cbor_callbacks c = cbor_empty_callbacks;
  c.uint8 = on_uint;
  c.uint16 = on_uint;
  c.uint32 = on_uint;
  c.uint64 = on_uint;
  c.negint8 = on_negative;
  c.negint16 = on_negative;
  c.negint32 = on_negative;
  c.negint64 = on_negative;
  c.byte_string = on_bytes;
  c.string = on_text;
  c.array_start = on_array;
  c.map_start = on_map;
  c.boolean = [](void* context, bool v) { set(context, Type::boolean, v ? 1 : 0); };
  c.null = [](void* context) { set(context, Type::null, 0); };
  return c;
}

}  // namespace

bool Reader::head(Head& out) {
  static const cbor_callbacks callbacks = make_callbacks();
  if (!good()) return false;
  Sink sink;
  cbor_decoder_result result = cbor_stream_decode(in_.data(), in_.size(), &callbacks, &sink);
  if (result.status != CBOR_DECODER_FINISHED) {
    fail(in_.empty() || result.status == CBOR_DECODER_NEDATA ? "truncated" : "not well formed");
    return false;
  }
  if (sink.refused) {
    fail("an item of a kind that has no place here (tag, float, indefinite length)");
    return false;
  }
  out.type = sink.type;
  out.value = sink.value;
  out.content = sink.content;
  out.size = result.read;
  out.head_size = result.read - sink.content.size();
  bool simple = sink.type == Type::boolean || sink.type == Type::null;
  if (!simple && out.head_size != head_size(out.value)) {
    fail("a length or number that is not in its shortest form");
    return false;
  }
  return true;
}

void Reader::fail(std::string_view why) {
  if (why_.empty()) why_ = why.empty() ? "refused" : std::string(why);
  in_ = {};
}

std::uint64_t Reader::uint(std::uint64_t max) {
  Head h;
  if (!head(h)) return 0;
  if (h.type != Type::uint) fail("expected an unsigned integer");
  if (good() && h.value > max) fail("integer " + std::to_string(h.value) + " above " + std::to_string(max));
  if (!good()) return 0;
  in_ = in_.subspan(h.size);
  return h.value;
}

bool Reader::boolean() {
  Head h;
  if (!head(h)) return false;
  if (h.type != Type::boolean) fail("expected a boolean");
  if (!good()) return false;
  in_ = in_.subspan(h.size);
  return h.value == 1;
}

View Reader::bytes(std::size_t max, std::size_t min) {
  Head h;
  if (!head(h)) return {};
  if (h.type != Type::bytes) fail("expected a byte string");
  if (good() && (h.content.size() > max || h.content.size() < min))
    fail("byte string of " + std::to_string(h.content.size()) + " bytes, allowed are " + std::to_string(min) + " to " + std::to_string(max));
  if (!good()) return {};
  in_ = in_.subspan(h.size);
  return h.content;
}

std::string_view Reader::text(std::size_t max) {
  Head h;
  if (!head(h)) return {};
  if (h.type != Type::text) fail("expected a text");
  if (good() && h.content.size() > max) fail("text of " + std::to_string(h.content.size()) + " bytes, at most " + std::to_string(max));
  if (!good()) return {};
  in_ = in_.subspan(h.size);
  return as_text(h.content);
}

std::size_t Reader::array(std::size_t max) {
  Head h;
  if (!head(h)) return 0;
  if (h.type != Type::array) fail("expected an array");
  if (good() && h.value > max) fail("array of " + std::to_string(h.value) + " elements, at most " + std::to_string(max));
  if (!good()) return 0;
  in_ = in_.subspan(h.size);
  return h.value;
}

std::size_t Reader::map(std::size_t max) {
  Head h;
  if (!head(h)) return 0;
  if (h.type != Type::map) fail("expected a map");
  if (good() && h.value > max) fail("map of " + std::to_string(h.value) + " pairs, at most " + std::to_string(max));
  if (!good()) return 0;
  in_ = in_.subspan(h.size);
  return h.value;
}

std::int64_t Reader::key(std::int64_t previous) {
  auto k = static_cast<std::int64_t>(uint(0xffff));
  if (good() && k <= previous) fail("map key " + std::to_string(k) + " after " + std::to_string(previous));
  return good() ? k : -1;
}

Type Reader::peek() const {
  Reader copy = *this;
  Head h;
  return copy.head(h) ? h.type : Type::null;
}

View Reader::raw() {
  View before = in_;
  if (!skip(0)) return {};
  return before.first(before.size() - in_.size());
}

bool Reader::skip(int depth) {
  Head h;
  if (depth > kMaxDepth) fail("nested deeper than 16");
  if (!head(h)) return false;
  in_ = in_.subspan(h.size);
  if (h.type != Type::array && h.type != Type::map) return true;
  // Each element takes a byte at least, so a count beyond the rest fails before it is walked.
  std::uint64_t elements = h.value;
  if (elements > in_.size()) fail("more elements than bytes");
  if (h.type == Type::map) elements *= 2;
  for (std::uint64_t i = 0; i < elements; i++)
    if (!skip(depth + 1)) return false;
  return good();
}

Status Reader::done(std::string_view what) const {
  if (!good()) return Error{Errc::malformed, std::string(what) + ": " + why_};
  if (!in_.empty())
    return Error{Errc::malformed, std::string(what) + ": " + std::to_string(in_.size()) + " trailing bytes"};
  return ok();
}

void Writer::head(unsigned major, std::uint64_t v) {
  auto first = static_cast<std::uint8_t>(major << 5);
  if (v < 24) {
    out_.push_back(static_cast<std::uint8_t>(first | v));
    return;
  }
  std::size_t n = head_size(v) - 1;
  std::uint8_t info = n == 1 ? 24 : n == 2 ? 25 : n == 4 ? 26 : 27;
  out_.push_back(static_cast<std::uint8_t>(first | info));
  for (std::size_t i = n; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
}

}  // namespace attest::cbor
