// codec.h: one description of CMC's structures for both of their serialisations, JSON and CBOR.
#pragma once
#include <algorithm>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "evidence/cbor/cbor.h"
#include "evidence/json/reader.h"
#include "evidence/json/writer.h"

namespace attest::cmc {

// Encoding of a report, a result or an API payload.
enum class Encoding : std::uint8_t { json, cbor };

// Field is one member of a structure: its name in JSON and its key in CBOR. kTextKey: the name is the key there too.
struct Field {
  static constexpr int kTextKey = -1;
  static constexpr int kJsonOnly = -2;  // CMC gave its number to two members, so neither stands in CBOR
  std::string_view name;
  int key;
};
using Fields = std::span<const Field>;

// Visit lends a function to be called while whoever lends it waits: no copy, no allocation.
template <class... Args>
class Visit {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Visit>)
  Visit(F&& f) : what_(std::addressof(f)), how_([](const void* what, Args... args) {
    (*static_cast<std::remove_reference_t<F>*>(const_cast<void*>(what)))(std::forward<Args>(args)...);
  }) {}
  void operator()(Args... args) const { how_(what_, std::forward<Args>(args)...); }

 private:
  const void* what_;
  void (*how_)(const void*, Args...);
};

// Source reads one value after the other, as JsonReader does: it fails once and for ever, then yields empty values.
// Unknown members are passed over, null counts as absent where a list, map or structure is due.
class Source {
 public:
  static constexpr std::size_t kMaxElements = 131072;
  virtual ~Source() = default;
  // object calls member with the index in fields of every known member; it reads exactly one value.
  virtual void object(Fields fields, Visit<std::size_t> member) = 0;
  virtual void array(Visit<> element) = 0;
  // announced: within array, how many elements the list says it has, as far as its bytes can bear that out; 0: it does not say.
  virtual std::size_t announced() const { return 0; }
  // text_map: a map with texts as keys in both serialisations.
  virtual void text_map(Visit<std::string> entry) = 0;
  virtual std::string text() = 0;
  // bytes: base64 with padding in JSON. hex: hexadecimal digits in JSON. Byte strings in CBOR.
  virtual Bytes bytes() = 0;
  virtual Bytes hex() = 0;
  virtual bool boolean() = 0;
  virtual std::int64_t integer(std::int64_t min, std::int64_t max) = 0;
  // free reads any value of at most 32 levels into a tree: for the few members whose form is the user's own.
  virtual nlohmann::json free() = 0;
  virtual bool null() = 0;
  virtual void skip() = 0;
  // raw lends the bytes of the next value whole.
  virtual View raw() = 0;
  // rest lends what was not read yet, where the serialisation has one way to say where a value ends; nothing elsewhere.
  // repeats passes over the next value if it is, byte for byte, this one that was read in the same place before.
  virtual View rest() const { return {}; }
  virtual bool repeats(View) { return false; }
  virtual void fail(std::string_view why) = 0;
  virtual bool good() const = 0;
  virtual Status done(std::string_view what) = 0;
};

class JsonSource final : public Source {
 public:
  explicit JsonSource(std::string_view text) : json_(text) {}
  void object(Fields fields, Visit<std::size_t> member) override;
  void array(Visit<> element) override;
  void text_map(Visit<std::string> entry) override;
  std::string text() override;
  Bytes bytes() override;
  Bytes hex() override;
  bool boolean() override { return json_.boolean(); }
  std::int64_t integer(std::int64_t min, std::int64_t max) override { return json_.integer(min, max); }
  nlohmann::json free() override;
  bool null() override { return json_.null(); }
  void skip() override { json_.skip(); }
  View raw() override { return as_view(json_.raw()); }
  void fail(std::string_view why) override { json_.fail(why); }
  bool good() const override { return json_.good(); }
  Status done(std::string_view what) override { return json_.done(what); }

 private:
  JsonReader json_;
};

struct CborHead;  // one decoded item head

// CborSource reads CBOR. strict: only CTAP2 canonical form without unknown keys, whose bytes can be hashed as they came;
// otherwise any order, indefinite lengths and longer heads than needed are taken, duplicate keys are not.
class CborSource final : public Source {
 public:
  CborSource(View in, bool strict) : in_(in), strict_(strict) {}
  void object(Fields fields, Visit<std::size_t> member) override;
  void array(Visit<> element) override;
  std::size_t announced() const override { return announced_; }
  void text_map(Visit<std::string> entry) override;
  std::string text() override;
  Bytes bytes() override;
  // lent_text and lent_bytes lend what text and bytes copy; a string in pieces cannot be lent.
  std::string_view lent_text();
  View lent_bytes();
  Bytes hex() override { return bytes(); }
  bool boolean() override;
  std::int64_t integer(std::int64_t min, std::int64_t max) override;
  nlohmann::json free() override;
  bool null() override;
  void skip() override { raw(); }
  View raw() override;
  View rest() const override { return in_; }
  bool repeats(View item) override;
  // read_canonical lends the next value whole, which read reads as strictly as can be: one pass for what is read and hashed.
  View read_canonical(Visit<CborSource&> read);
  void fail(std::string_view why) override;
  bool good() const override { return why_.empty(); }
  Status done(std::string_view what) override;

