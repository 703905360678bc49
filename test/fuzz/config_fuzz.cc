#include <functional>

#include "evidence/json/config.h"

namespace {

// visit asks for every key the way its kind wants, and for one that is not there.
void visit(const attest::Object& object) {
  for (const std::string& key : object.keys()) {
    if (object.is_string(key))
      (void)object.string(key);
    else if (object.has(key))
      (void)object.integer(key, INT64_MIN, INT64_MAX, 0);
    if (auto inner = object.object(key)) visit(*inner);
    for (const attest::Object& inner : object.objects(key)) visit(inner);
    (void)object.strings(key);
  }
  (void)object.choice("mode", {"a", "b"}, "a");
}

}  // namespace

// What parses can be walked, and an error is one line of printable ASCII that begins with the file's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = attest::parse_config(attest::as_text({data, size}), "f");
  attest::Status status = attest::ok();
  if (file) {
    visit(file->root());
    status = file->finish();
  }
  if (file && status) return 0;
  const std::string& what = file ? status.error().what : file.error().what;
  if (!what.starts_with("f:")) __builtin_trap();
  for (char c : what)
    if (c < 0x20 || c > 0x7e) __builtin_trap();
  return 0;
}
