#include <cstdint>
#include <limits>
#include <string_view>

#include "collector/store/rows.hpp"

namespace fanlight::store {

Result<> write_words(sqlite3* db) {
  auto reason = Statement::prepare(db, "INSERT INTO reason VALUES(?, ?, ?)");
  if (!reason) return std::unexpected(reason.error());
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto number = static_cast<Reason>(i);
    if (auto done = reason->run(std::uint64_t{i}, name_of(state_of(number)), name_of(number)); !done) return done;
  }
  struct Word {
    Sampler sampler;
    std::string_view name, unit;
  };
  auto sampler = Statement::prepare(db, "INSERT INTO sampler VALUES(?, ?, ?)");
  if (!sampler) return std::unexpected(sampler.error());
  for (const Word& word :
       {Word{Sampler::kernel_cpu, "kernel on-cpu", "ns"}, Word{Sampler::kernel_blocked, "kernel blocked", "ns"},
        Word{Sampler::socket_write, "socket write", "bytes"}, Word{Sampler::map_operation, "map operation", "ns"},
         Word{Sampler::inprocess_cpu, "in-process on-cpu", "ns"},
         Word{Sampler::registry_operation, "registry operation", "ns"}, Word{Sampler::wakeup, "wake-up", "ns"}}) {
    if (auto done = sampler->run(static_cast<int>(word.sampler), word.name, word.unit); !done) return done;
  }
  auto found = Statement::prepare(db, "INSERT INTO found VALUES(?, ?)");
  if (!found) return std::unexpected(found.error());
  for (std::size_t i = 0; i < kFrameFounds; ++i) {
    const std::string_view name = name_of(static_cast<FrameFound>(i));
    if (name.empty()) continue;
    if (auto done = found->run(std::uint64_t{i}, name); !done) return done;
  }
  auto bucket = Statement::prepare(db, "INSERT INTO bucket VALUES(?, ?, ?)");
  if (!bucket) return std::unexpected(bucket.error());
  constexpr unsigned kBits = KernelHistogram::kBits;
  const unsigned last = fanlight_bucket(std::numeric_limits<std::int64_t>::max(), kBits);
  for (unsigned i = 0; i <= last; ++i) {
    const std::uint64_t high = fanlight_bucket_low(i + 1, kBits) - 1;
    if (auto done = bucket->run(i, std::uint64_t{fanlight_bucket_low(i, kBits)}, high); !done) return done;
  }
  return {};
}

Result<> write_target(sqlite3* db, const profile::Target& target, const Redact& redact) {
  const auto shown = [&](const std::string& text) { return redact ? redact(text) : text; };
  if (auto done = execute(db, "DELETE FROM target; DELETE FROM form"); !done) return done;
  auto row = Statement::prepare(db, "INSERT INTO target VALUES(?, ?, ?, ?, ?, ?, ?)");
  if (!row) return std::unexpected(row.error());
  if (auto done = row->run(target.pid, shown(target.name), shown(target.executable), shown(target.kernel),
                           shown(target.host), target.sample_hz, target.weight_unit);
      !done) {
    return done;
  }
  auto form_row = Statement::prepare(db, "INSERT INTO form VALUES(NULL, ?, ?, ?)");
  if (!form_row) return std::unexpected(form_row.error());
  for (const kernel::Form& form : target.forms) {
    if (auto done = form_row->run(form.probe, form.form, shown(form.why)); !done) return done;
  }
  return {};
}

Result<> write_meta(sqlite3* db, std::int64_t realtime_offset_ns) {
  auto row = Statement::prepare(db, "INSERT INTO meta VALUES(?, ?)");
  if (!row) return std::unexpected(row.error());
  if (auto done = row->run(std::string_view("complete"), 0); !done) return done;
  if (auto done = row->run(std::string_view("slices_let_go"), 0); !done) return done;
  return row->run(std::string_view("realtime_offset_ns"), realtime_offset_ns);
}

}  // namespace fanlight::store
