// ascii.h: the list as text (ascii_runtime_measurements), turned into the list as bytes.
#pragma once
#include "evidence/core/bytes.h"

namespace attest::ima {

// ImaBinary is the same list in the kernel's binary form.
struct ImaBinary {
  Bytes bytes;
  std::size_t hash_size = 20;  // of the template hashes
};

// looks_like_ascii: the first line begins with a PCR and a hash.
bool looks_like_ascii(View bytes);

// binary_of_ascii reads every line: PCR, template hash, template name, fields. Names may hold blanks. malformed
// for lines without this form, unknown templates, and hashes of different lengths. No more than three times the
// text's size is allocated.
Result<ImaBinary> binary_of_ascii(View text);

}  // namespace attest::ima
