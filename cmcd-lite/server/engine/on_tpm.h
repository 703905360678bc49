// on_tpm.h: work on the TPM's thread that somebody waits for.
#pragma once
#include <future>

#include "cmcd-lite/server/devices/tpm_thread.h"

namespace attest {

// on_tpm runs work (Result<T>(TpmThread::Devices&)) on the TPM's thread and waits for it: never from that thread or the loop's.
template <class T, class F>
Result<T> on_tpm(TpmThread& tpm, uid_t source, F work) {
  auto done = std::make_shared<std::promise<Result<T>>>();
  auto result = done->get_future();
  tpm.run(source, [work = std::move(work), done](Result<TpmThread::Devices*> devices) {
    done->set_value(devices ? work(**devices) : Result<T>(devices.error()));
  });
  return result.get();
}

}  // namespace attest
