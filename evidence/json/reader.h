// reader.h: the only way untrusted JSON is read: a pull reader that fails sticky, like Reader for bytes.
#pragma once
#include <deque>
#include <optional>
#include <set>

#include "evidence/core/bytes.h"

namespace attest {

// JsonReader walks RFC 8259 JSON strictly: UTF-8, no duplicate member names, no comments, bounded nesting.
// After the first failure every read yields an empty value and every loop ends; nothing may leave a parser
// before done() says so. Strings are lent: into the input where they hold no escapes, else into the reader;
// the value of text() is valid until the next text(), member names while their member is read.
//
//   JsonReader json(text);
//   json.object([&](std::string_view key) {
//     if (key == "name") name = json.text(); else json.skip();
//   });
//   CHECK_OK(json.done("manifest"));
class JsonReader {
 public:
  static constexpr std::size_t kMaxDepth = 64;
  static constexpr std::size_t kMaxMembers = 65536;  // of one object

  explicit JsonReader(std::string_view text) : in_(text) {}
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  enum class Kind { null, boolean, number, string, array, object, none };
  // kind of the value that comes next; none where there is none.
  Kind kind();

  // object and array call their argument for every member or element; it reads exactly one value.
  template <class F>
  void object(F&& member) {
    if (!open('{', '}')) return;
    do {
      std::string_view name = begin_member();
      std::size_t before = values_;
      if (good()) member(name);
      if (good() && values_ == before) fail("a member was not read");
    } while (next('}'));
  }
  template <class F>
  void array(F&& element) {
    if (!open('[', ']')) return;
    do {
      std::size_t before = values_;
      element();
      if (good() && values_ == before) fail("an element was not read");
    } while (next(']'));
  }
  std::string_view text();
  bool boolean();
  // integer takes whole numbers from min to max alone: no fraction, no exponent.
  std::int64_t integer(std::int64_t min, std::int64_t max);
  // null reads a null if one comes next; members that are null count as absent where a format says so.
  bool null();
  // skip reads any one value.
  void skip();
  // raw reads any one value and lends its text as it stands in the input: what a signature over a member covers.
  std::string_view raw();

  // fail records what is wrong with the value just read; the first failure stays.
  void fail(std::string_view what);
  // in_context puts "where: " before a recorded failure, innermost first; without one it does nothing.
  void in_context(std::string_view where);
  bool good() const { return !error_; }
  // done: one whole value was read, well formed, and nothing but white space is left.
  Status done(std::string_view what);

 private:
  // Frame is one open object or array: which member names it has had.
  struct Frame {
    std::size_t first_name;           // in names_
    std::set<std::string_view> many;  // used beyond a few names; a tree, since names are hostile
  };
  bool open(char opening, char closing);
  bool next(char closing);
  std::string_view begin_member();
  void note_name(std::string_view name);
  void space();
  bool literal(std::string_view word);
  std::string_view string(std::string& unescaped);
  void escape(std::string& out);
  std::uint32_t hex4();
  void utf8();
  std::string_view number();
  void begin_value();

  std::string_view in_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;  // values read or opened so far
  std::optional<std::string> error_;
  std::size_t error_at_ = 0;
  std::vector<Frame> frames_;
  std::vector<std::string_view> names_;  // of all open objects
  std::deque<std::string> escaped_names_;
  std::string unescaped_;
};

}  // namespace attest
