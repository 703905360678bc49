#include "drivers/sw/sw_driver.h"

#include <unistd.h>

#include "drivers/sw/key_file.h"
#include "drivers/sw/sw_keys.h"
#include "evidence/native/sw_statement.h"

namespace attest {
namespace {

constexpr TlsScheme kStatementScheme = {0x0403, HashAlg::sha256, "ec-p256"};

class SwDriver : public Driver {
 public:
  SwDriver(OwnedPkey key, Bytes public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}
  AnchorKind kind() const override { return AnchorKind::sw; }
  AnchorIdentity identity() const override {
    return {AnchorKind::sw, to_bytes(sw_identity(public_key_).view())};
  }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p256"; }
  Result<Anchor> quote(const Digest& qualifying) override;
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override {
    return Error{Errc::unsupported, "sw: the software driver has no measurement logs"};
  }

 private:
  OwnedPkey key_;
  Bytes public_key_;
};

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "unknown";
}

Result<Anchor> SwDriver::quote(const Digest& qualifying) {
  TRY(Bytes statement, encode_sw_statement({qualifying, host_name(), {}}));
  TRY(Bytes signature, sw_sign(key_.get(), kStatementScheme, statement));
  return Anchor(SwAnchor{std::move(statement), std::move(signature), public_key_});
}

Result<OwnedPkey> read_or_make(const std::filesystem::path& path) {
  auto key = read_sw_key(path);
  if (key || key.error().code != Errc::mismatch) return key;
  TRY(OwnedPkey made, make_sw_key("ec-p256"));
  CHECK_OK(write_sw_key(path, made.get()));
  return made;
}

}  // namespace

Result<OpenedDriver> open_sw(const SwDriverConfig& config) {
  TRY(OwnedPkey key, read_or_make(config.key));
  TRY(std::string algorithm, key_algorithm(key.get()));
  if (algorithm != "ec-p256")
    return Error{Errc::denied,
                 config.key.string() + ": is " + algorithm + "; the software driver signs with ec-p256"};
  TRY(Bytes spki, public_der(key.get()));
  TRY(std::unique_ptr<SwKeyStore> keys, SwKeyStore::open(config.state_dir / "keys"));
  OpenedDriver opened;
  opened.driver = std::make_unique<SwDriver>(std::move(key), std::move(spki));
  opened.keys = std::move(keys);
  return opened;
}

}  // namespace attest
