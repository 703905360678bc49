// decoder.cc: from the PEM file of a key reference, or of a TSS2 key, to a key, in OpenSSL's two steps: PEM to
// DER, DER to a key of each type. A decoder is asked about every file a program opens: what is not ours is passed over without
// an error.
#include <openssl/core_names.h>
#include <openssl/core_object.h>

#include <algorithm>
#include <optional>

#include "evidence/tpm/tss2_key.h"
#include "provider/keys/tables.h"

namespace attest {
namespace {

constexpr std::size_t kMaxPem = 8192;  // a TSS2 key file of 4096 bytes has 5600 in PEM
constexpr std::size_t kMaxDer = std::max(kMaxKeyReference, kMaxTss2Key);
constexpr std::string_view kLabels[] = {kKeyReferenceLabel, kTss2KeyLabel};

struct Decoding {
  const ModuleContext& module;
};

OSSL_FUNC_decoder_newctx_fn decoding_new;
OSSL_FUNC_decoder_freectx_fn decoding_free;
OSSL_FUNC_decoder_does_selection_fn does_selection;
OSSL_FUNC_decoder_decode_fn decode_pem, decode_ec, decode_rsa;

void* decoding_new(void* provctx) {
  const ModuleContext& module = module_context(provctx);
  return at_edge<void*>(module.errors, nullptr, [&] { return new Decoding{module}; });
}

void decoding_free(void* context) { delete static_cast<Decoding*>(context); }

// A reference stands for a private key; who wants a public key only, reads the certificate.
int does_selection(void*, int selection) {
  return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

constexpr std::string_view kBegin = "-----BEGIN ";

bool begins(std::string_view block, std::string_view label) {
  if (!block.starts_with(kBegin)) return false;
  block.remove_prefix(kBegin.size());
  return block.starts_with(label) && block.substr(label.size()).starts_with("-----");
}
bool is_ours(std::string_view block) {
  return std::ranges::any_of(kLabels, [&](std::string_view label) { return begins(block, label); });
}

// next_pem reads to the end of the next PEM block, as PEM_read_bio would, and leaves the rest of the file
// unread: a certificate may follow. nullopt at the end of the file; only a block of ours is kept, of any
// other the BEGIN line.
std::optional<std::string> next_pem(const CoreBio& core, OSSL_CORE_BIO* file) {
  std::string block;
  char line[256];
  for (int n; (n = core.gets(file, line, sizeof line)) > 0;) {
    std::string_view text(line, static_cast<std::size_t>(n));
    if (block.empty() && !text.starts_with(kBegin)) continue;
    if (block.empty() || is_ours(block)) block += text;
    if (text.starts_with("-----END ") || block.size() > kMaxPem) return block;
  }
  if (block.empty()) return std::nullopt;
  return block;
}

Result<Bytes> checked_der(const ModuleContext& module, std::string_view pem) {
  if (begins(pem, kTss2KeyLabel)) {
    auto der = tss2_key_der(pem);
    if (!der) return Error{der.error().code, "key.reference: " + der.error().what};
    TRY(KeyRef key, RemoteKey::from_file(*der, module.daemon));
    return der;
  }
  TRY(KeyReference reference, parse_key_reference_pem(pem));
  TRY(KeyRef key, RemoteKey::make(reference, module.daemon));
  return encode_key_reference(reference);
}

int pass_der(Bytes der, OSSL_CALLBACK* callback, void* argument) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der.data(), der.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, const_cast<char*>(kStructure), 0),
      OSSL_PARAM_construct_end()};
  return callback(params, argument);
}

int decode_pem(void* context, OSSL_CORE_BIO* file, int, OSSL_CALLBACK* callback, void* argument,
               OSSL_PASSPHRASE_CALLBACK*, void*) {
  const ModuleContext& module = static_cast<Decoding*>(context)->module;
  return at_edge(module.errors, 0, [&] {
    auto block = next_pem(module.bio, file);
    if (!block || !is_ours(*block)) return 1;
    auto der = checked_der(module, *block);
    if (der) return pass_der(std::move(*der), callback, argument);
    module.errors.raise(der.error());
    return 0;
  });
}

// read_der reads at most one byte more than a key can have, so that a longer file does not parse.
Bytes read_der(const CoreBio& core, OSSL_CORE_BIO* file) {
  Bytes der(kMaxDer + 1);
  std::size_t size = 0;
  for (std::size_t n = 0; size < der.size(); size += n)
    if (core.read_ex(file, der.data() + size, der.size() - size, &n) != 1 || n == 0) break;
  der.resize(size);
  return der;
}

int decode_der(void* context, OSSL_CORE_BIO* file, std::string_view type, OSSL_CALLBACK* callback,
               void* argument) {
  const ModuleContext& module = static_cast<Decoding*>(context)->module;
  return at_edge(module.errors, 0, [&] {
    Bytes der = read_der(module.bio, file);
    auto reference = parse_key_reference(der);
    auto key =
        reference ? RemoteKey::make(*reference, module.daemon) : RemoteKey::from_file(der, module.daemon);
    if (!key || (*key)->type_name() != type) return 1;
    return load_key(module.errors, std::move(*key), callback, argument);
  });
}

int decode_ec(void* context, OSSL_CORE_BIO* file, int, OSSL_CALLBACK* callback, void* argument,
              OSSL_PASSPHRASE_CALLBACK*, void*) {
  return decode_der(context, file, "EC", callback, argument);
}
int decode_rsa(void* context, OSSL_CORE_BIO* file, int, OSSL_CALLBACK* callback, void* argument,
               OSSL_PASSPHRASE_CALLBACK*, void*) {
  return decode_der(context, file, "RSA", callback, argument);
}

}  // namespace

#define DECODER_ROWS                                                                                        \
  ATTEST_ROW(OSSL_FUNC_DECODER_NEWCTX, decoding_new), ATTEST_ROW(OSSL_FUNC_DECODER_FREECTX, decoding_free), \
      ATTEST_ROW(OSSL_FUNC_DECODER_DOES_SELECTION, does_selection)
const OSSL_DISPATCH kPemDecoder[] = {DECODER_ROWS, ATTEST_ROW(OSSL_FUNC_DECODER_DECODE, decode_pem),
                                     ATTEST_LAST_ROW};
const OSSL_DISPATCH kEcDecoder[] = {DECODER_ROWS, ATTEST_ROW(OSSL_FUNC_DECODER_DECODE, decode_ec),
                                    ATTEST_LAST_ROW};
const OSSL_DISPATCH kRsaDecoder[] = {DECODER_ROWS, ATTEST_ROW(OSSL_FUNC_DECODER_DECODE, decode_rsa),
                                     ATTEST_LAST_ROW};
#undef DECODER_ROWS

}  // namespace attest
