#include "evidence/logs/efi/guid.h"

#include "evidence/core/hex.h"

namespace attest::efi {
namespace {

struct Row {
  std::string_view text, name;
};
constexpr Row kNames[] = {
    {kGlobalVariable, "EFI_GLOBAL_VARIABLE"},
    {kImageSecurityDatabase, "EFI_IMAGE_SECURITY_DATABASE"},
    {kShimLock, "SHIM_LOCK"},
    {kCertX509, "EFI_CERT_X509"},
    {kCertSha256, "EFI_CERT_SHA256"},
    {"3c5766e8-269c-4e34-aa14-ed776e85b3b6", "EFI_CERT_RSA2048"},
    {"e2b36190-879b-4a3d-ad8d-f2e7bba32784", "EFI_CERT_RSA2048_SHA256"},
    {"826ca512-cf10-4ac9-b187-be01496631bd", "EFI_CERT_SHA1"},
    {"0b6e5233-a65c-44c9-9407-d9ab83bfc8bd", "EFI_CERT_SHA224"},
    {"ff3e5307-9fd0-48c9-85f1-8ad56c701e01", "EFI_CERT_SHA384"},
    {"093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", "EFI_CERT_SHA512"},
    {"3bd2a492-96c0-4079-b420-fcf98ef103ed", "EFI_CERT_X509_SHA256"},
    {"7076876e-80c2-4ee6-aad2-28b349a6865b", "EFI_CERT_X509_SHA384"},
    {"446dbf63-2502-4cda-bcfa-2465d2b0fe9d", "EFI_CERT_X509_SHA512"},
    {"4aafd29d-68df-49ee-8aa9-347d375665a7", "EFI_CERT_TYPE_PKCS7"},
    {"77fa9abd-0359-4d32-bd60-28f4e78f784b", "Microsoft"},
    {"4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "systemd LoaderInfo"},
    {"8868e871-e4f1-11d3-bc22-0080c73c8881", "ACPI 2.0 table"},
    {"eb9d2d30-2d88-11d3-9a16-0090273fc14d", "ACPI table"},
    {"eb9d2d31-2d88-11d3-9a16-0090273fc14d", "SMBIOS table"},
    {"f2fd1544-9794-4a2c-992e-e5bbcf20e394", "SMBIOS3 table"},
    {"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system partition"},
    {"0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux filesystem"},
    {"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"},
    {"21686148-6449-6e6f-744e-656564454649", "BIOS boot partition"},
    {"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"},
    {"bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux extended boot"},
    {"e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"},
    {"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "basic data"},
    {"e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"},
    {"de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery"},
    {"fe3a2a5d-4f32-41a7-b725-accc3285a309", "ChromeOS kernel"},
    {"3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec", "ChromeOS root"},
    {"2e0a753d-9e48-43b0-8337-b15192cb1b5e", "ChromeOS reserved"},
    {"cab6e88e-abf3-4102-a07a-d4bb9be3c1d3", "ChromeOS firmware"},
};

}  // namespace

std::string guid_text(View guid) {
  if (guid.size() != kGuidSize) return {};
  Reader in(guid);
  Writer out;  // the first three numbers are little endian
  out.u32be(in.u32le());
  out.u16be(in.u16le());
  out.u16be(in.u16le());
  out.put(in.rest());
  auto bytes = std::move(out).finish("guid");
  std::string text = bytes ? to_hex(*bytes) : std::string();
  for (std::size_t at : {8U, 13U, 18U, 23U})
    if (text.size() > at) text.insert(at, 1, '-');
  return text;
}

std::string_view guid_name(std::string_view text) {
  for (const Row& row : kNames)
    if (row.text == text) return row.name;
  return {};
}

}  // namespace attest::efi
