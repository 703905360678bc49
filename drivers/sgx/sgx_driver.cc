#include "drivers/sgx/sgx_driver.h"

#include <cerrno>
#include <cstring>

#include "evidence/core/printable.h"
#include "evidence/dcap/anchor.h"

namespace attest {
namespace {

constexpr int kTries = 50;

Error failed(const std::filesystem::path& path, int error) {
  return {error == EACCES || error == EPERM ? Errc::denied : Errc::io,
          "sgx: " + path.string() + ": " + std::strerror(error)};
}

// GramineFiles are the pseudo files: report data is written, a quote is read back. Interrupted calls are
// tried again.
class GramineFiles {
 public:
  GramineFiles(std::filesystem::path root, std::shared_ptr<TsmFiles> files) : root_(std::move(root)), files_(std::move(files)) {}
  Status put(const char* name, View bytes) {
    int error = EINTR;
    for (int i = 0; i < kTries && (error == EINTR || error == EAGAIN || error == EBUSY); i++)
      error = files_->write(root_ / name, bytes);
    return error == 0 ? ok() : Status(failed(root_ / name, error));
  }
  Result<Bytes> get(const char* name) {
    TsmFiles::Content content{EINTR, {}};
    for (int i = 0;
         i < kTries && (content.error == EINTR || content.error == EAGAIN || content.error == EBUSY); i++)
      content = files_->read(root_ / name);
    if (content.error != 0) return failed(root_ / name, content.error);
    return std::move(content.bytes);
  }

 private:
  std::filesystem::path root_;
  std::shared_ptr<TsmFiles> files_;
};

class SgxDriver : public Driver {
 public:
  SgxDriver(const SgxDriverConfig& config, std::shared_ptr<TsmFiles> files) : files_(config.root, std::move(files)) {}
  Status begin() {
    TRY(Bytes type, files_.get("attestation_type"));
    std::string name = printable(as_text(type), 32);
    if (!name.starts_with("dcap"))
      return Error{Errc::denied, "sgx: Gramine attests by \"" + name +
                                     "\"; set sgx.remote_attestation = \"dcap\" in its manifest"};
    TRY(SgxAnchor first, fetch(Bytes(std::size_t{64})));
    TRY(identity_, identity_of(first.quote));
    return ok();
  }
  AnchorKind kind() const override { return AnchorKind::sgx; }
  AnchorIdentity identity() const override { return {AnchorKind::sgx, identity_}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p256"; }
  Result<Anchor> quote(const Digest& qualifying) override {
    TRY(SgxAnchor anchor, fetch(dcap_report_data(qualifying)));
    TRY(Bytes identity, identity_of(anchor.quote));
    if (identity != identity_) return Error{Errc::io, "sgx: another platform answers than at start"};
    return Anchor(std::move(anchor));
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override {
    return Error{Errc::unsupported, "sgx: enclaves keep no measurement log"};
  }

 private:
  Result<SgxAnchor> fetch(View report_data) {
    CHECK_OK(files_.put("user_report_data", report_data));
    TRY(Bytes padded, files_.get("quote"));
    SgxAnchor anchor;
    TRY(anchor.quote, bare_quote(padded));
    TRY(Quote quote, parse_quote(anchor.quote));
    if (quote.enclave() == nullptr || !equal(quote.report_data(), report_data))
      return Error{Errc::io, "sgx: the quote is over other data than asked for"};
    return anchor;
  }
  static Result<Bytes> identity_of(View quote) {
    TRY(Quote parsed, parse_quote(quote));
    auto pck = pck_of(parsed);
    if (!pck)
      return Error{Errc::denied,
                   "sgx: " + pck.error().what + "; set up the host's quote provider library with a PCCS"};
    return dcap_identity(*pck);
  }
  GramineFiles files_;
  Bytes identity_;
};

}  // namespace

Result<OpenedDriver> open_sgx_with(const SgxDriverConfig& config, std::shared_ptr<TsmFiles> files) {
  auto driver = std::make_unique<SgxDriver>(config, std::move(files));
  CHECK_OK(driver->begin());
  OpenedDriver opened;
  opened.driver = std::move(driver);
  return opened;
}

Result<OpenedDriver> open_sgx(const SgxDriverConfig& config) { return open_sgx_with(config, posix_tsm_files()); }

}  // namespace attest
