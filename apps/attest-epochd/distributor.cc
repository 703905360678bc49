#include "apps/attest-epochd/distributor.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <charconv>

#include "evidence/core/crypto.h"
#include "evidence/core/file.h"
#include "evidence/x509/private_key.h"

namespace attest::epochd {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = 1 << 16;

Result<Bytes> pem_of(EVP_PKEY* key, bool secret) {
  OwnedBio bio(BIO_new(BIO_s_secmem()));
  bool done = bio && (secret ? PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1
                             : PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  if (!done) return Error{Errc::io, "epoch key: OpenSSL cannot write it"};
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);
  return to_bytes({reinterpret_cast<const std::uint8_t*>(text), static_cast<std::size_t>(size)});
}

Result<OwnedPkey> read_key(const fs::path& path) {
  TRY(Bytes pem, read_file(path, kMaxFile));
  auto key = parse_private_key(pem, path.string());
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!key) return key.error();
  if (auto spki = write_p256(key->get()); !spki) return Error{Errc::malformed, path.string() + ": " + spki.error().what};
  return key;
}

// check_mode: a key that others can read signs for others.
Status check_mode(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Error{Errc::io, path.string() + ": not there; make it with: attest-epochd init"};
  if ((info.st_mode & 077) == 0) return ok();
  return Error{Errc::denied, path.string() + ": other users can read it; remedy: chmod 600"};
}

}  // namespace

Status make_key(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::exists(folder / kKeyFile, error))
    return Error{Errc::denied, (folder / kKeyFile).string() + ": there is a key already; a new one needs another folder"};
  OwnedPkey key(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", "P-256"));
  if (!key) return Error{Errc::io, "epoch key: OpenSSL cannot make one"};
  TRY(Bytes secret, pem_of(key.get(), true));
  TRY(Bytes open, pem_of(key.get(), false));
  Status written = write_file_atomic(folder / kKeyFile, secret, 0600);
  OPENSSL_cleanse(secret.data(), secret.size());
  CHECK_OK(std::move(written));
  return write_file_atomic(folder / kPublicFile, open, 0644);
}

Result<Distributor> Distributor::open(const fs::path& folder) {
  CHECK_OK(check_mode(folder / kKeyFile));
  TRY(OwnedPkey key, read_key(folder / kKeyFile));
  Distributor distributor(folder, std::move(key));
  CHECK_OK(distributor.read_last());
  return distributor;
}

Status Distributor::read_last() {
  std::error_code ignored;
  fs::path path = folder_ / kLastFile;
  if (!fs::exists(path, ignored)) return ok();
  TRY(Bytes bytes, read_file(path, kMaxFile));
  std::string_view text = as_text(bytes);
  auto time = std::from_chars(text.data(), text.data() + text.size(), last_.time);
  bool good = time.ec == std::errc() && time.ptr != text.data() + text.size() && *time.ptr == ' ';
  if (good) good = std::from_chars(time.ptr + 1, text.data() + text.size(), last_.sequence).ec == std::errc();
  if (good && last_.time >= 0) return ok();
  return Error{Errc::malformed, path.string() + ": not a time and a sequence; remove it once you know that this machine's clock is right"};
}

Result<Bytes> Distributor::next(UnixTime now) {
  if (now < last_.time)
    return Error{Errc::stale, "the clock says " + format_rfc3339(now) + ", the last Epoch ID is of " + format_rfc3339(last_.time) +
                                  ": nothing is signed until it has passed that"};
  EpochId epoch{now, std::max(last_.sequence + 1, static_cast<std::uint64_t>(now)), {}};
  if (RAND_bytes_ex(private_libctx(), epoch.random.data(), epoch.random.size(), 0) != 1)
    return Error{Errc::io, "no random bytes for an Epoch ID"};
  TRY(SignedEpochId made, sign_epoch(epoch, key_.get()));
  TRY(Bytes bytes, encode_signed_epoch(made));
  std::string last = std::to_string(epoch.time) + " " + std::to_string(epoch.sequence) + "\n";
  CHECK_OK(write_file_atomic(folder_ / kLastFile, as_view(last), 0600));
  last_ = epoch;
  return bytes;
}

}  // namespace attest::epochd
