#include "evidence/json/reader.h"

#include <charconv>

#include "evidence/core/printable.h"
#include "evidence/json/utf8.h"

namespace attest {
namespace {

constexpr std::size_t kFewNames = 16;

// plain: a character a string may hold as it is, in one byte.
constexpr auto kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x80; c++) table[c] = c != '"' && c != '\\';
  return table;
}();

// eight_plain: all eight characters are plain.
bool eight_plain(const char* text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kHigh = 0x8080808080808080U;
  std::uint64_t v = 0;
  std::memcpy(&v, text, sizeof v);
  auto some = [&](std::uint64_t zero_where_equal) { return (zero_where_equal - kOnes) & ~zero_where_equal; };
  return ((v | (v - 0x20 * kOnes) | some(v ^ '"' * kOnes) | some(v ^ '\\' * kOnes)) & kHigh) == 0;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

void put_utf8(std::string& out, std::uint32_t c) {
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

}  // namespace

void JsonReader::fail(std::string_view what) {
  if (error_) return;
  error_ = what;
  error_at_ = at_;
}

void JsonReader::in_context(std::string_view where) {
  if (error_) error_ = std::string(where) + ": " + *error_;
}

Status JsonReader::done(std::string_view what) {
  space();
  if (good() && values_ == 0) fail("empty");
  if (good() && at_ != in_.size()) fail(std::to_string(in_.size() - at_) + " trailing bytes");
  if (good()) return ok();
  return Error{Errc::malformed,
               std::string(what) + ": " + *error_ + " (at byte " + std::to_string(error_at_) + ")"};
}

void JsonReader::space() {
  while (at_ < in_.size() && (in_[at_] == ' ' || in_[at_] == '\n' || in_[at_] == '\r' || in_[at_] == '\t'))
    at_++;
}

JsonReader::Kind JsonReader::kind() {
  space();
  if (!good() || at_ >= in_.size()) return Kind::none;
  switch (in_[at_]) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      return digit(in_[at_]) || in_[at_] == '-' ? Kind::number : Kind::none;
  }
}