 private:
  bool head(CborHead& out);
  bool peek(CborHead& out);
  bool take(CborHead& out);
  View string(bool text, Bytes& whole);
  View lent(bool text);
  bool ended();
  // elements calls one for every element of the list or pair of the map whose head was taken.
  void elements(const CborHead& head, Visit<> one);
  void check_order(View& before, View key);
  void skip(int depth);
  View in_;
  bool strict_;
  int depth_ = 0;
  std::size_t announced_ = 0;
  std::string why_;
};

// Sink writes one value after the other. Members may come in any order: CBOR maps are put into canonical order.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void object() = 0;
  virtual void end_object() = 0;
  virtual void array() = 0;
  virtual void end_array() = 0;
  virtual void key(const Field& field) = 0;
  virtual void text_key(std::string_view key) = 0;
  virtual void text(std::string_view value) = 0;
  virtual void bytes(View value) = 0;
  virtual void hex(View value) = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void null() = 0;
  virtual void free(const nlohmann::json& value) = 0;
  // raw appends a value that is encoded already.
  virtual void raw(View value) = 0;
  virtual Bytes finish() = 0;
  virtual Encoding encoding() const = 0;
};

// JsonSink writes as CMC does: compact, <, > and & escaped.
class JsonSink final : public Sink {
 public:
  void object() override { json_.object(); }
  void end_object() override { json_.end_object(); }
  void array() override { json_.array(); }
  void end_array() override { json_.end_array(); }
  void key(const Field& field) override { json_.key(field.name); }
  void text_key(std::string_view key) override { json_.key(key); }
  void text(std::string_view value) override;
  void bytes(View value) override;
  void hex(View value) override;
  void boolean(bool value) override { json_.boolean(value); }
  void integer(std::int64_t value) override { json_.number(value); }
  void null() override { json_.null(); }
  void free(const nlohmann::json& value) override;
  void raw(View value) override { json_.raw(as_text(value)); }
  Bytes finish() override { return to_bytes(as_view(json_.so_far())); }
  Encoding encoding() const override { return Encoding::json; }

 private:
  JsonWriter json_;
};

class CborSink final : public Sink {
 public:
  void object() override { open(true); }
  void end_object() override { close(); }
  void array() override { open(false); }
  void end_array() override { close(); }
  void key(const Field& field) override;
  void text_key(std::string_view key) override;
  void text(std::string_view value) override;
  void bytes(View value) override;
  void hex(View value) override { bytes(value); }
  void boolean(bool value) override;
  void integer(std::int64_t value) override;
  void null() override;
  void free(const nlohmann::json& value) override;
  void raw(View value) override;
  Bytes finish() override { return std::move(out_).finish(); }
  Encoding encoding() const override { return Encoding::cbor; }

 private:
  // Open is a map or list that is being written: one byte is left for its head, which is known when its count is.
  struct Open {
    bool map;
    std::size_t begin;       // of the head
    std::size_t count = 0;   // elements, or pairs
    std::size_t first_pair;  // of this map, in pairs_
  };
  struct Pair {
    std::size_t key, value;  // where they begin in the output
  };
  void open(bool map);
  void close();
  void begin_key();
  void begin_value();
  void order(const Open& map);
  cbor::Writer out_;
  std::vector<Open> open_;
  std::vector<Pair> pairs_;  // of all open maps, outermost first
};

// write_text writes a member that is always there, write_some one that is left out when empty. What stands in JSON alone
// is left out of CBOR.
void write_text(Sink& out, const Field& field, std::string_view value);
void write_some(Sink& out, const Field& field, std::string_view value);

// write_list writes a member that is a list, and nothing where it is empty.
template <class List, class F>
void write_list(Sink& out, const Field& field, const List& list, F&& write) {
  if (list.empty()) return;
  out.key(field);
  out.array();
  for (const auto& element : list) write(element);
  out.end_array();
}
inline void write_texts(Sink& out, const Field& field, const std::vector<std::string>& values) {
  write_list(out, field, values, [&](const std::string& value) { out.text(value); });
}

// read_list appends at most max elements, which an error calls `what`; read fills in each.
template <class T, class F>
void read_list(Source& in, std::vector<T>& out, std::size_t max, std::string_view what, F&& read) {
  in.array([&] {
    if (out.empty()) out.reserve(std::min(in.announced(), max));
    if (out.size() == max) return in.fail("a list of more than " + std::to_string(max) + " " + std::string(what));
    read(out.emplace_back());
  });
}

std::unique_ptr<Sink> make_sink(Encoding encoding);
// encoding_of says how bytes are serialised, by their first byte; malformed for anything else than a JSON or CBOR
// structure.
Result<Encoding> encoding_of(View bytes);

}  // namespace attest::cmc
