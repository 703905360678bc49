// ima_list.h: the kernel's list of measured files (IMA, binary_runtime_measurements).
#pragma once
#include <optional>

#include "evidence/logs/measured_log.h"

namespace attest {

inline constexpr std::size_t kMaxImaList = 1U << 30;     // bytes
inline constexpr std::size_t kMaxImaData = 1 << 20;      // bytes of one entry's template data
inline constexpr std::size_t kMaxImaTemplateName = 255;  // bytes

// ImaEntry is one entry; its views lend from the buffer the list was parsed from.
struct ImaEntry {
  std::uint32_t pcr = 0;           // below 24
  View template_hash;              // SHA-1 as stored (or the list's own hash); all zeros for a violation
  std::string_view template_name;  // "ima-ng"
  View data;  // template data, all fields; for template "ima" digest[20], u32 length, name
  // violation: the file was open for writing while it was measured; the PCR was extended with 0xff bytes.
  bool violation() const {
    return std::ranges::all_of(template_hash, [](std::uint8_t b) { return b == 0; });
  }
};

// Stray says what becomes of an incomplete head (fewer than 24 bytes) behind the last entry.
enum class Stray : std::uint8_t { refuse, report };

struct ImaList {
  std::vector<ImaEntry> entries;
  std::size_t stray_bytes = 0;  // behind the last entry; only with Stray::report
};

// parse_ima_list reads a whole list, or what was appended since an earlier read that ended between two
// entries. malformed for truncated entries, a PCR above 23, and lengths out of bounds.
// hash_size: 20, but for the lists that kernels since 6.11 keep for each bank (binary_runtime_measurements_sha256).
Result<ImaList> parse_ima_list(View bytes, Stray stray = Stray::refuse, std::size_t hash_size = 20);

// ima_template_hash is the hash of template data as the kernel computes it; template "ima" is padded to 276
// bytes. malformed if data of template "ima" has not its form, io if OpenSSL fails.
Result<Digest> ima_template_hash(Hasher& hasher, std::string_view template_name, View data);

// ima_extend_digest is what an entry extended in the bank of `hasher`: 0xff bytes for a violation, the stored
// hash in the sha1 bank, else as `mode` says. On the attester's side, where the kernel's list is believed.
Result<Digest> ima_extend_digest(Hasher& hasher, const ImaEntry& entry,
                                 ImaExtend mode = ImaExtend::template_data);

// padded_sha1 is a SHA-1 value at the length of a bank's digest, zeros behind it.
Digest padded_sha1(HashAlg bank, View sha1);

// ima_measured_event is the entry as it is replayed and as it travels.
Result<MeasuredEvent> ima_measured_event(Hasher& hasher, const ImaEntry& entry,
                                         ImaExtend mode = ImaExtend::template_data);

// ImaHint is what an entry says about itself.
struct ImaHint {
  std::string name;        // file or buffer name; control and non-ASCII bytes as \xNN
  std::string digest_alg;  // "sha256", as the kernel names it
  View digest;             // of the file
};
// ima_hint reads the first two fields of templates that begin with a digest and a name, whether known by name
// or by format string ("d-ng|n-ng|…"); empty parts where they cannot be read.
ImaHint ima_hint(std::string_view template_name, View data);

// ima_fields splits template data into its fields (u32 length and bytes each); for template "ima" digest and
// name. malformed if it does not split.
Result<std::vector<View>> ima_fields(std::string_view template_name, View data);

}  // namespace attest