bool JsonReader::literal(std::string_view word) {
  if (at_ >= in_.size() || in_[at_] != word[0]) return false;  // most words are of one character
  if (word.size() > 1 && in_.substr(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

void JsonReader::begin_value() {
  space();
  values_++;
}

bool JsonReader::open(char opening, char closing) {
  if (!good()) return false;
  begin_value();
  if (!literal({&opening, 1})) {
    fail(opening == '{' ? "an object was expected" : "a list was expected");
    return false;
  }
  if (frames_.size() >= kMaxDepth) {
    fail("nested more than " + std::to_string(kMaxDepth) + " deep");
    return false;
  }
  space();
  if (literal({&closing, 1})) return false;
  frames_.push_back({names_.size(), {}});
  return true;
}

// next: after one member or element, is there another? Closes the frame if not.
bool JsonReader::next(char closing) {
  space();
  if (good() && literal(",")) return true;
  if (good() && !literal({&closing, 1})) fail(at_ >= in_.size() ? "ends too early" : "comma or end expected");
  if (good()) {
    names_.resize(frames_.back().first_name);
    frames_.pop_back();
  }
  return false;
}

std::string_view JsonReader::begin_member() {
  space();
  std::string unescaped;
  std::string_view name = string(unescaped);
  if (!good()) return {};
  if (name.data() == unescaped.data()) name = escaped_names_.emplace_back(std::move(unescaped));
  note_name(name);
  space();
  if (good() && !literal(":")) fail("colon expected");
  return name;
}

void JsonReader::note_name(std::string_view name) {
  Frame& frame = frames_.back();
  std::size_t count = names_.size() - frame.first_name;
  bool twice = false;
  if (count < kFewNames) {
    for (std::size_t i = frame.first_name; i < names_.size(); i++) twice = twice || names_[i] == name;
  } else {
    if (frame.many.empty())
      frame.many.insert(names_.end() - static_cast<std::ptrdiff_t>(count), names_.end());
    twice = !frame.many.insert(name).second;
    if (count >= kMaxMembers) fail("an object with more than " + std::to_string(kMaxMembers) + " members");
  }
  names_.push_back(name);
  if (twice) fail("member \"" + printable(name) + "\" stands twice");
}

std::string_view JsonReader::text() {
  if (!good()) return {};
  begin_value();
  return string(unescaped_);
}

// string reads a literal. Without escapes the view is into the input, else into `unescaped`.
std::string_view JsonReader::string(std::string& unescaped) {
  if (!literal("\"")) {
    fail("a string was expected");
    return {};
  }
  unescaped.clear();
  bool escapes = false;
  std::size_t from = at_;
  while (good()) {
    std::size_t at = at_;  // kept in a register: most of a text is passed here
    while (at + 8 <= in_.size() && eight_plain(in_.data() + at)) at += 8;
    while (at < in_.size() && kPlain[static_cast<unsigned char>(in_[at])]) at++;
    at_ = at;
    char c = at_ < in_.size() ? in_[at_] : '\0';
    if (c == '"') {
      std::string_view last = in_.substr(from, at_++ - from);
      if (!escapes) return last;
      return unescaped.append(last);
    }
    if (c == '\\') {
      escapes = true;
      unescaped.append(in_.substr(from, at_ - from));
      escape(unescaped);
      from = at_;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      utf8();
    } else {
      fail(at_ >= in_.size() ? "ends too early" : "control character in a string");
    }
  }
  return {};
}

void JsonReader::escape(std::string& out) {
  constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
  char c = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
  at_ = std::min(at_ + 2, in_.size());
  if (std::size_t i = names.find(c); i != names.npos) {
    out += values[i];
    return;
  }
  if (c != 'u') return fail("unknown escape in a string");
  std::uint32_t code = hex4();
  if (code >= 0xd800 && code < 0xdc00) {
    std::uint32_t low = literal("\\u") ? hex4() : 0;
    if (low < 0xdc00 || low > 0xdfff) return fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code <= 0xdfff) {
    return fail("half a surrogate pair");
  }
  put_utf8(out, code);
}

std::uint32_t JsonReader::hex4() {
  std::uint32_t value = 0;
  std::string_view digits = in_.substr(std::min(at_, in_.size()), 4);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) fail("bad \\u escape");
  at_ += digits.size();
  return value;
}

// utf8 passes over one well-formed sequence of two to four bytes.
void JsonReader::utf8() {
  std::size_t size = utf8_size(in_.substr(at_));
  if (size == 0) return fail("not UTF-8");
  at_ += size;
}

bool JsonReader::boolean() {
  if (!good()) return false;
  begin_value();
  if (literal("true")) return true;
  if (!literal("false")) fail("true or false was expected");
  return false;
}

bool JsonReader::null() {
  if (kind() != Kind::null) return false;
  begin_value();
  if (!literal("null")) fail("null was expected");
  return good();
}

// number passes over a number and lends its text.
std::string_view JsonReader::number() {
  std::size_t from = at_;
  auto digits = [&] {
    std::size_t first = at_;
    while (at_ < in_.size() && digit(in_[at_])) at_++;
    if (at_ == first) fail("a digit was expected");
  };
  literal("-");
  if (!literal("0")) digits();
  if (literal(".")) digits();
  if (literal("e") || literal("E")) {
    if (!literal("+")) literal("-");
    digits();
  }
  return in_.substr(from, at_ - from);
}

std::int64_t JsonReader::integer(std::int64_t min, std::int64_t max) {
  if (!good()) return 0;
  begin_value();
  std::int64_t value = 0;
  std::string_view text = number();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  if (good() && whole && value >= min && value <= max) return value;
  fail("a whole number from " + std::to_string(min) + " to " + std::to_string(max) + " was expected");
  return 0;
}

void JsonReader::skip() {
  switch (kind()) {
    case Kind::object:
      return object([this](std::string_view) { skip(); });
    case Kind::array:
      return array([this] { skip(); });
    case Kind::string:
      return void(text());
    case Kind::boolean:
      return void(boolean());
    case Kind::null:
      return void(null());
    case Kind::number:
      begin_value();
      return void(number());
    case Kind::none:
      return fail(at_ >= in_.size() ? "ends too early" : "a value was expected");
  }
}

std::string_view JsonReader::raw() {
  space();
  std::size_t from = at_;
  skip();
  return good() ? in_.substr(from, at_ - from) : std::string_view{};
}

}  // namespace attest
